"""Writes spans that were read as the rows of a run.

An LLM span is a call, a tool a tool call, a retriever a tool call of its kind; agents, chains and
all others are steps. An embedding is a step of the kind `other`: it is no conversation that could
be shown or asked again. Its model, counts and cost stand in `extra`, and the run's `extra.import`
says what the sums of the run do therefore not contain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from secondtake.backend.dialects.shapes import Kind, ReadSpan
from secondtake.backend.importers.builder import MILLISECOND, Error, RunBuilder, Span
from secondtake.backend.importers.span_places import PlacedSpan
from secondtake.runner.events import SpanKind

PROVIDERS: Final[Mapping[str, str]] = {
    "aws.bedrock": "bedrock",
    "az.ai.inference": "azure_ai",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure_ai",
    "azure.ai.openai": "azure",
    "gcp.gemini": "gemini",
    "gcp.gen_ai": "gemini",
    "gcp.vertex_ai": "vertex_ai",
    "google.generative-ai": "gemini",
    "google.vertex": "vertex_ai",
    "mistral_ai": "mistral",
    "x_ai": "xai",
}
"""What dialects call a provider, as LiteLLM names it; others are cut at the first full stop."""
STEP_KINDS: Final[Mapping[Kind, SpanKind]] = {"agent": "agent", "chain": "node"}

Extra = Callable[[ReadSpan], dict[str, Any]]
"""Gives what a source says about a span beside what was read."""


def add_spans(spans: Sequence[PlacedSpan], builder: RunBuilder, *, extra: Extra) -> None:
    """Add a row for each span, in the order given."""
    for placed in spans:
        _add(placed, builder, extra(placed.read))


def run_times(spans: Sequence[PlacedSpan]) -> tuple[datetime | None, datetime | None]:
    """Return when the first span began and the last one ended; None where no span says it."""
    starts = [time for placed in spans if (time := placed.read.raw.started_at) is not None]
    ends = [time for placed in spans if (time := placed.read.raw.ended_at) is not None]
    return min(starts, default=None), max(ends, default=None)


def run_duration_ms(spans: Sequence[PlacedSpan]) -> float | None:
    """Return how long a run took from its first span's beginning to its last one's end."""
    started_at, ended_at = run_times(spans)
    if started_at is None or ended_at is None:
        return None
    return max((ended_at - started_at) / MILLISECOND, 0.0)


def import_notes(spans: Sequence[PlacedSpan]) -> dict[str, Any]:
    """Return what is to be said about a run that the source held in part, for `extra.import`."""
    notes: dict[str, Any] = {}
    missing = sorted({placed.missing_parent for placed in spans if placed.missing_parent})
    if missing:
        notes["missing_parents"] = missing
    embeddings = [placed.read for placed in spans if placed.read.kind == "embedding"]
    if embeddings:
        counts = [read.tokens.input_tokens for read in embeddings]
        costs = [read.cost_usd for read in embeddings]
        notes["embeddings_not_in_sums"] = {
            "spans": len(embeddings),
            "input_tokens": _sum(counts),
            "cost_usd": str(sum(known, Decimal())) if (known := _known(costs)) else None,
        }
    return notes


def error_of(read: ReadSpan) -> Error | None:
    """Return how a span failed; None when it did not."""
    if read.error_type is None:
        return None
    return Error(type=read.error_type, message=read.error_message, traceback=read.error_traceback)


def _add(placed: PlacedSpan, builder: RunBuilder, said: dict[str, Any]) -> None:
    read = placed.read
    span = Span(
        span_id=placed.span_id,
        parent_span_id=placed.parent_span_id,
        started_at=read.raw.started_at,
        ended_at=read.raw.ended_at,
        error=error_of(read),
    )
    extra = _extra(placed, said)
    if read.kind == "llm":
        _add_llm_call(read, builder, span, extra)
    elif read.kind in ("tool", "retriever"):
        builder.tool_call(
            tool=read.tool or read.name,
            call_id=read.tool_call_id,
            arguments=read.input,
            result=read.output,
            span=span,
            span_kind="tool" if read.kind == "tool" else "retriever",
            extra=extra,
        )
    else:
        kind: SpanKind = STEP_KINDS.get(read.kind, "other")
        builder.node(read.name, span=span, span_kind=kind, extra=extra | _step_extra(read))


def _add_llm_call(read: ReadSpan, builder: RunBuilder, span: Span, extra: dict[str, Any]) -> None:
    tokens = asdict(read.tokens)
    convention, note = tokens.pop("convention"), tokens.pop("note")
    # What was sent beside messages, or in words that are no messages, is kept as it is.
    kept = {"input": read.input, "output": read.output, "finish_reasons": read.finish_reasons[1:]}
    provider = _provider(read.provider)
    if provider != read.provider:
        kept["provider"] = read.provider
    builder.llm_call(
        *read.answers,
        model=read.model or read.served_model,
        sent=read.sent or [],
        tools=read.tools,
        parameters=read.parameters,
        span=span,
        extra=extra | {key: value for key, value in kept.items() if value not in (None, [])},
        provider=provider,
        served_model=read.served_model,
        finish_reason=next(iter(read.finish_reasons), None),
        response_id=read.response_id,
        service_tier=read.service_tier,
        stream=read.stream,
        time_to_first_token_ms=read.time_to_first_token_ms,
        usage=read.usage,
        usage_convention=convention,
        usage_note=note,
        cost_usd=read.cost_usd,
        cost_basis=None if read.cost_usd is None else "recorded",
        **tokens,
    )


def _provider(said: str | None) -> str | None:
    return None if said is None else PROVIDERS.get(said, said.partition(".")[0] or said)


def _extra(placed: PlacedSpan, said: dict[str, Any]) -> dict[str, Any]:
    read = placed.read
    extra = {key: value for key, value in said.items() if value is not None}
    if placed.missing_parent is not None:
        extra["missing_parent"] = placed.missing_parent
    if placed.span_id is None and read.raw.span_id is not None:
        extra["reported_span_id"] = read.raw.span_id
    if read.same_call:
        extra["same_call"] = list(read.same_call)
    if read.kind != "agent" and read.agent is not None:
        extra["agent"] = read.agent
    return extra


def _step_extra(read: ReadSpan) -> dict[str, Any]:
    """Return what a step was given and gave, and the counts that it reports of what it holds."""
    said = {
        "input": read.input,
        "output": read.output,
        "model": read.served_model or read.model,
        "usage": read.usage,
        "cost_usd": None if read.cost_usd is None else str(read.cost_usd),
    }
    return {key: value for key, value in said.items() if value is not None}


def _known(values: Sequence[Decimal | None]) -> list[Decimal]:
    return [value for value in values if value is not None]


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
