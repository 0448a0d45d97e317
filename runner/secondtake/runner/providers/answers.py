"""Reads what a provider answered from the bytes of the wire.

Knows the JSON and the event streams of OpenAI's Chat Completions and Responses APIs and of
Anthropic's Messages API, by their shape; of any other JSON answer it takes `usage` as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

Json = Mapping[str, Any]


@dataclass(kw_only=True)
class WireAnswer:
    """What the provider itself said, before LiteLLM."""

    usage: Json | None = None
    """Its usage object; of an Anthropic stream that of `message_start` with what the last
    `message_delta` replaces."""
    served_model: str | None = None
    response_id: str | None = None
    service_tier: str | None = None
    finish_reasons: dict[int, str] = field(default_factory=dict[int, str])
    """By choice, in the provider's own words."""
    refusals: dict[int, str] = field(default_factory=dict[int, str])
    """By choice; LiteLLM drops them from streams."""
    error: Json | None = None
    """The error event that ended a stream."""
    complete: bool = False
    """Whether the answer came to its end."""
    message_missing: bool = False
    """Whether it has choices but no message: Azure's way to say that a filter cut it."""

    @property
    def finish_reason(self) -> str | None:
        """The reason of the first choice, and those of the others where they differ."""
        reasons = [self.finish_reasons[index] for index in sorted(self.finish_reasons)]
        return ",".join(dict.fromkeys(reasons)) or None


def read_json(body: bytes) -> WireAnswer | None:
    """Read a plain answer; None when it is not a JSON object."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    answer = WireAnswer(complete=True)
    _read_document(answer, cast(Json, document))
    return answer


def read_events(body: bytes) -> WireAnswer | None:
    """Read an event stream as far as it came; None when it has no event of a known shape."""
    answer, known = WireAnswer(), False
    for event in _events(body):
        if event is None:  # [DONE]
            answer.complete = True
        elif isinstance(event.get("error"), Mapping) and event.get("type") in (None, "error"):
            answer.error, known = event["error"], True
        elif "choices" in event:
            _read_chunk(answer, event)
            known = True
        elif isinstance(event.get("type"), str):
            known = _read_typed_event(answer, event) or known
    if answer.finish_reasons:
        answer.complete = True
    return answer if known else None


def _read_document(answer: WireAnswer, document: Json) -> None:
    answer.usage = _mapping(document.get("usage"))
    answer.served_model = _text(document.get("model"))
    answer.response_id = _text(document.get("id"))
    answer.service_tier = _text(document.get("service_tier"))
    if document.get("type") == "message":
        _read_anthropic_message(answer, document)
    elif document.get("object") == "response":
        _finish(answer, 0, document.get("status"))
    else:
        choices = document.get("choices") or ()
        for choice in choices:
            _finish(answer, choice.get("index", 0), choice.get("finish_reason"))
        answer.message_missing = bool(choices) and not any("message" in c for c in choices)


def _read_chunk(answer: WireAnswer, chunk: Json) -> None:
    # Some servers send the usage with the last text, some after it, some in every chunk.
    answer.usage = _mapping(chunk.get("usage")) or answer.usage
    answer.served_model = _text(chunk.get("model")) or answer.served_model
    answer.response_id = _text(chunk.get("id")) or answer.response_id
    answer.service_tier = _text(chunk.get("service_tier")) or answer.service_tier
    for choice in chunk.get("choices") or ():
        index = choice.get("index", 0)
        _finish(answer, index, choice.get("finish_reason"))
        refusal = (_mapping(choice.get("delta")) or {}).get("refusal")
        if isinstance(refusal, str):
            answer.refusals[index] = answer.refusals.get(index, "") + refusal


def _read_typed_event(answer: WireAnswer, event: Json) -> bool:
    """Read an event of Anthropic's or of the Responses API; return whether it is one."""
    kind = str(event["type"])
    if kind == "message_start":
        message = _mapping(event.get("message")) or {}
        answer.usage = _mapping(message.get("usage"))
        answer.served_model = _text(message.get("model"))
        answer.response_id = _text(message.get("id"))
        _read_anthropic_message(answer, message)
    elif kind == "message_delta":
        # Its counts are running totals: they replace those of the start, they do not add.
        news = {k: v for k, v in (_mapping(event.get("usage")) or {}).items() if v is not None}
        answer.usage = {**(answer.usage or {}), **news} or None
        _finish(answer, 0, (_mapping(event.get("delta")) or {}).get("stop_reason"))
    elif kind == "message_stop":
        answer.complete = True
    elif kind in ("response.completed", "response.incomplete", "response.failed"):
        _read_document(answer, _mapping(event.get("response")) or {})
        answer.complete = True
    elif not kind.startswith(("content_block", "ping", "response.")):
        return False
    return True


def _read_anthropic_message(answer: WireAnswer, message: Json) -> None:
    answer.service_tier = _text((answer.usage or {}).get("service_tier"))
    _finish(answer, 0, message.get("stop_reason"))


def _finish(answer: WireAnswer, index: Any, reason: Any) -> None:
    if isinstance(reason, str) and isinstance(index, int):
        answer.finish_reasons[index] = reason


def _events(body: bytes) -> Iterator[Json | None]:
    """Yield the JSON of each `data:` line, None for `[DONE]`; what is no JSON is left out."""
    for line in body.splitlines():
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            yield None
            continue
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            continue
        if isinstance(event, dict):
            yield cast(Json, event)


def _mapping(value: Any) -> Json | None:
    return cast(Json, value) if isinstance(value, Mapping) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
