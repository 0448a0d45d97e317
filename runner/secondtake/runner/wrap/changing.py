"""A request of a program made another one, as a replay wants it, in the dialect that it speaks.

The changed body is what is forwarded and, read again, what is hashed and recorded: so both are
the same by themselves. What is not changed stays as the program sent it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.narrow import is_list
from secondtake.runner.replay.offers import with_offer
from secondtake.runner.replay.program_session import RequestChange
from secondtake.runner.replay.requests import SYSTEM_ROLES
from secondtake.runner.wrap import anthropic, responses
from secondtake.runner.wrap.dialects import Dialect
from secondtake.runner.wrap.fields import Json, objects
from secondtake.runner.wrap.fields import text as text_of
from secondtake.runner.wrap.parameters import placed, refusal
from secondtake.runner.wrap.responses import KnownResponses


def changed_body(
    dialect: Dialect,
    body: Json,
    change: RequestChange,
    *,
    messages: Sequence[Mapping[str, Any]],
    known: KnownResponses,
) -> dict[str, Any]:
    """Return the body of a request with what is to be different.

    Args:
        dialect: what the request speaks.
        body: as the program sent it.
        change: what is to be different.
        messages: the request's messages as they are recorded; a change names their places.
        known: what was said in the responses that the request may continue.

    Raises:
        ReplayDiverged: a message that is to be another one is none of the body's.
    """
    changed = dict(body)
    for place, text in change.texts.items():
        changed = _with_text(dialect, changed, place, text, known)
    if change.system is not None:
        changed = _with_system(dialect, changed, change.system, messages, known)
    changed = with_offer(changed, change)
    if change.model is not None:
        changed["model"] = change.model
    for name, value in change.parameters.items():
        if refusal(dialect, name) is None:  # of a dialect that the source did not speak
            changed = placed(dialect, changed, name, value)
    return changed


def _with_system(
    dialect: Dialect,
    body: dict[str, Any],
    text: str,
    messages: Sequence[Mapping[str, Any]],
    known: KnownResponses,
) -> dict[str, Any]:
    """Replace the first system message; put one before all others where there is none."""
    for place, message in enumerate(messages):
        if message.get("role") in SYSTEM_ROLES:
            return _with_text(dialect, body, place, text, known)
    if dialect == "chat":
        first = {"role": "system", "content": text}
        return {**body, "messages": [first, *objects(body.get("messages"))]}
    return {**body, "system" if dialect == "anthropic" else "instructions": text}


# Messages: the n-th of a request as it is recorded, found in its body.


def _with_text(
    dialect: Dialect, body: dict[str, Any], place: int, text: str, known: KnownResponses
) -> dict[str, Any]:
    if dialect == "responses":
        changed = _in_responses(body, place, text, known)
    elif dialect == "anthropic":
        changed = _in_anthropic(body, place, text)
    else:
        messages = objects(body.get("messages"))
        told = {**messages[place], "content": text}
        changed = {**body, "messages": _replaced(messages, place, [told])}
    return changed


def _replaced(items: Sequence[Json], place: int, by: Sequence[Json]) -> list[Json]:
    return [*items[:place], *by, *items[place + 1 :]]


def _in_anthropic(body: dict[str, Any], place: int, text: str) -> dict[str, Any]:
    if body.get("system"):
        if place == 0:
            return {**body, "system": _text_like(body["system"], text)}
        place -= 1
    messages = objects(body.get("messages"))
    for at, message in enumerate(messages):
        parts = anthropic.messages_in(message)
        if place < len(parts):
            parts[place] = _anthropic_part(message, parts[place], text)
            whole = [block for part in parts for block in part]
            is_plain = not is_list(message.get("content"))
            changed = {**message, "content": text if is_plain else whole}
            return {**body, "messages": _replaced(messages, at, [changed])}
        place -= len(parts)
    raise AssertionError("a message that was translated is in the body")


def _text_like(content: Any, text: str) -> Any:
    """Return a text in the place of blocks, with their mark of prompt caching."""
    marks = [block for block in objects(content) if "cache_control" in block]
    if not marks:
        return text
    return [{"type": "text", "text": text, "cache_control": marks[-1]["cache_control"]}]


def _anthropic_part(message: Json, blocks: Sequence[Json], text: str) -> list[Json]:
    """Return the blocks of one recorded message with another text."""
    if anthropic.is_result(blocks):
        return [{**blocks[0], "content": text}]
    found = _text_like(blocks, text)
    said: Json = found[0] if is_list(found) else {"type": "text", "text": text}
    if message.get("role") != "assistant":
        return [said]
    thought = [block for block in blocks if block.get("type") in anthropic.THINKING]
    called = [block for block in blocks if block.get("type") == "tool_use"]
    return [*thought, said, *called]


def _in_responses(
    body: dict[str, Any], place: int, text: str, known: KnownResponses
) -> dict[str, Any]:
    instructions = body.get("instructions")
    if isinstance(instructions, str):
        if place == 0:
            return {**body, "instructions": text}
        place -= 1
    elif is_list(instructions):
        groups = responses.grouped(objects(instructions))
        if place < len(groups):
            return {**body, "instructions": _with_group(groups, place, text)}
        place -= len(groups)
    before = known.before(text_of(body.get("previous_response_id"))) or []
    if place < len(before):
        raise ReplayDiverged(
            "A message that is to be another one is kept by the API (`previous_response_id`), so "
            "it cannot be changed at the wire; change it in the call that sent it first."
        )
    given = body.get("input")
    if isinstance(given, str):
        return {**body, "input": text}
    groups = responses.grouped(objects(given))
    return {**body, "input": _with_group(groups, place - len(before), text)}


def _with_group(groups: list[list[Json]], place: int, text: str) -> list[Json]:
    groups[place] = _responses_items(groups[place], text)
    return [item for group in groups for item in group]


def _responses_items(items: Sequence[Json], text: str) -> list[Json]:
    """Return the items of one recorded message with another text."""
    first = items[0]
    kind = first.get("type") or "message"
    if kind in responses.OUTPUTS:
        return [{**first, "output": text}]
    if kind == "message" and first.get("role") != "assistant":
        return [{**first, "content": text}]
    said = [item for item in items if (item.get("type") or "message") == "message"]
    if not said:
        before = [item for item in items if item.get("type") == "reasoning"]
        rest = [item for item in items if item.get("type") != "reasoning"]
        return [*before, {"role": "assistant", "content": text}, *rest]
    part = {"type": "output_text", "text": text, "annotations": list[Any]()}
    content: Any = [part] if is_list(said[0].get("content")) else text
    told = {**said[0], "content": content}
    return [told if item is said[0] else item for item in items if item not in said[1:]]
