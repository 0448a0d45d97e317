"""A span as telemetry has it, and what it is when it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from secondtake.runner.calls import Tokens

Kind = Literal["llm", "tool", "agent", "chain", "retriever", "embedding", "other"]
"""What a span is; `llm` is one request to a model, `chain` any step that holds others."""

Dialect = Literal["genai", "openinference", "traceloop", "vercel"]

Message = dict[str, Any]
"""A chat message in OpenAI's form."""


@dataclass(frozen=True, kw_only=True)
class SpanEvent:
    """Something that happened within a span, or a log record that names the span."""

    name: str
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: Any = None
    """Of a log record; None for an event of the span itself."""
    time: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RawSpan:
    """A span as it was reported, in whatever dialect."""

    name: str
    attributes: Mapping[str, Any]
    """By their dotted names; values are JSON. Integers may be texts, as in OTLP JSON."""
    span_id: str | None = None
    parent_span_id: str | None = None
    trace_id: str | None = None
    started_at: datetime | None = None
    """Aware, as is `ended_at`."""
    ended_at: datetime | None = None
    scope: str | None = None
    """The instrumentation that reported it."""
    has_failed: bool = False
    """The span's status is an error."""
    status_message: str | None = None
    events: Sequence[SpanEvent] = ()


@dataclass(frozen=True, kw_only=True)
class ReadSpan:
    """What a span says, in one vocabulary; None is what it does not say."""

    raw: RawSpan
    dialect: Dialect | None = None
    """None: no dialect that is known; the span is then `other`."""
    kind: Kind = "other"
    name: str
    """What a person would call it: the tool, the agent, else the span."""
    provider: str | None = None
    """As the span says it, e.g. `openai` or `aws.bedrock`."""
    model: str | None = None
    """That was asked for."""
    served_model: str | None = None
    sent: list[Message] | None = None
    """The whole conversation that a model was sent; None when it is not said."""
    answers: list[Message] = field(default_factory=list[Message])
    """One a choice."""
    tools: list[dict[str, Any]] | None = None
    """Definitions in OpenAI's form."""
    parameters: dict[str, Any] | None = None
    """By OpenAI's names."""
    tokens: Tokens = field(default_factory=Tokens)
    usage: dict[str, Any] | None = None
    """The counts as they were reported, by their own names."""
    cost_usd: Decimal | None = None
    """As the span says it."""
    finish_reasons: list[str] = field(default_factory=list[str])
    response_id: str | None = None
    service_tier: str | None = None
    stream: bool | None = None
    time_to_first_token_ms: float | None = None
    tool: str | None = None
    tool_call_id: str | None = None
    input: Any = None
    """The arguments of a tool, the query of a retriever, what a step was given."""
    output: Any = None
    agent: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    error_traceback: str | None = None
    rest: dict[str, Any] = field(default_factory=dict[str, Any])
    """The attributes that none of the fields above holds."""
    same_call: tuple[str, ...] = ()
    """Ids of the spans that reported this very call as well, see `leaves`."""
