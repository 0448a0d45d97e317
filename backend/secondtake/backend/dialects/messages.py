"""Messages in everybody's words, as OpenAI's chat form has them.

Read are the messages of OpenAI (chat and Responses), Anthropic, Gemini, OpenTelemetry GenAI, the
Vercel AI SDK and LangChain. What only a framework's bookkeeping needs and no model sees (message
ids, response metadata) is left out, so that a prefix that two calls share is equal in both.
"""

from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.dialects.parts import (
    call_of,
    content_of,
    has_types,
    messages_of_parts,
    piece_of,
)
from secondtake.backend.dialects.shapes import Message
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.wrap import anthropic, responses
from secondtake.runner.wrap.fields import compact, mapping, objects

ROLES: Final = {
    "model": "assistant",  # Gemini
    "human": "user",  # LangChain, here and below
    "ai": "assistant",
    "HumanMessage": "user",
    "HumanMessageChunk": "user",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "function",
}
PLAIN_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
SAID: Final = ("name", "refusal", "reasoning_content", "audio", "function_call")
"""Fields of a message, beside content and tool calls, that its model sees."""
ANTHROPIC_BLOCKS: Final = frozenset({
    "tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use",
})  # fmt: skip
VERCEL_PARTS: Final = frozenset({"tool-call", "tool-result", "reasoning", "image", "file"})
RESPONSES_ITEMS: Final = frozenset({
    "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output",
    "reasoning", "web_search_call", "file_search_call", "computer_call", "item_reference",
})  # fmt: skip


def chat_messages(value: Any) -> list[Message] | None:
    """Return the messages that a list holds, or that one message is; None when it is neither."""
    if is_object(value):
        return _messages_of(value)
    if not is_list(value) or not all(is_object(item) for item in value):
        return None
    if has_types(value, RESPONSES_ITEMS):
        return responses.messages_of_input(value)
    found: list[Message] = []
    for item in value:
        messages = _messages_of(item)
        if messages is None:
            return None
        found += messages
    return found


def role_of(item: Mapping[str, Any]) -> str | None:
    """Return who says a message; None when that is not said."""
    role = item.get("role")
    if isinstance(role, str) and role:
        return ROLES.get(role, role)
    kind = item.get("type")
    if isinstance(kind, str) and (kind in ROLES or kind in PLAIN_ROLES) and "content" in item:
        return ROLES.get(kind, kind)
    return None


def calls_of(value: Any) -> list[dict[str, Any]]:
    """Return tool calls in OpenAI's form: theirs, LangChain's, the Vercel AI SDK's or flat ones."""
    return [_call_of(call) for call in objects(value)]


def _call_of(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    if is_object(function):
        made = call_of(call.get("id"), function.get("name"), function.get("arguments"))
        return {**made, "type": call["type"]} if isinstance(call.get("type"), str) else made
    arguments = [call[key] for key in ("arguments", "args", "input") if call.get(key) is not None]
    name = call.get("name", call.get("toolName"))
    return call_of(call.get("id", call.get("toolCallId")), name, arguments[0] if arguments else {})


def _messages_of(item: Mapping[str, Any]) -> list[Message] | None:
    item = _unwrapped(item)
    role = role_of(item)
    if role is None:
        return None
    content = item.get("content")
    parts = item.get("parts")
    if is_list(parts) and content is None:
        return [_named(message, item) for message in messages_of_parts(role, parts)]
    if has_types(content, ANTHROPIC_BLOCKS):
        body = {"messages": [{"role": role, "content": content}]}
        return [dict(message) for message in anthropic.request_of(body, "").messages]
    if has_types(content, VERCEL_PARTS):
        return messages_of_parts(role, list(content or []))
    return [_plain(role, item)]


def _unwrapped(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message of LangChain's as it was before it was serialised."""
    if item.get("lc") == 1 and is_list(item.get("id")) and item["id"]:
        return {**mapping(item.get("kwargs")), "type": item["id"][-1]}
    return item


def _named(message: Message, item: Mapping[str, Any]) -> Message:
    name = item.get("name")
    return {**message, "name": name} if isinstance(name, str) and name else message


def _plain(role: str, item: Mapping[str, Any]) -> Message:
    message: Message = {"role": role, "content": _content(item.get("content"))}
    more = mapping(item.get("additional_kwargs"))
    calls = calls_of(more.get("tool_calls")) or calls_of(item.get("tool_calls"))
    if calls:
        message["tool_calls"] = calls
    call_id = item.get("tool_call_id")
    if call_id is None and role == "tool" and "type" not in item:
        call_id = item.get("id")  # the events of OpenTelemetry GenAI say it so
    if call_id:
        message["tool_call_id"] = str(call_id)
    for name in SAID:
        value = item.get(name, more.get(name))
        if value is not None and value not in ("", []):
            message[name] = value
    return message


def _content(content: Any) -> Any:
    """Return content as OpenAI has it: a text, parts, or nothing."""
    if content is None or isinstance(content, str):
        return content
    if not is_list(content):
        return compact(content)
    pieces = [piece_of(part) for part in content]
    # A call or a result among parts of no other's words is kept as it is.
    parts = [
        value if kind == "part" else part
        for (kind, value), part in zip(pieces, content, strict=True)
    ]
    return content_of(parts)
