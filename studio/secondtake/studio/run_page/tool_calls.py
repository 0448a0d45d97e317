"""The tool calls of a run as a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from secondtake.backend.formats import counted, duration
from secondtake.backend.models.records import ToolCallRow
from secondtake.studio.html import Html, el, icon
from secondtake.studio.run_page.failure import error_line, has_failed
from secondtake.studio.run_page.json_text import in_one_line, name_line
from secondtake.studio.run_page.long_text import action
from secondtake.studio.run_page.reading import Reading
from secondtake.studio.run_page.tool_rows import ToolUse
from secondtake.studio.run_page.tool_view import tool_inside
from secondtake.studio.theme.tokens import KIND_ICONS

ROWS_AT_ONCE: Final = 200
MORE_ACT: Final = "tools-more"
OPEN_ACT: Final = "tool-open"


def tool_calls(reading: Reading, *, limit: int = ROWS_AT_ONCE) -> Html:
    """Return the tool calls: tool, arguments, what came back, where it was served from, time."""
    rows = reading.view.detail.tool_calls
    if not rows:
        said = el("p", "No tool was called in this run.")
        return el("div", icon("build", cls="empty-icon"), said, cls="empty small")
    head = el(
        "div",
        el("span", "Tool and arguments"),
        el("span", "Result"),
        el("span", "Time", cls="right"),
        cls="tools-row tools-head pane-sticky",
    )
    lines = [_row(row, reading) for row in rows[:limit]]
    parts = [el("div", _summary(rows), cls="pane-note num"), head, *lines]
    if len(rows) > limit:
        more = action("Show more", MORE_ACT, str(limit + ROWS_AT_ONCE))
        parts.append(el("div", more, cls="more"))
    return el("div", parts, cls="tools-table")


def _summary(rows: Sequence[ToolCallRow]) -> str:
    """Return how many calls there were, how they ended and where they were served from."""
    served = Counter(row.served_from or "unknown" for row in rows)
    parts = [counted(len(rows), "tool call")]
    if failed := sum(has_failed(row) for row in rows):
        parts.append(f"{failed:,} failed")
    if len(served) == 1:
        parts.append(f"served {next(iter(served))}")
    else:
        parts += [f"{count:,} {origin}" for origin, count in served.most_common()]
    return " · ".join(parts)


def _row(row: ToolCallRow, reading: Reading) -> Html:
    chosen = row.span_id == reading.span_id
    is_open = row.span_id in reading.opened or chosen
    use = ToolUse(key=row.span_id, name=row.tool, asked=row.arguments, row=row)
    cls = "tool-line" + (" is-chosen" if chosen else "") + (" is-failed" if has_failed(row) else "")
    return el(
        "details",
        _line(row),
        tool_inside(use, reading) if is_open else [],
        cls=cls,
        open=is_open,
        data_key=f"row-{row.span_id}",
        data_lazy=None if is_open else True,
        data_act=OPEN_ACT,
        data_value=row.span_id,
    )


def _line(row: ToolCallRow) -> Html:
    kind = row.span_kind if row.span_kind in KIND_ICONS else "tool"
    failed = has_failed(row)
    served = row.served_from if row.served_from not in (None, "live") else None
    return el(
        "summary",
        el(
            "span",
            icon(KIND_ICONS[kind], cls=f"kind-{kind}"),
            el("b", name_line(row.tool or "tool")),
            el("code", _arguments_line(row), cls="one-line"),
            cls="cell",
        ),
        el(
            "span",
            icon("error") if failed else None,
            el("code", error_line(row) if failed else _result_line(row), cls="one-line"),
            el("span", served, cls="chip") if served else None,
            cls="cell error" if failed else "cell",
        ),
        el("span", duration(row.duration_ms), cls="num right"),
        cls="tools-row",
    )


def _arguments_line(row: ToolCallRow) -> str:
    """Return arguments as `order_id=#W12 · count=2`; what is no object as it is."""
    given = row.arguments
    if isinstance(given, Mapping):
        return " · ".join(f"{name}={in_one_line(value)}" for name, value in given.items())[:300]
    return "" if given is None else in_one_line(given)


def _result_line(row: ToolCallRow) -> str:
    return "" if row.result is None else in_one_line(row.result)
