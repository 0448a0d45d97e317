"""The forest of messages of one run.

Each call sends its whole conversation again. A turn is stored once for each place that it has in
the forest: an index from (parent, content) to the turn recognises what was sent before, so only
news is cleaned, hashed and written.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

import orjson

from secondtake.runner.hashing import content_digest, message_id_of, next_in_chain
from secondtake.runner.jsonable import canonical_bytes, to_json_value

OWN_FIELDS: Final = ("role", "content", "tool_calls", "tool_call_id", "name")


@dataclass(frozen=True, slots=True)
class Turn:
    """A message's place in the forest."""

    message_id: UUID
    depth: int
    chain: bytes
    """Hash of the conversation up to here, without the run's id: equal requests are equal."""
    call_order: dict[str, str]


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn that was not there before, with the fields of its `message` event."""

    key: tuple[UUID | None, bytes]
    turn: Turn
    fields: dict[str, Any]


EMPTY_CHAIN: Final = b""


class Conversation:
    """Recognises and numbers the messages of a run; safe for use by many threads."""

    def __init__(self, run_id: UUID, clean: Callable[[Any], Any]) -> None:
        """Make an empty forest; `clean` gives a message as it may be stored."""
        self._run_id = run_id
        self._clean = clean
        self._turns: dict[tuple[UUID | None, bytes], Turn] = {}
        self._lock = threading.Lock()

    def add(
        self, messages: Sequence[Mapping[str, Any]], *, after: Turn | None = None
    ) -> tuple[Turn | None, list[NewTurn]]:
        """Walk `messages` down the forest from `after`; return the last turn and what is new."""
        new: list[NewTurn] = []
        turn = after
        with self._lock:
            for message in messages:
                parent_id = turn.message_id if turn else None
                key = (parent_id, _raw_digest(message))
                known = self._turns.get(key)
                if known is None:
                    added = self._new(message, turn, key)
                    self._turns[key] = known = added.turn
                    new.append(added)
                turn = known
        return turn, new

    def forget(self, new: Sequence[NewTurn]) -> None:
        """Take back turns whose rows could not be written, so that the next call tries again."""
        with self._lock:
            for turn in new:
                self._turns.pop(turn.key, None)

    def _new(
        self, message: Mapping[str, Any], parent: Turn | None, key: tuple[UUID | None, bytes]
    ) -> NewTurn:
        plain = {name: item for name, item in self._clean(message).items() if item is not None}
        # Usually nothing had to be cleaned, and the digest of what was sent serves again.
        same = plain == message and all(plain.values())
        content = key[1] if same else content_digest(plain)
        order = parent.call_order if parent else {}
        if "tool_calls" in plain or "tool_call_id" in plain:
            order = dict(order)  # the parent's other children count on from where it was
        turn = Turn(
            message_id=message_id_of(self._run_id, parent.message_id if parent else None, content),
            depth=parent.depth + 1 if parent else 0,
            chain=next_in_chain(parent.chain if parent else EMPTY_CHAIN, plain, content, order),
            call_order=order,
        )
        fields = message_fields(plain)
        fields["message_id"] = turn.message_id
        fields["parent_id"] = parent.message_id if parent else None
        fields["depth"] = turn.depth
        return NewTurn(key, turn, fields)


def message_fields(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a message in OpenAI's form: text, parts, tool calls, what is left."""
    content = message.get("content")
    fields: dict[str, Any] = {"role": str(message.get("role", "unknown"))}
    if isinstance(content, str):
        fields["content"] = content
    elif content is not None:
        fields["parts"] = content
        fields["content"] = _joined_text(content)
    if message.get("tool_calls") is not None:
        fields["tool_calls"] = message["tool_calls"]
    for name in ("tool_call_id", "name"):
        if message.get(name) is not None:
            fields[name] = str(message[name])
    rest = {name: item for name, item in message.items() if name not in OWN_FIELDS}
    if rest:
        fields["extra"] = rest
    return fields


def _joined_text(parts: Any) -> str | None:
    if not isinstance(parts, list):
        return None
    items = cast(list[Any], parts)
    found = [cast(dict[str, Any], part).get("text") for part in items if isinstance(part, dict)]
    return "\n".join(text for text in found if isinstance(text, str)) or None


def _raw_digest(message: Mapping[str, Any]) -> bytes:
    try:
        raw = orjson.dumps(message, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raw = canonical_bytes(to_json_value(message))
    return hashlib.blake2b(raw, digest_size=16).digest()
