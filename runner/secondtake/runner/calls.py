"""What passes the boundary: the requests, and the answers to them.

Messages and tool definitions are in OpenAI's chat form, whatever the provider.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from secondtake.runner.events import SpanKind

UsageConvention = Literal["cached_included", "cached_excluded"]
"""Whether the reported input count contains the cached tokens (OpenAI) or not (Anthropic)."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Exclusive token buckets and their totals; None is unknown.

    A bucket is never derived by subtracting from a total that the provider did not report.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    uncached_input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    audio_input_tokens: int | None = None
    image_input_tokens: int | None = None
    text_output_tokens: int | None = None
    reasoning_output_tokens: int | None = None
    audio_output_tokens: int | None = None
    convention: UsageConvention | None = None
    note: str | None = None
    """Set when the reported counts contradict each other."""


@dataclass(frozen=True, kw_only=True)
class LlmRequest:
    """One attempt to ask a model."""

    model: str
    """As LiteLLM names it: `openai/gpt-4o`, `anthropic/claude-sonnet-4-5`, `sim/strong`."""
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Temperature, seed, response_format, tool_choice, ...: what changes the answer."""
    stream: bool = False
    attempt: int = 1


@dataclass(frozen=True, kw_only=True)
class LlmResponse:
    """What a model answered."""

    messages: Sequence[Mapping[str, Any]]
    """Assistant messages, one a choice."""
    finish_reason: str | None = None
    provider: str | None = None
    served_model: str | None = None
    response_id: str | None = None
    service_tier: str | None = None
    usage: Mapping[str, Any] | None = None
    """The provider's usage object, untouched; None when it sent none."""
    tokens: Tokens = field(default_factory=Tokens)
    time_to_first_token_ms: float | None = None
    reported_cost_usd: Decimal | None = None
    simulated: bool = False
    extra: Mapping[str, Any] | None = None
    """What an adapter needs to give the answer again just as it was; recorded with the call."""

    @property
    def message(self) -> Mapping[str, Any]:
        """The first choice."""
        return self.messages[0] if self.messages else {"role": "assistant", "content": None}


@dataclass(frozen=True, kw_only=True)
class LlmFailure:
    """What is known about a failed request, attached to the exception as `llm_failure`."""

    error_class: str
    http_status: int | None = None
    retry_after_s: float | None = None
    partial: LlmResponse | None = None
    """What had arrived when the stream broke; its usage is billed."""
    provider: str | None = None


@dataclass(frozen=True, kw_only=True)
class ToolRequest:
    """One tool invocation."""

    tool: str
    arguments: Mapping[str, Any]
    tool_call_id: str | None = None
    span_kind: SpanKind = "tool"
    simulated: bool = False
    read_only: bool = False
    """Changes nothing in the world: a replay may execute it."""
    attempt: int = 1
    extra: dict[str, Any] | None = None
    """What else is to be recorded; may be filled until the call ends."""
