"""The three dialects behind one face: requests, answers, and answers made again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from secondtake.runner.calls import LlmRequest, LlmResponse, Tokens
from secondtake.runner.providers.answers import WireAnswer, read_events, read_json
from secondtake.runner.providers.usage import (
    anthropic_tokens,
    openai_chat_tokens,
    openai_responses_tokens,
)
from secondtake.runner.providers.wire import WireTap
from secondtake.runner.wrap import anthropic, chat, responses, responses_answer
from secondtake.runner.wrap.arguments import spelled_alike, spelled_as_before
from secondtake.runner.wrap.dialects import Dialect, Upstream
from secondtake.runner.wrap.events_stream import read_all_events
from secondtake.runner.wrap.fields import Json, mapping, objects
from secondtake.runner.wrap.responses import KnownResponses

WIRE_BYTES_MAX: Final = 64 * 1024
"""What is kept of an answer beside its messages; more is left out."""
EVENT_END: Final = b"\n\n"
KEPT: Final[dict[Dialect, tuple[str, ...]]] = {
    "chat": ("created", "system_fingerprint", "provider", "citations"),
    "responses": ("created_at", "completed_at", "parallel_tool_calls", "temperature", "top_p"),
    "anthropic": ("stop_sequence", "container"),
}
"""Fields of an answer that no column has and that a program may read. The raw body is not kept:
a stream is ten to a hundred times as large as the text that it brings."""


@dataclass(frozen=True)
class _Form:
    """What one dialect is read and written with."""

    messages_of_answer: Callable[[Json], list[dict[str, Any]]]
    messages_of_events: Callable[[Sequence[Json]], list[dict[str, Any]]]
    tokens: Callable[[Mapping[str, Any]], Tokens]
    is_content: Callable[[Json], bool]
    plain_body: Callable[[LlmResponse, Json], bytes]
    stream_body: Callable[[LlmResponse, Json], bytes]


_FORMS: Final[dict[Dialect, _Form]] = {
    "chat": _Form(
        chat.messages_of_answer,
        chat.messages_of_events,
        openai_chat_tokens,
        chat.is_content,
        chat.plain_body,
        chat.stream_body,
    ),
    "responses": _Form(
        responses_answer.messages_of_answer,
        responses_answer.messages_of_events,
        openai_responses_tokens,
        responses_answer.is_content,
        responses_answer.plain_body,
        responses_answer.stream_body,
    ),
    "anthropic": _Form(
        anthropic.messages_of_answer,
        anthropic.messages_of_events,
        anthropic_tokens,
        anthropic.is_content,
        anthropic.plain_body,
        anthropic.stream_body,
    ),
}


def request_of(
    dialect: Dialect, body: Json, upstream: Upstream, known: KnownResponses
) -> LlmRequest:
    """Return what a request asks, in OpenAI's form."""
    model = upstream.model(body.get("model"))
    if dialect == "responses":
        request = responses.request_of(body, model, known)
    elif dialect == "anthropic":
        request = anthropic.request_of(body, model)
    else:
        request = chat.request_of(body, model)
    return replace(request, messages=spelled_alike(request.messages)[0])


def is_content(dialect: Dialect, event: Json) -> bool:
    """Tell whether an event of a stream brings something of the answer."""
    return _FORMS[dialect].is_content(event)


def wire_answer(tap: WireTap) -> WireAnswer | None:
    """Return what the provider said about an answer, as far as that came; None when nothing."""
    return read_events(tap.body()) if tap.is_stream else read_json(tap.body())


def response_of(
    dialect: Dialect, tap: WireTap, provider: str, *, first_token_ms: float | None = None
) -> LlmResponse | None:
    """Return what arrived of an answer; None when that was nothing of a model's."""
    wire = wire_answer(tap)
    if wire is None:
        return None
    form = _FORMS[dialect]
    if tap.is_stream:
        events = read_all_events(tap.body())
        messages, document = form.messages_of_events(events), _head_of(events)
    else:
        document = mapping(orjson.loads(tap.body()))
        messages = form.messages_of_answer(document)
    alike, raw = spelled_alike(messages)
    return LlmResponse(
        messages=alike,
        finish_reason=wire.finish_reason,
        provider=provider,
        served_model=wire.served_model,
        response_id=wire.response_id,
        service_tier=wire.service_tier,
        usage=wire.usage,
        tokens=form.tokens(wire.usage) if wire.usage else Tokens(),
        time_to_first_token_ms=first_token_ms,
        extra=_extra(dialect, document, wire, raw),
    )


def _head_of(events: Sequence[Json]) -> Json:
    """Return the object that says about a streamed answer what a plain one says."""
    for event in reversed(events):
        if event.get("response") or event.get("choices"):
            return mapping(event.get("response")) or event
    starts = [event for event in events if event.get("type") == "message_start"]
    deltas = [
        mapping(event.get("delta")) for event in events if event.get("type") == "message_delta"
    ]
    document = dict(mapping(starts[0].get("message"))) if starts else {}
    for delta in deltas:
        document |= delta
    return document


def _extra(
    dialect: Dialect, document: Json, wire: WireAnswer, raw: dict[str, str]
) -> dict[str, Any] | None:
    kept = {name: document[name] for name in KEPT[dialect] if document.get(name) is not None}
    logprobs = [choice.get("logprobs") for choice in objects(document.get("choices"))]
    extra: dict[str, Any] = {"wire": {"dialect": dialect, **kept}}
    if raw:
        extra["arguments"] = raw
    if any(logprobs):
        extra["logprobs"] = logprobs
    if len(set(wire.finish_reasons.values())) > 1:
        extra["finish_reasons"] = [wire.finish_reasons[i] for i in sorted(wire.finish_reasons)]
    return extra if len(orjson.dumps(extra, default=str)) <= WIRE_BYTES_MAX else None


def body_of(dialect: Dialect, response: LlmResponse, request: Json) -> bytes:
    """Return a recorded answer as the body that the program expects for its request.

    A stream where it asked for one: events of the dialect, each text in one piece.
    """
    form = _FORMS[dialect]
    raw = mapping(mapping(response.extra).get("arguments"))
    response = replace(response, messages=spelled_as_before(response.messages, raw))
    make = form.stream_body if request.get("stream") else form.plain_body
    return make(response, request)


def begun_body(dialect: Dialect, response: LlmResponse, request: Json) -> bytes:
    """Return the beginning of a recorded answer as a stream, to the last of what had arrived."""
    events = [each + EVENT_END for each in body_of(dialect, response, request).split(EVENT_END)]
    said = [
        place
        for place, event in enumerate(events)
        if any(is_content(dialect, each) for each in read_all_events(event))
    ]
    return b"".join(events[: said[-1] + 1]) if said else b""


def error_body(dialect: Dialect, message: str, kind: str) -> bytes:
    """Return an error as the dialect words it."""
    if dialect == "anthropic":
        return orjson.dumps({"type": "error", "error": {"type": kind, "message": message}})
    error = {"message": message, "type": kind, "param": None, "code": kind}
    return orjson.dumps({"error": error})
