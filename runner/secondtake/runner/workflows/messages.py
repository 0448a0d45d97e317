"""Messages in OpenAI's form, as nodes send and read them."""

import json
from collections.abc import Mapping
from typing import Any

from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.workflows.schema import ModelNode
from secondtake.runner.workflows.templates import render

Message = dict[str, Any]


def opening_messages(node: ModelNode, values: Mapping[str, Any]) -> list[Message]:
    """Return the system and user message of a node, filled in."""
    messages: list[Message] = []
    if node.system:
        messages.append({"role": "system", "content": render(node.system, values).strip()})
    messages.append({"role": "user", "content": render(node.prompt, values).strip()})
    return messages


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message; the joined texts when its content is a list of parts."""
    content = message.get("content")
    if is_list(content):
        return "".join(str(part.get("text", "")) for part in content if is_object(part))
    return content if isinstance(content, str) else ""


def assistant_message(message: Mapping[str, Any]) -> Message:
    """Return a model's message as it is sent back; what only answers have is left out."""
    kept = {key: value for key, value in message.items() if value is not None}
    return {"content": None, **kept, "role": "assistant"}


def to_plain(value: Any) -> Any:
    """Return a tool's result as JSON values: tuples become lists, models become objects."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return to_jsonable_python(value)
    except (PydanticSerializationError, ValueError):
        return json.loads(json.dumps(value, default=str))
