"""Arguments of tool calls in one spelling, and back in the model's own.

Many programs read the arguments that a model wrote and send them back as their own JSON library
spells them, with other spaces. So both are recorded in one spelling: else no answer would be
recognised in the request that follows it. The model's own goes along in the call's `extra`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from secondtake.runner.narrow import is_object
from secondtake.runner.wrap.fields import Json, compact, mapping, objects


def spelled_alike(
    messages: Sequence[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], dict[str, str]]:
    """Return messages whose tool calls are spelled alike, and what was changed, by call id."""
    changed: dict[str, str] = {}
    found: list[Mapping[str, Any]] = []
    for message in messages:
        if message.get("role") == "assistant" and message.get("tool_calls"):
            calls = [_alike(call, changed) for call in objects(message["tool_calls"])]
            message = {**message, "tool_calls": calls}
        found.append(message)
    return found, changed


def _alike(call: Json, changed: dict[str, str]) -> Json:
    kept = {name: item for name, item in call.items() if name != "index"}
    function = mapping(call.get("function"))
    raw = function.get("arguments")
    if not isinstance(raw, str):
        return {"type": "function", **kept}
    read = _read(raw)
    text = raw if read is None else compact(read)
    if text != raw:
        changed[str(call.get("id"))] = raw
    return {"type": "function", **kept, "function": {**function, "arguments": text}}


def spelled_as_before(
    messages: Sequence[Mapping[str, Any]], raw: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return messages whose tool calls are spelled as the model did, where they say the same."""
    found: list[dict[str, Any]] = []
    for message in messages:
        calls = [_as_before(call, raw) for call in objects(message.get("tool_calls"))]
        found.append({**message, "tool_calls": calls} if calls else dict(message))
    return found


def _as_before(call: Json, raw: Mapping[str, Any]) -> Json:
    function = mapping(call.get("function"))
    before = raw.get(str(call.get("id")))
    if not isinstance(before, str) or _read(before) != _read(str(function.get("arguments"))):
        return call
    return {**call, "function": {**function, "arguments": before}}


def _read(raw: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return value if is_object(value) else None
