"""Small readers of JSON that somebody else wrote: nothing here takes a type for granted."""

from collections.abc import Mapping
from typing import Any

import orjson

from secondtake.runner.narrow import is_list, is_mapping
from secondtake.runner.tools.registry import UNPARSED

Json = Mapping[str, Any]


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON list; nothing where it is none."""
    return [each for each in value if is_mapping(each)] if is_list(value) else []


def mapping(value: Any) -> Json:
    """Return a JSON object; an empty one where it is none."""
    return value if is_mapping(value) else {}


def text(value: Any) -> str | None:
    """Return a text that is not empty."""
    return value if isinstance(value, str) and value else None


def number(value: Any) -> int:
    """Return a whole number, 0 where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def said(value: Json) -> dict[str, Any]:
    """Return an object without what is null or an empty list: SDKs send these or leave them out."""
    return {key: item for key, item in value.items() if item is not None and item != []}


def compact(value: Any) -> str:
    """Return JSON as text, in the order that it has."""
    return orjson.dumps(value).decode()


def tool_call(call_id: Any, name: Any, arguments: str) -> dict[str, Any]:
    """Return a tool call in OpenAI's form."""
    call: dict[str, Any] = {
        "type": "function",
        "function": {"name": str(name or ""), "arguments": arguments},
    }
    return {"id": str(call_id), **call} if call_id else call


def arguments_of(call: Json) -> Any:
    """Return the arguments of a tool call as JSON; under `UNPARSED` where they are none."""
    raw = mapping(call.get("function")).get("arguments")
    if not isinstance(raw, str):
        return raw if raw is not None else {}
    try:
        return orjson.loads(raw) if raw.strip() else {}
    except orjson.JSONDecodeError:
        return {UNPARSED: raw}
