"""The tool calls of a run as a table."""

from typing import Final

from secondtake.backend.formats import counted, duration
from secondtake.backend.models.records import ToolCallRow
from secondtake.studio.html import Html, el, icon
from secondtake.studio.run_page.failure import error_line, has_failed
from secondtake.studio.run_page.json_text import in_one_line
from secondtake.studio.run_page.long_text import action
from secondtake.studio.run_page.reading import Reading
from secondtake.studio.run_page.threads import ToolUse
from secondtake.studio.run_page.tool_view import tool_inside
from secondtake.studio.theme.tokens import KIND_ICONS

ROWS_AT_ONCE: Final = 200
MORE_ACT: Final = "tools-more"
OPEN_ACT: Final = "tool-open"


def tool_calls(reading: Reading, *, limit: int = ROWS_AT_ONCE) -> Html:
    """Return the tool calls: tool, arguments, what came back, time, where it was served from."""
    rows = reading.view.detail.tool_calls
    if not rows:
        said = el("p", "No tool was called in this run.")
        return el("div", icon("build", cls="empty-icon"), said, cls="empty small")
    failed = sum(has_failed(row) for row in rows)
    summary = counted(len(rows), "tool call")
    if failed:
        summary += f", {failed:,} failed"
    head = el(
        "div",
        el("span", "Tool"),
        el("span", "Result"),
        el("span", "Served"),
        el("span", "Time", cls="right"),
        cls="tools-row tools-head pane-sticky",
    )
    lines = [_row(row, reading) for row in rows[:limit]]
    parts = [el("div", summary, cls="pane-note num"), head, *lines]
    if len(rows) > limit:
        parts.append(
            el("div", action("Show more", MORE_ACT, str(limit + ROWS_AT_ONCE)), cls="more")
        )
    return el("div", parts, cls="tools-table")


def _row(row: ToolCallRow, reading: Reading) -> Html:
    kind = row.span_kind if row.span_kind in KIND_ICONS else "tool"
    chosen = row.span_id == reading.span_id
    is_open = row.span_id in reading.opened or chosen
    failed = has_failed(row)
    result = error_line(row) if failed else _result_line(row)
    summary = el(
        "summary",
        el(
            "span",
            icon(KIND_ICONS[kind], cls=f"kind-{kind}"),
            el("b", row.tool or "tool"),
            el("code", _arguments_line(row), cls="one-line"),
            cls="cell",
        ),
        el("span", icon("error") if failed else None, el("code", result, cls="one-line"),
           cls="cell error" if failed else "cell"),
        el("span", row.served_from or "", cls="meta"),
        el("span", duration(row.duration_ms), cls="num right"),
        cls="tools-row",
    )  # fmt: skip
    use = ToolUse(key=row.span_id, name=row.tool, asked=row.arguments, row=row)
    inside = tool_inside(use, reading) if is_open else []
    cls = "tool-line" + (" is-chosen" if chosen else "") + (" is-failed" if failed else "")
    return el(
        "details",
        summary,
        inside,
        cls=cls,
        open=is_open,
        data_key=f"row-{row.span_id}",
        data_lazy=None if is_open else True,
        data_act=OPEN_ACT,
        data_value=row.span_id,
    )


def _arguments_line(row: ToolCallRow) -> str:
    return "" if row.arguments is None else in_one_line(row.arguments)


def _result_line(row: ToolCallRow) -> str:
    return "" if row.result is None else in_one_line(row.result)
