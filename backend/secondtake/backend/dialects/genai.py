"""Reads OpenTelemetry's GenAI spans, in the three generations of their names.

1. attributes `gen_ai.prompt` and `gen_ai.completion`, `gen_ai.usage.prompt_tokens`;
2. events, of the span or in logs, `gen_ai.user.message`, ..., `gen_ai.choice`;
3. attributes `gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions`.

`gen_ai.usage.input_tokens` contains the cached tokens and `output_tokens` the reasoning (semantic
conventions v1.41.0, registry.yaml). Names that pydantic-ai and Google's ADK add are read too.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from secondtake.backend.dialects.attributes import Attributes, json_of
from secondtake.backend.dialects.conversations import (
    answers_of,
    conversation_of,
    finish_reason_of,
)
from secondtake.backend.dialects.counts import cached_included
from secondtake.backend.dialects.failures import failure_of
from secondtake.backend.dialects.messages import chat_messages
from secondtake.backend.dialects.parameters import take_parameters
from secondtake.backend.dialects.parts import messages_of_parts
from secondtake.backend.dialects.shapes import Kind, Message, RawSpan, ReadSpan, SpanEvent
from secondtake.backend.dialects.tools import chat_tools
from secondtake.runner.calls import Tokens
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.wrap.fields import objects

_KINDS: Final[Mapping[str, Kind]] = {
    "chat": "llm",
    "generate_content": "llm",
    "text_completion": "llm",
    "completion": "llm",
    "embeddings": "embedding",
    "retrieval": "retriever",
    "execute_tool": "tool",
    "create_agent": "agent",
    "invoke_agent": "agent",
    "invoke_workflow": "chain",
    "plan": "chain",
    "chain": "chain",
}
_INPUTS: Final = ("gen_ai.input.messages", "gen_ai.prompt", "gcp.vertex.agent.llm_request", "input")
_OUTPUTS: Final = (
    "gen_ai.output.messages", "gen_ai.completion", "gcp.vertex.agent.llm_response", "output",
)  # fmt: skip
_EVENTS: Final[Mapping[str, str]] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE: Final = "gen_ai.choice"
_DETAILS: Final = ("gen_ai.client.inference.operation.details", "gen_ai.content.prompt",
                   "gen_ai.content.completion")  # fmt: skip


def speaks(attributes: Attributes) -> bool:
    """Tell whether a span is in this dialect."""
    return attributes.has("gen_ai.")


def read(raw: RawSpan, attributes: Attributes) -> ReadSpan:
    """Return what a span says; the attributes that it is said by are taken."""
    kind = _kind(attributes)
    tool = attributes.text("gen_ai.tool.name")
    agent = attributes.text("gen_ai.agent.name")
    sent, answers, ends = _messages(raw, attributes)
    given: dict[str, Any] = {
        "input": attributes.json(
            "gen_ai.tool.call.arguments", "tool_arguments", "gcp.vertex.agent.tool_call_args",
            "gen_ai.retrieval.query.text",
        ),
        "output": attributes.json(
            "gen_ai.tool.call.result", "tool_response", "gcp.vertex.agent.tool_response",
            "gen_ai.retrieval.documents",
        ),
    }  # fmt: skip
    if kind not in ("llm", "embedding"):
        given = {
            "input": given["input"] if given["input"] is not None else sent,
            "output": given["output"] if given["output"] is not None else answers or None,
        }
    first_ms = attributes.number("gen_ai.response.time_to_first_chunk")
    return ReadSpan(
        raw=raw,
        dialect="genai",
        kind=kind,
        name=(tool if kind == "tool" else agent if kind == "agent" else None) or raw.name,
        provider=attributes.text("gen_ai.provider.name", "gen_ai.system"),
        model=attributes.text("gen_ai.request.model"),
        served_model=attributes.text("gen_ai.response.model"),
        sent=sent if kind == "llm" else None,
        answers=answers if kind == "llm" else [],
        tools=chat_tools(attributes.raw("gen_ai.tool.definitions", "model_request_parameters")),
        parameters=take_parameters(attributes, "gen_ai.request."),
        finish_reasons=reasons_of(attributes.json("gen_ai.response.finish_reasons")) or ends,
        response_id=attributes.text("gen_ai.response.id"),
        service_tier=attributes.text("gen_ai.openai.response.service_tier"),
        stream=attributes.flag("gen_ai.request.stream", "gen_ai.is_streaming"),
        time_to_first_token_ms=None if first_ms is None or first_ms < 0 else first_ms * 1000,
        tool=tool,
        tool_call_id=call_id_of(attributes),
        agent=agent,
        session_id=attributes.text("gen_ai.conversation.id", "session.id"),
        user_id=attributes.text("user.id", "enduser.id"),
        cost_usd=_cost(attributes),
        usage=attributes.peek("gen_ai.usage.") or None,
        tokens=_tokens(attributes),
        **given,
        **failure_of(raw, attributes),
    )


def reasons_of(value: Any) -> list[str]:
    """Return finish reasons: a list of them, or one."""
    value = [value] if isinstance(value, str) else value
    return [each for each in value if isinstance(each, str)] if is_list(value) else []


def call_id_of(attributes: Attributes, *names: str) -> str | None:
    """Return the id that a model gave to its request for a tool; None when it gave none.

    Google's ADK makes up ids where Gemini gives none. No message has them, so they are not taken.
    """
    names = (*names, "gen_ai.tool.call.id")
    first = next((said for name in names if (said := attributes.peek(name).get(""))), None)
    is_made_up = isinstance(first, str) and first.startswith("adk-")
    return None if is_made_up else attributes.text(*names)


def _kind(attributes: Attributes) -> Kind:
    operation = attributes.text("gen_ai.operation.name")
    if operation is not None:
        return _KINDS.get(operation, "other")
    if "gen_ai.tool.name" in attributes:
        return "tool"
    if "gen_ai.agent.name" in attributes:
        return "agent"
    # Google's ADK names the provider of every span, and the model of its calls alone.
    return "llm" if attributes.has("gen_ai.request.model", "gen_ai.response.") else "other"


def _tokens(attributes: Attributes) -> Tokens:
    names = {
        "input_tokens": ("input_tokens", "prompt_tokens"),
        "output_tokens": ("output_tokens", "completion_tokens"),
        "cache_read": ("cache_read.input_tokens", "cache_read_input_tokens"),
        "cache_write": (
            "cache_write.input_tokens", "cache_creation.input_tokens",
            "cache_creation_input_tokens",
        ),
        "audio_input": ("audio.input_tokens",),
        "image_input": ("image.input_tokens",),
        "reasoning": ("reasoning.output_tokens", "reasoning_tokens"),
        "audio_output": ("audio.output_tokens",),
        "total": ("total_tokens",),
    }  # fmt: skip
    counts = {
        field: attributes.count(*(f"gen_ai.usage.{name}" for name in aliases))
        for field, aliases in names.items()
    }
    return cached_included(**counts)


def _cost(attributes: Attributes) -> Decimal | None:
    currency = attributes.text("gen_ai.usage.cost.currency")
    if currency not in (None, "USD"):
        return None
    return attributes.usd("gen_ai.usage.cost.amount", "gen_ai.usage.cost", "operation.cost")


def _messages(
    raw: RawSpan, attributes: Attributes
) -> tuple[list[Message] | None, list[Message], list[str]]:
    """Return what was sent, what was answered, and why the answers ended."""
    sent, answers, ends = _of_attributes(attributes)
    for event in raw.events:
        if event.name in _DETAILS and (sent is None or not answers):
            more, made, why = _of_attributes(Attributes(event.attributes))
            sent, answers, ends = sent or more, answers or made, ends or why
    turns = [event for event in raw.events if event.name in _EVENTS]
    if sent is None and turns:
        found = [chat_messages({"role": _EVENTS[e.name], **_body(e)}) for e in turns]
        sent = [message for messages in found for message in messages or []]
    choices = [_body(event) for event in raw.events if event.name == _CHOICE]
    if not answers and choices:
        choices.sort(key=lambda body: str(body.get("index", "")).zfill(9))
        replies = [answers_of(_choice(body)) for body in choices]
        answers = [message for messages in replies for message in messages or []]
        ends = [reason for body in choices if (reason := finish_reason_of(body))]
    return sent, answers, ends


def _of_attributes(
    attributes: Attributes,
) -> tuple[list[Message] | None, list[Message], list[str]]:
    sent = answers = None
    ends: list[str] = []
    for key in _INPUTS:
        if sent is None:
            sent = conversation_of(json_of(attributes.peek(key).get("")))
            attributes.drop(*[key] if sent is not None else [])
    for key in _OUTPUTS:
        said = json_of(attributes.peek(key).get(""))
        if answers is None and said is not None:
            answers = answers_of(said)
            ends = [reason for each in objects(said) if (reason := finish_reason_of(each))]
            ends = ends or reasons_of(finish_reason_of(said))
            attributes.drop(*[key] if answers is not None else [])
    system = attributes.json("gen_ai.system_instructions")
    if is_list(system) and system and not any(m["role"] == "system" for m in sent or []):
        sent = [*messages_of_parts("system", system), *(sent or [])]
    return sent, answers or [], ends


def _body(event: SpanEvent) -> dict[str, Any]:
    """Return what an event says: the body of a log record, else its attributes."""
    if is_object(event.body):
        return event.body
    content = json_of(event.attributes.get("gen_ai.event.content"))
    if is_object(content):
        return content
    return {key: json_of(value) for key, value in event.attributes.items() if "." not in key}


def _choice(body: Mapping[str, Any]) -> Any:
    message = body.get("message", body)
    return {"role": "assistant", **message} if is_object(message) else message
