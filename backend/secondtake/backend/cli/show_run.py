"""A run as a whole: what it was, its tree of spans, and what came out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from secondtake.backend import formats
from secondtake.backend.cli.tables import Column, coloured_status, table
from secondtake.backend.cli.values import clip, indented, one_line_value, text_of
from secondtake.backend.models.records import EvaluationRow
from secondtake.backend.models.runs import RunDetail, RunFacts, SpanTree, TreeSpan
from secondtake.runner.narrow import is_object

FACT_WIDTH: Final = 11
SPANS_SHOWN: Final = 200
DEPTH_SHOWN: Final = 12
"""Deeper spans are drawn at this depth."""
ERROR_CHARACTERS: Final = 50
"""Of an error beside its span; the whole text stands below the tree, or in `--spans`."""
COLUMNS: Final = (
    Column(title="SPAN", shrinks_to=24),
    Column(title="TIME", right=True),
    Column(title="COST", right=True),
    Column(title="TOKENS", right=True),
)


def run_lines(detail: RunDetail, tree: SpanTree, *, width: int | None) -> list[str]:
    """Return the lines that `secondtake show` prints."""
    run = detail.summary
    name = formats.one_line(run.name or run.workflow or "run")
    return [
        f"{name} · {coloured_status(run.status)} · {run.run_id}",
        *(f"  {title:<{FACT_WIDTH}}{text}" for title, text in (*_facts(run), *_scores(detail))),
        "",
        *_tree_lines(tree, simulated=bool(run.simulated), width=width),
        *_ending(run),
        *([formats.SIMULATED_NOTE] if run.simulated else []),
    ]


def _facts(run: RunFacts) -> Iterator[tuple[str, str]]:
    started = formats.moment(run.started_at, now=datetime.now(UTC))
    exact = f" ({formats.utc(run.started_at)})" if run.started_at else ""
    yield "started", f"{started}{exact}, took {formats.duration(run.duration_ms)}"
    if run.models:
        yield "model" if len(run.models) == 1 else "models", formats.one_line(", ".join(run.models))
    yield "calls", _calls(run)
    yield "tokens", _tokens(run)
    yield "cost", _cost(run)
    for title, text in _who(run):
        if text:
            yield title, formats.one_line(text)
    if run.inputs is not None:
        yield "input", clip(one_line_value(run.inputs), 500)


def _scores(detail: RunDetail) -> Iterator[tuple[str, str]]:
    scores = [
        f"{score.name or 'score'} {_verdict(score)}"
        for score in detail.evaluations
        if score.span_id is None
    ]
    if scores:
        yield "scores", formats.one_line(", ".join(scores))


def _verdict(score: EvaluationRow) -> str:
    if score.score_value is None:
        return score.label or formats.UNKNOWN
    value = f"{score.score_value:g}"
    return f"{value} ({score.label})" if score.label else value


def _calls(run: RunFacts) -> str:
    parts = [
        formats.counted(run.llm_call_count or 0, "LLM call"),
        formats.counted(run.tool_call_count or 0, "tool call"),
        formats.counted(run.message_count or 0, "message"),
    ]
    if run.error_count:
        parts.append(formats.counted(run.error_count, "error"))
    return ", ".join(parts)


def _tokens(run: RunFacts) -> str:
    text = formats.tokens_in_out(run.input_tokens, run.output_tokens)
    if run.cache_read_tokens:
        text += f", {formats.tokens(run.cache_read_tokens)} of the input from the cache"
    if run.calls_without_usage:
        text += f", unknown for {formats.counted(run.calls_without_usage, 'call')}"
    return text


def _cost(run: RunFacts) -> str:
    text = formats.money(run.cost_usd)
    if run.simulated and run.cost_usd is not None:
        text += f"{formats.SIMULATED} (simulated)"
    if run.unpriced_calls:
        text += f", price unknown for {formats.counted(run.unpriced_calls, 'call')}"
    if run.avoided_cost_usd:
        text += f", {formats.money(run.avoided_cost_usd)} avoided"
    return text


def _who(run: RunFacts) -> Iterator[tuple[str, str | None]]:
    yield "session", run.session_id
    yield "user", run.user_id
    yield "agent", run.agent
    yield "tags", ", ".join(f"{key}={value}" for key, value in (run.tags or {}).items())
    yield "source", run.source if run.source != "native" else None
    yield "replay of", str(run.source_run_id) if run.source_run_id else None
    if run.replayable != "full":
        why = f", {run.replayable_reason}" if run.replayable_reason else ""
        yield "replayable", f"{run.replayable or formats.UNKNOWN}{why}"
    if run.recording_faults:
        lost = formats.counted(run.recording_faults, "event")
        yield "recording", f"{lost} could not be written; see `secondtake doctor`"


def _tree_lines(tree: SpanTree, *, simulated: bool, width: int | None) -> list[str]:
    if not tree.spans:
        return []
    shown = tree.spans[:SPANS_SHOWN]
    mark = formats.SIMULATED if simulated else ""
    costs = formats.money_column((span.cost_usd for span in shown), places=formats.CALL_PLACES)
    rows = [
        [
            drawn + _label(span),
            formats.duration(span.duration_ms),
            cost + (mark if span.cost_usd is not None else " " * len(mark)),
            formats.tokens_in_out(span.input_tokens, span.output_tokens) if span.llm_calls else "",
        ]
        for span, drawn, cost in zip(shown, _branches(shown), costs, strict=True)
    ]
    for row, span in zip(rows, shown, strict=True):
        if span.cost_usd is None and not span.unpriced_calls:
            row[2] = ""  # it calls no model: there is no price to be unknown
    lines = table(COLUMNS, rows, width=width)
    hidden = len(tree.spans) - len(shown)
    if hidden:
        lines.append(f"... {formats.counted(hidden, 'more span')}: `--spans` shows all")
    return lines


def _label(span: TreeSpan) -> str:
    label = formats.one_line(span.name or span.span_kind or "span")
    if span.span_kind not in (None, "node"):
        label += f" ({span.span_kind})"
    if span.served_from not in (None, "live"):
        label += f" [{span.served_from}]"
    if span.error_type:
        message = f": {span.error_message}" if span.error_message else ""
        error = formats.one_line(span.error_type + message)
        cut = error if len(error) <= ERROR_CHARACTERS else error[: ERROR_CHARACTERS - 1] + "…"
        label += f" ✗ {cut}"
    elif span.ended_at is None and span.started_at is not None:
        label += " (did not end)"
    return label


def _branches(spans: list[TreeSpan]) -> list[str]:
    """Return what is drawn before each span: `│  ├─ `."""
    drawn: list[str] = []
    more_below: set[int] = set()
    for span in reversed(spans):
        depth = min(span.depth, DEPTH_SHOWN)
        more_below = {level for level in more_below if level <= depth}
        line = "".join("│  " if level in more_below else "   " for level in range(1, depth))
        if depth:
            line += "├─ " if depth in more_below else "└─ "
        drawn.append(line)
        more_below.add(depth)
    return drawn[::-1]


def _ending(run: RunFacts) -> list[str]:
    lines: list[str] = []
    if run.error_type or run.error_message:
        lines += ["", "error", *indented(f"{run.error_type or 'error'}: {run.error_message or ''}")]
        if run.error_traceback:
            lines += ["", *indented(run.error_traceback)]
    if run.output is not None:
        lines += ["", "output", *indented(_output_text(run.output))]
    return [*lines, ""] if lines else [""]


def _output_text(output: Any) -> str:
    """Return the text of an output; of one that holds a single value, that value."""
    if is_object(output) and len(output) == 1:
        (name, value), *_ = output.items()
        return f"{name}: {text_of(value)}"
    return text_of(output)
