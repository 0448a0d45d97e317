"""The rows that belong to a run, as the tables hold them."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from secondtake.backend.models.base import Model
from secondtake.runner.events import ErrorFields, Json, TokenFields


class Row(Model):
    """What every row of a run carries."""

    run_id: UUID
    seq: int | None = None
    """Place in the run; None when the source has no order."""
    recorded_at: datetime | None = None
    """UTC."""
    extra: Json = None
    """What the source said and no column is for."""
    clipped: dict[str, int] | None = None
    """Fields of which only the first characters are here, with their whole lengths; a field that
    is no text is here as the beginning of its JSON. Ask `read_text` for the rest. An id that is cut
    ends in a digest; `read_text` finds the row by it."""


class SpanRow(Row, ErrorFields):
    """A timed interval of a run."""

    span_id: str
    parent_span_id: str | None = None
    node_path: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    """None also for a span that was open when its process died."""
    duration_ms: float | None = None


class NodeTiming(SpanRow):
    """One execution of a node."""

    span_kind: str | None = None
    node: str | None = None
    node_kind: str | None = None
    visit: int | None = None
    branch_key: str | None = None
    attempt: int | None = None
    entered_from: list[str] | None = None
    question: Json = None
    self_ms: float | None = None
    """Duration minus the time that at least one child span covers."""


class LlmCallRow(SpanRow, TokenFields):
    """One request to a model."""

    provider: str | None = None
    model: str | None = None
    served_model: str | None = None
    parameters: Json = None
    input_message_id: UUID | None = None
    output_message_ids: list[UUID] | None = None
    finish_reason: str | None = None
    response_id: str | None = None
    stream: bool | None = None
    time_to_first_token_ms: float | None = None
    usage: Json = None
    usage_convention: str | None = None
    usage_note: str | None = None
    service_tier: str | None = None
    cost_usd: Decimal | None = None
    """None when the model or the usage is unknown."""
    cost_basis: str | None = None
    cost_details: Json = None
    reported_cost_usd: Decimal | None = None
    avoided_cost_usd: Decimal | None = None
    price_snapshot: str | None = None
    request_hash: str | None = None
    model_hash: str | None = None
    messages_hash: str | None = None
    tools_hash: str | None = None
    parameters_hash: str | None = None
    served_from: str | None = None
    attempt: int | None = None
    error_class: str | None = None
    http_status: int | None = None
    retry_after_s: float | None = None
    simulated: bool | None = None


class ToolCallRow(SpanRow):
    """One tool invocation."""

    span_kind: str | None = None
    tool: str | None = None
    tool_call_id: str | None = None
    arguments: Json = None
    result: Json = None
    request_hash: str | None = None
    served_from: str | None = None
    attempt: int | None = None
    cost_usd: Decimal | None = None
    simulated: bool | None = None


class MessageRow(Row):
    """One chat turn, linked to the turn before it."""

    message_id: UUID
    parent_id: UUID | None = None
    depth: int | None = None
    role: str | None = None
    content: str | None = None
    parts: Json = None
    tool_calls: Json = None
    tool_call_id: str | None = None
    name: str | None = None
    span_id: str | None = None
    """The LLM call that first sent or produced it; None when none did."""
    node_path: str | None = None


class ToolDefinitionsRow(Row):
    """The tools that LLM calls with this `tools_hash` were offered."""

    tools_hash: str
    definitions: Json = None


class MemoryRow(Row):
    """One key of the state or of long-term memory, as it was read or changed."""

    scope: str | None = None
    operation: str | None = None
    key: str | None = None
    value: Json = None
    span_id: str | None = None
    node_path: str | None = None


class EvaluationRow(Row):
    """A verdict about a run or one of its spans."""

    evaluation_id: UUID
    name: str | None = None
    score_value: float | None = None
    """None when the scorer could not judge."""
    label: str | None = None
    reason: str | None = None
    scorer: str | None = None
    scorer_kind: str | None = None
    span_id: str | None = None
