"""OpenAI's Chat Completions: requests and answers as we record them, and answers made again.

This is the form in which everything is recorded; what has to be done is to make equal what means
the same, so that an answer is recognised when the program sends it back.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import orjson

from secondtake.runner.calls import LlmRequest, LlmResponse
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.providers.assistant import StreamedAnswer
from secondtake.runner.wrap.fields import Json, mapping, number, objects, said, text, tool_call
from secondtake.runner.wrap.usage import chat_usage

NOT_PARAMETERS: Final = frozenset({"model", "messages", "tools", "stream", "stream_options"})
LABELS: Final = frozenset(
    {
        "metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store",
        "user",
    }
)  # fmt: skip
"""What a program says about a request and what does not change the answer; often new each time."""
FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "completed": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "incomplete": "length",
    "refusal": "content_filter",
}
"""Other dialects' finish reasons in this one."""


def request_of(body: Json, model: str) -> LlmRequest:
    """Return a request as it is recorded."""
    return LlmRequest(
        model=model,
        messages=[message_of(message) for message in objects(body.get("messages"))],
        tools=objects(body.get("tools")),
        parameters=parameters_of(body, NOT_PARAMETERS),
        stream=bool(body.get("stream")),
    )


def parameters_of(body: Json, left_out: frozenset[str]) -> dict[str, Any]:
    """Return what of a request's body may change the answer."""
    return {
        name: value
        for name, value in body.items()
        if name not in left_out and name not in LABELS and value is not None
    }


def message_of(message: Json) -> dict[str, Any]:
    """Return a message without what says nothing; assistants' in one form."""
    plain = said(message)
    if plain.get("role") != "assistant":
        return plain
    legacy = plain.pop("function_call", None)
    if is_object(legacy) and "tool_calls" not in plain:
        plain["tool_calls"] = [tool_call(None, legacy.get("name"), legacy.get("arguments") or "")]
    content = plain.get("content")
    if is_list(content) and len(content) == 1 and set(mapping(content[0])) == {"type", "text"}:
        content = content[0]["text"]
    plain["content"] = content
    return plain


def messages_of_answer(document: Json) -> list[dict[str, Any]]:
    """Return the assistant messages of a plain answer, one a choice."""
    return [
        message_of({"role": "assistant", **mapping(choice.get("message"))})
        for choice in objects(document.get("choices"))
    ]


class _Chunk(dict[str, Any]):
    """An object of a stream, read as LiteLLM's chunks are: what is missing is None."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("model_", "__")):
            raise AttributeError(name)
        return self.get(name)


def messages_of_events(events: Sequence[Json]) -> list[dict[str, Any]]:
    """Return the assistant messages of a stream as far as it came, one a choice."""
    answer = StreamedAnswer()
    refusals: dict[int, str] = {}
    for event in events:
        answer.add(_chunk(event))
        for choice in objects(event.get("choices")):
            refusal = text(mapping(choice.get("delta")).get("refusal"))
            if refusal:
                index = number(choice.get("index"))
                refusals[index] = refusals.get(index, "") + refusal
    return [message_of(message) for message in answer.messages(refusals)]


def _chunk(value: Any) -> Any:
    if isinstance(value, Mapping):
        members = cast(Mapping[str, Any], value)
        return _Chunk({name: _chunk(item) for name, item in members.items()})
    return [_chunk(item) for item in value] if is_list(value) else value


def is_content(event: Json) -> bool:
    """Tell whether an event of a stream brings something of the answer."""
    names = ("content", "tool_calls", "reasoning_content", "reasoning", "refusal", "function_call")
    deltas = [mapping(choice.get("delta")) for choice in objects(event.get("choices"))]
    return any(delta.get(name) for delta in deltas for name in names)


# Answers made again of what was recorded.


def plain_body(response: LlmResponse, body: Json) -> bytes:
    """Return an answer as the body of a plain HTTP answer; `body` is the request's."""
    choices = [
        {"index": index, "message": _wire_message(message), "logprobs": None, **reason}
        for index, (message, reason) in enumerate(_choices(response))
    ]
    document = {**_envelope(response, body), "object": "chat.completion", "choices": choices}
    return orjson.dumps({**document, "usage": chat_usage(response)})


def stream_body(response: LlmResponse, body: Json) -> bytes:
    """Return an answer as the body of a streamed HTTP answer."""
    lines = [b"data: " + orjson.dumps(event) + b"\n\n" for event in stream_events(response, body)]
    return b"".join([*lines, b"data: [DONE]\n\n"])


def stream_events(response: LlmResponse, body: Json) -> list[dict[str, Any]]:
    """Return an answer as a stream of events."""
    head = {**_envelope(response, body), "object": "chat.completion.chunk"}
    events: list[dict[str, Any]] = []

    def add(choices: list[dict[str, Any]], **more: Any) -> None:
        events.append({**head, "choices": choices, **more})

    choices, usage = _choices(response), chat_usage(response)
    asked = bool(mapping(body.get("stream_options")).get("include_usage"))
    for index, (message, reason) in enumerate(choices):
        for delta in _deltas(_wire_message(message)):
            add([{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}])
        # Who was not asked for it and sends it nevertheless does so with the last choice.
        told = {"usage": usage} if usage and not asked and index == len(choices) - 1 else {}
        add([{"index": index, "delta": {}, "logprobs": None, **reason}], **told)
    if usage is not None and asked:
        add([], usage=usage)
    return events


def _choices(response: LlmResponse) -> list[tuple[Json, dict[str, Any]]]:
    reasons = (response.finish_reason or "").split(",")
    each = mapping(response.extra).get("finish_reasons")
    if is_list(each) and len(each) == len(response.messages):
        reasons = [str(reason) for reason in each]
    found: list[tuple[Json, dict[str, Any]]] = []
    for index, message in enumerate(response.messages):
        reason = reasons[index] if index < len(reasons) else reasons[-1]
        if reason == "completed" and message.get("tool_calls"):
            reason = "tool_calls"
        found.append((message, {"finish_reason": FINISH.get(reason, reason) or None}))
    return found


def _envelope(response: LlmResponse, body: Json) -> dict[str, Any]:
    kept = mapping(mapping(response.extra).get("wire"))
    fixed: dict[str, Any] = {
        "id": response.response_id or "chatcmpl-recorded",
        "created": int(time.time()),
        "model": response.served_model or str(body.get("model")),
    }
    if response.service_tier:
        fixed["service_tier"] = response.service_tier
    return {**fixed, **kept}


def _wire_message(message: Json) -> dict[str, Any]:
    """Return a recorded message as the wire has it: reasoning of other dialects is left out."""
    plain = {key: item for key, item in message.items() if key not in ("thinking_blocks", "name")}
    plain.pop("reasoning_items", None)
    plain.setdefault("refusal", None)
    content = plain.get("content")
    if is_list(content):
        plain["content"] = "".join(text(part.get("text")) or "" for part in objects(content))
    calls = objects(plain.get("tool_calls"))
    if len(calls) == 1 and "id" not in calls[0]:
        plain.pop("tool_calls")
        plain["function_call"] = calls[0].get("function")
    return plain


def _deltas(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pieces of a message: the role, each text, each tool call's head and arguments."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    calls = objects(message.get("tool_calls"))
    deltas += [
        {name: message[name]}
        for name in message
        if name not in ("role", "tool_calls") and message[name] is not None
    ]
    for index, call in enumerate(calls):
        function = mapping(call.get("function"))
        head = {**call, "index": index, "function": {"name": function.get("name"), "arguments": ""}}
        deltas.append({"tool_calls": [head]})
        piece = {"index": index, "function": {"arguments": function.get("arguments") or ""}}
        deltas.append({"tool_calls": [piece]})
    return deltas
