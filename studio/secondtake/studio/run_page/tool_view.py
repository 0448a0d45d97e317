"""A tool call: one line, and unfolded its arguments and what came back."""

from typing import Any, Final

from secondtake.backend.formats import duration, money
from secondtake.backend.models.records import ToolCallRow
from secondtake.studio.html import Html, el, icon
from secondtake.studio.run_page.failure import error_block, has_failed
from secondtake.studio.run_page.json_text import in_one_line, laid_out, name_line
from secondtake.studio.run_page.long_text import Place, text_block, whole_length
from secondtake.studio.run_page.message_parts import message_body
from secondtake.studio.run_page.reading import Reading
from secondtake.studio.run_page.tool_rows import ToolUse
from secondtake.studio.theme.tokens import KIND_ICONS

NEVER_FOLDED: Final = 1_000_000_000


def tool_view(use: ToolUse, reading: Reading) -> Html:
    """Return a tool call, folded to one line unless it is chosen."""
    row, chosen = use.row, use.key == reading.use
    failed = row is not None and has_failed(row)
    kind = (row.span_kind if row is not None else None) or "tool"
    summary = el(
        "summary",
        icon("chevron_right", cls="fold-mark"),
        icon(KIND_ICONS.get(kind, "build"), cls=f"kind-{kind if kind in KIND_ICONS else 'tool'}"),
        el("b", name_line(use.name or "tool")),
        el("code", _arguments_line(use), cls="one-line"),
        _flag(use, failed=failed, running=reading.view.is_running),
        _time(row),
    )
    cls = "tool" + (" is-failed" if failed else "") + (" is-chosen" if chosen else "")
    return el("details", summary, tool_inside(use, reading), cls=cls, open=chosen, data_key=use.key)


def tool_inside(use: ToolUse, reading: Reading) -> list[Html]:
    """Return the arguments and the result of a tool call, in full."""
    return [_arguments(use, reading), *_result(use, reading)]


def _time(row: ToolCallRow | None) -> Html | None:
    if row is None or row.duration_ms is None:
        return None
    return el("span", duration(row.duration_ms), cls="num")


def _flag(use: ToolUse, *, failed: bool, running: bool) -> Html | None:
    if failed:
        return el("span", "error", cls="error flag")
    if use.row is not None and use.row.served_from not in (None, "live"):
        return el("span", use.row.served_from or "", cls="flag meta")
    if use.row is None and use.answer is None:
        return el("span", "running" if running else "no answer", cls="flag meta")
    return None


def _given(use: ToolUse) -> Any:
    """Return the arguments as they were executed, else as the model wrote them."""
    if use.row is not None and use.row.arguments is not None:
        return use.row.arguments
    return use.asked


def _arguments_line(use: ToolUse) -> str:
    given = _given(use)
    return "" if given is None else in_one_line(given)


def _arguments(use: ToolUse, reading: Reading) -> Html:
    given = laid_out(_given(use)) if _given(use) is not None else "none"
    row = use.row
    place = Place(table="tool_calls", row=row.span_id if row else "", field="arguments")
    total = whole_length(row.clipped, "arguments", given) if row else len(given)
    body = text_block(given, place, reading.pieces, total=total, cls="mono", fold_at=NEVER_FOLDED)
    return _labelled("arguments", body)


def _result(use: ToolUse, reading: Reading) -> list[Html]:
    parts: list[Html] = []
    row = use.row
    if row is not None and has_failed(row):
        parts.append(_labelled("error", error_block(row, "tool_calls", reading)))
    if use.answer is not None:
        parts.append(_labelled("result", message_body(use.answer, reading, cls="mono")))
    elif row is not None and row.result is not None:
        text = laid_out(row.result)
        place = Place(table="tool_calls", row=row.span_id, field="result")
        total = whole_length(row.clipped, "result", text)
        block = text_block(text, place, reading.pieces, total=total, cls="mono")
        parts.append(_labelled("result", block))
    if row is not None and row.cost_usd is not None:
        parts.append(_labelled("price", el("div", money(row.cost_usd), cls="mono num")))
    return parts


def _labelled(label: str, body: Html | None) -> Html:
    return el("div", el("div", label, cls="label"), body, cls="labelled")
