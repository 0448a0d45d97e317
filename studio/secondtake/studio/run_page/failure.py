"""What went wrong: of a run, of a call, of a tool."""

from typing import Final

from secondtake.backend.formats import duration
from secondtake.backend.models.records import LlmCallRow, NodeTiming, SpanRow, ToolCallRow
from secondtake.studio.html import Html, el, icon
from secondtake.studio.run_page.data import RunView
from secondtake.studio.run_page.json_text import in_one_line, name_line
from secondtake.studio.run_page.long_text import Place, action, text_block, whole_length
from secondtake.studio.run_page.reading import Reading

SPAN_ACT: Final = "span"
MESSAGE_FOLD_CHARS: Final = 1_200

CLASSES: Final = {
    "rate_limit": "rate limit",
    "timeout": "time-out",
    "server": "the provider's fault",
    "auth": "the key was refused",
    "bad_request": "the request was refused",
    "context_length": "the prompt is too long",
}
"""Words for what a provider's error means."""


def has_failed(row: SpanRow) -> bool:
    """Tell whether a span ended in an error."""
    return bool(row.error_type or row.error_message)


def failing_span(view: RunView) -> str | None:
    """Return the span that a run's error came from: the deepest that failed last of its kind."""
    rows: list[SpanRow] = [*view.detail.tool_calls, *view.detail.llm_calls]
    failed = [row for row in rows if has_failed(row)]
    message = view.detail.summary.error_message
    same = [row for row in failed if row.error_message and row.error_message in (message or "")]
    if same:
        return same[-1].span_id
    nodes: list[NodeTiming] = [row for row in view.detail.node_timings if has_failed(row)]
    same_nodes = [node for node in nodes if node.error_message == message] or nodes
    if same_nodes:
        deepest = max(same_nodes, key=lambda node: (node.node_path or "").count("/"))
        return deepest.span_id
    return None


def run_failure(reading: Reading) -> Html | None:
    """Return the error that ended a run; None for one that has none."""
    run = reading.view.detail.summary
    if not (run.error_type or run.error_message):
        return None
    span_id = failing_span(reading.view)
    link = action("Show where", SPAN_ACT, span_id, symbol="my_location") if span_id else None
    kind = name_line(run.error_type or "Error")
    head = el(
        "div",
        icon("error"),
        el("b", kind, cls="error cut", title=kind),
        el("span", cls="grow"),
        link,
        cls="failure-head",
    )
    body = [
        _text(run.error_message, "error_message", reading, cls="said"),
        _traceback(
            run.error_traceback,
            Place(table="runs", row="-", field="error_traceback"),
            reading,
            run.clipped,
            is_open=not reading.view.tree.spans,
        ),
    ]
    return el("div", head, body, cls="failure", role="alert", data_key="failure")


def error_block(row: SpanRow, table: str, reading: Reading) -> Html:
    """Return the error of a span."""
    message = row.error_message or ""
    place = Place(table=table, row=row.span_id, field="error_message")
    total = whole_length(row.clipped, "error_message", message)
    trace = Place(table=table, row=row.span_id, field="error_traceback")
    return el(
        "div",
        el("div", name_line(row.error_type), cls="error mono") if row.error_type else None,
        text_block(message, place, reading.pieces, total=total, cls="mono"),
        _traceback(row.error_traceback, trace, reading, row.clipped),
    )


def attempt_line(row: LlmCallRow, reading: Reading) -> Html:
    """Return why a request to a model failed: in words, with what the provider said."""
    facts: list[str] = []
    if (row.attempt or 1) > 1:
        facts.append(f"attempt {row.attempt}")
    if row.http_status is not None:
        facts.append(f"HTTP {row.http_status}")
    if row.error_class:
        facts.append(CLASSES.get(row.error_class, row.error_class))
    if row.retry_after_s is not None:
        facts.append(f"Retry-After {duration(row.retry_after_s * 1000)}")
    return el(
        "div",
        el("div", icon("error"), el("span", " · ".join(facts) or "failed"), cls="error attempt"),
        error_block(row, "llm_calls", reading),
    )


def error_line(row: ToolCallRow | LlmCallRow) -> str:
    """Return an error in one line."""
    return in_one_line(": ".join(filter(None, (row.error_type, row.error_message))))


def _text(text: str | None, field: str, reading: Reading, *, cls: str) -> Html | None:
    if not text:
        return None
    place = Place(table="runs", row="-", field=field)
    total = whole_length(reading.view.detail.summary.clipped, field, text)
    return text_block(text, place, reading.pieces, total=total, cls=cls, fold_at=MESSAGE_FOLD_CHARS)


def _traceback(
    text: str | None,
    place: Place,
    reading: Reading,
    clipped: dict[str, int] | None,
    *,
    is_open: bool = False,
) -> Html | None:
    if not text:
        return None
    total = whole_length(clipped, "error_traceback", text)
    block = text_block(text, place, reading.pieces, total=total, cls="mono", fold_at=total + 1)
    head = el("summary", icon("chevron_right", cls="fold-mark"), "Traceback")
    return el("details", head, block, cls="traceback", open=is_open)
