"""LangChain's messages in OpenAI's form, and anything of LangChain's as JSON.

Only what is said counts: ids of messages, response metadata and token counts differ each time.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    convert_to_openai_messages,
)

from secondtake.runner.jsonable import to_json_value
from secondtake.runner.narrow import is_list, is_object

ROLES: Final = {"human": "user", "system": "system", "tool": "tool", "function": "function"}
KEPT: Final = ("reasoning_content", "audio", "refusal")
"""Fields of an assistant message that LangChain keeps in `additional_kwargs`."""
CALL_BLOCKS: Final = frozenset({"tool_use", "tool_call", "function_call", "invalid_tool_call"})
"""Content blocks that repeat what `tool_calls` says."""
_KNOWN: Final = (
    AIMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)


def is_known(message: BaseMessage) -> bool:
    """Tell whether a model may be sent this kind of message."""
    return isinstance(message, _KNOWN)


def said(message: BaseMessage) -> dict[str, Any]:
    """Return a message in OpenAI's form."""
    if isinstance(message, AIMessage):
        return _assistant(message)
    role = ROLES.get(message.type, message.type)
    if isinstance(message, ChatMessage):
        role = message.role
    elif isinstance(message, SystemMessage):
        role = message.additional_kwargs.get("__openai_role__") or role
    form: dict[str, Any] = {"role": role, "content": _content(message)}
    if message.name:
        form["name"] = message.name
    if isinstance(message, ToolMessage):
        form["tool_call_id"] = message.tool_call_id
    return form


def plain(value: Any) -> Any:
    """Return state, inputs and outputs as JSON, with messages in OpenAI's form."""
    if isinstance(value, RemoveMessage):
        return {"role": "remove", "id": value.id}
    if isinstance(value, ToolMessage):
        more = {"artifact": plain(value.artifact), "status": value.status}
        silent = {"artifact": None, "status": "success"}
        return said(value) | {k: v for k, v in more.items() if v != silent[k]}
    if isinstance(value, BaseMessage):
        return said(value)
    if isinstance(value, Document):
        return {"page_content": value.page_content, "metadata": plain(value.metadata)}
    if isinstance(value, Mapping):
        mapping = cast(Mapping[Any, Any], value)
        return to_json_value({key: plain(item) for key, item in mapping.items()})
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast(Sequence[Any], value)]
    if type(value).__module__ == "langgraph.types":
        return plain(_parts(value))
    return to_json_value(value)


def _parts(value: Any) -> dict[str, Any]:
    """Return what is set of a `Command`, a `Send` or an `Interrupt`; ids differ each time."""
    names = ("graph", "update", "resume", "goto", "node", "arg", "value")
    found = {name: getattr(value, name, None) for name in names}
    return {name: item for name, item in found.items() if item is not None and item != ()}


def _assistant(message: AIMessage) -> dict[str, Any]:
    form: dict[str, Any] = {"role": "assistant"}
    if isinstance(message.content, str):
        form["content"] = message.content
    else:
        _read_blocks(form, message.content)
    calls = [_call(call) for call in message.tool_calls]
    calls += [_call(call) for call in message.invalid_tool_calls]
    if calls:
        form["tool_calls"] = calls
    for name in KEPT:
        value = message.additional_kwargs.get(name)
        if value and name not in form:
            form[name] = to_json_value(value)
    if message.name:
        form["name"] = message.name
    return form


def _read_blocks(form: dict[str, Any], content: Sequence[Any]) -> None:
    """Sort the blocks of an answer into OpenAI's fields; what has none there stays a part."""
    texts: list[str] = []
    parts: list[Any] = []
    for block in content:
        kind = block.get("type") if is_object(block) else None
        if isinstance(block, str) or kind in ("text", "output_text"):
            text = block if isinstance(block, str) else str(block.get("text") or "")
            texts.append(text)
            parts.append({"type": "text", "text": text})
        elif kind in ("thinking", "redacted_thinking"):
            form.setdefault("thinking_blocks", []).append(_without_index(block))
        elif kind == "reasoning":
            reasoning = _reasoning(block)
            if reasoning:
                form["reasoning_content"] = form.get("reasoning_content", "") + reasoning
        elif kind == "refusal":
            form["refusal"] = form.get("refusal", "") + str(block.get("refusal") or "")
        elif kind not in CALL_BLOCKS:
            parts.append(_without_index(block))
    form["content"] = "".join(texts) if len(parts) == len(texts) else parts


def _reasoning(block: Mapping[str, Any]) -> str:
    summary = block.get("summary")
    if not is_list(summary):
        return str(block.get("reasoning") or "")
    return "\n".join(str(part.get("text") or "") for part in summary if is_object(part))


def _without_index(block: Any) -> Any:
    """Return a block without its place in a stream, which a plain answer has not."""
    if is_object(block):
        block = {name: item for name, item in block.items() if name != "index"}
    return to_json_value(block)


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    arguments = call.get("args")
    if not isinstance(arguments, str):
        arguments = json.dumps(to_json_value(arguments or {}), ensure_ascii=False)
    function = {"name": call.get("name") or "", "arguments": arguments}
    form: dict[str, Any] = {"type": "function", "function": function}
    if call.get("id"):
        form["id"] = call["id"]
    return form


def _content(message: BaseMessage) -> Any:
    if isinstance(message.content, str):
        return message.content
    try:
        form: Any = convert_to_openai_messages(message, text_format="block")
        return to_json_value(form["content"])
    except (ValueError, KeyError, TypeError):  # a block of a provider that LangChain cannot convert
        return to_json_value(message.content)
