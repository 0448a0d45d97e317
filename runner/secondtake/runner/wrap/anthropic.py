"""Anthropic's Messages: requests translated to OpenAI's form, answers too, and made again.

Thinking is kept as LiteLLM has it: `thinking_blocks` with their signatures, and their text as
`reasoning_content`. Blocks that OpenAI's form has no word for stay in `content` as they are.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from secondtake.runner.calls import LlmRequest, LlmResponse
from secondtake.runner.hashing import value_hash
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.wrap.chat import parameters_of
from secondtake.runner.wrap.fields import (
    Json,
    arguments_of,
    compact,
    mapping,
    number,
    objects,
    text,
    tool_call,
)
from secondtake.runner.wrap.usage import anthropic_usage

NOT_PARAMETERS: Final = frozenset({
    "model", "messages", "system", "tools", "stream", "stop_sequences", "tool_choice"
})  # fmt: skip
CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}
STOP: Final = {
    "stop": "end_turn",
    "completed": "end_turn",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "length": "max_tokens",
    "incomplete": "max_tokens",
    "content_filter": "refusal",
}
"""Other dialects' finish reasons in this one."""
THINKING: Final = ("thinking", "redacted_thinking")


def request_of(body: Json, model: str) -> LlmRequest:
    """Return a request as it is recorded.

    Marks of prompt caching leave the messages, where programs move them from call to call, and
    become a parameter: LiteLLM's `cache_control_injection_points`.
    """
    messages: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    system = body.get("system")
    given: list[Json] = [{"role": "system", "content": system}] if system else []
    for message in [*given, *objects(body.get("messages"))]:
        content, marked = _without_marks(message.get("content"))
        messages += _messages_of({**message, "content": content})
        if marked:
            points.append({"location": "message", "index": len(messages) - 1, "control": marked})
    parameters = parameters_of(body, NOT_PARAMETERS)
    if body.get("stop_sequences"):
        parameters["stop"] = body["stop_sequences"]
    if is_object(body.get("tool_choice")):
        parameters |= _tool_choice(body["tool_choice"])
    if points:
        parameters["cache_control_injection_points"] = points
    return LlmRequest(
        model=model,
        messages=messages,
        tools=[_tool_of(tool) for tool in objects(body.get("tools"))],
        parameters=parameters,
        stream=bool(body.get("stream")),
    )


def _without_marks(content: Any) -> tuple[Any, Json | None]:
    """Return content without marks of prompt caching, and the last of these."""
    if not is_list(content):
        return content, None
    marked: Json | None = None
    plain: list[Any] = []
    for block in content:
        if is_object(block) and "cache_control" in block:
            marked = mapping(block["cache_control"]) or marked
            block = {name: item for name, item in block.items() if name != "cache_control"}
        plain.append(block)
    return plain, marked


def _tool_choice(choice: dict[str, Any]) -> dict[str, Any]:
    kind = choice.get("type")
    found: dict[str, Any] = {}
    if choice.get("disable_parallel_tool_use"):
        found["parallel_tool_calls"] = False
    if kind == "tool":
        found["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    else:
        found["tool_choice"] = CHOICES.get(str(kind), kind)
    return found


def _tool_of(tool: Json) -> Json:
    """Return a tool definition in OpenAI's form; Anthropic's own tools stay as they are."""
    if "input_schema" not in tool:
        return tool
    function = {
        "name": tool.get("name"),
        "description": tool.get("description"),
        "parameters": tool["input_schema"],
    }
    named = ("name", "description", "input_schema", "type")
    rest = {name: item for name, item in tool.items() if name not in named}
    function = {name: item for name, item in function.items() if item is not None}
    return {"type": "function", "function": function, **rest}


def messages_in(message: Json) -> list[list[Json]]:
    """Return the blocks of each message that one of Anthropic's is: a tool result is its own."""
    content = message.get("content")
    if not is_list(content) or message.get("role") == "assistant":
        return [objects(content)]
    found: list[list[Json]] = []
    for block in objects(content):
        if block.get("type") == "tool_result" or not found or is_result(found[-1]):
            found.append([block])
        else:
            found[-1].append(block)
    return found or [[]]


def is_result(blocks: Sequence[Json]) -> bool:
    """Tell whether blocks of `messages_in` are the result of a tool."""
    return bool(blocks) and blocks[0].get("type") == "tool_result"


def _messages_of(message: Json) -> list[dict[str, Any]]:
    role, content = str(message.get("role", "user")), message.get("content")
    if not is_list(content):
        return [{"role": role, "content": content}]
    if role == "assistant":
        return [message_of_blocks(objects(content))]
    return [
        _tool_message(blocks[0])
        if is_result(blocks)
        else {"role": role, "content": _content_of([_part_of(block) for block in blocks]) or ""}
        for blocks in messages_in(message)
    ]


def _tool_message(block: Json) -> dict[str, Any]:
    content = block.get("content")
    if is_list(content):
        plain, _ = _without_marks(content)
        content = _content_of([_part_of(part) for part in objects(plain)])
    message = {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": content or ""}
    return {**message, "is_error": True} if block.get("is_error") else message


def _content_of(parts: list[Any]) -> Any:
    """Return a text where that is all there is, so that both ways to send it are the same."""
    if len(parts) == 1 and set(mapping(parts[0])) == {"type", "text"}:
        return parts[0]["text"]
    return parts


def _part_of(block: Json) -> Json:
    """Return an image or document in OpenAI's form, any other block as it is."""
    kind, source = block.get("type"), mapping(block.get("source"))
    url = text(source.get("url"))
    if source.get("type") == "base64":
        url = f"data:{source.get('media_type')};base64,{source.get('data')}"
    if kind == "image" and url:
        return {"type": "image_url", "image_url": {"url": url}}
    if kind == "document" and url and set(block) <= {"type", "source", "title"}:
        file = {"file_data": url} | ({"filename": block["title"]} if block.get("title") else {})
        return {"type": "file", "file": file}
    return block


def message_of_blocks(blocks: Sequence[Json]) -> dict[str, Any]:
    """Return an assistant's content blocks as one message."""
    message: dict[str, Any] = {"role": "assistant", "content": None}
    parts = [
        {key: item for key, item in block.items() if key != "citations" or item}
        for block in blocks
        if block.get("type") not in (*THINKING, "tool_use")
    ]
    if parts:
        message["content"] = _content_of(parts)
    calls = [
        tool_call(block.get("id"), block.get("name"), compact(block.get("input") or {}))
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    if calls:
        message["tool_calls"] = calls
    thinking = [dict(block) for block in blocks if block.get("type") in THINKING]
    if thinking:
        message["reasoning_content"] = "".join(text(b.get("thinking")) or "" for b in thinking)
        message["thinking_blocks"] = thinking
    return message


def messages_of_answer(document: Json) -> list[dict[str, Any]]:
    """Return the assistant message of a plain answer."""
    return [message_of_blocks(objects(document.get("content")))]


def messages_of_events(events: Sequence[Json]) -> list[dict[str, Any]]:
    """Return the assistant message of a stream as far as it came; nothing when none began."""
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        index = number(event.get("index"))
        if event.get("type") == "content_block_start":
            blocks[index] = dict(mapping(event.get("content_block")))
        elif event.get("type") == "content_block_delta" and index in blocks:
            _extend(blocks[index], mapping(event.get("delta")))
    if not any(event.get("type") == "message_start" for event in events):
        return []
    return [message_of_blocks([_ended(blocks[index]) for index in sorted(blocks)])]


def _extend(block: dict[str, Any], delta: Json) -> None:
    pieces = {
        "text_delta": "text",
        "thinking_delta": "thinking",
        "signature_delta": "signature",
        "input_json_delta": "partial_json",
    }
    name = pieces.get(str(delta.get("type")))
    if name is not None:
        block[name] = str(block.get(name) or "") + str(delta.get(name) or "")
    elif delta.get("type") == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), delta.get("citation")]


def _ended(block: dict[str, Any]) -> dict[str, Any]:
    """Read the input of a tool call that came in pieces."""
    raw = block.pop("partial_json", None)
    if raw:
        block["input"] = arguments_of({"function": {"arguments": raw}})
    return block


def is_content(event: Json) -> bool:
    """Tell whether an event of a stream brings something of the answer."""
    block = mapping(event.get("content_block"))
    return event.get("type") == "content_block_delta" or block.get("type") == "tool_use"


# Answers made again of what was recorded.


def plain_body(response: LlmResponse, body: Json) -> bytes:
    """Return an answer as the body of a plain HTTP answer; `body` is the request's."""
    return orjson.dumps(_document(response, body))


def stream_body(response: LlmResponse, body: Json) -> bytes:
    """Return an answer as a stream of events."""
    document = _document(response, body)
    blocks, usage = document["content"], document["usage"]
    begun: dict[str, Any] = {**document, "content": [], "stop_reason": None, "stop_sequence": None}
    begun["usage"] = {**usage, "output_tokens": 1}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(blocks):
        empty, deltas = _pieces(block)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        ]
        events.append({"type": "content_block_stop", "index": index})
    ended = {name: document[name] for name in ("stop_reason", "stop_sequence")}
    counts = {"output_tokens": usage["output_tokens"]}
    events.append({"type": "message_delta", "delta": ended, "usage": counts})
    events.append({"type": "message_stop"})
    return b"".join(
        b"event: " + str(event["type"]).encode() + b"\ndata: " + orjson.dumps(event) + b"\n\n"
        for event in events
    )


def _document(response: LlmResponse, body: Json) -> dict[str, Any]:
    message = response.message
    reason = response.finish_reason or ""
    if reason in ("stop", "completed") and message.get("tool_calls"):
        reason = "tool_calls"
    kept = mapping(mapping(response.extra).get("wire"))
    return {
        "id": response.response_id or "msg_recorded",
        "type": "message",
        "role": "assistant",
        "model": response.served_model or str(body.get("model")),
        "content": _blocks_of(message),
        "stop_reason": STOP.get(reason, reason) or None,
        "stop_sequence": None,
        "usage": anthropic_usage(response),
        **kept,
    }


def _blocks_of(message: Json) -> list[dict[str, Any]]:
    blocks = [dict(block) for block in objects(message.get("thinking_blocks"))]
    content = message.get("content")
    if is_list(content):
        blocks += [dict(part) for part in objects(content)]
    elif content:
        blocks.append({"type": "text", "text": content})
    elif message.get("refusal"):
        blocks.append({"type": "text", "text": message["refusal"]})
    for call in objects(message.get("tool_calls")):
        blocks.append(
            {
                "type": "tool_use",
                "id": call.get("id") or f"toolu_{value_hash(dict(call))[:24]}",
                "name": mapping(call.get("function")).get("name"),
                "input": arguments_of(call),
            }
        )
    return blocks


def _pieces(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a block as it begins, and what is then added to it."""
    kind = block.get("type")
    if kind == "tool_use":
        raw = compact(block.get("input") or {})
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": raw}]
    if kind == "text":
        cited = [
            {"type": "citations_delta", "citation": citation}
            for citation in objects(block.get("citations"))
        ]
        empty: dict[str, Any] = {**block, "text": ""}
        if cited:
            empty["citations"] = []
        return empty, [*cited, {"type": "text_delta", "text": block.get("text")}]
    if kind == "thinking":
        deltas = [
            {"type": f"{name}_delta", name: block[name]}
            for name in ("thinking", "signature")
            if block.get(name)
        ]
        return {**block, "thinking": "", "signature": ""}, deltas
    return block, []
