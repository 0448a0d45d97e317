"""Identity: run ids, span ids, message ids and request hashes.

All hashes are BLAKE2b-128 over canonical JSON. A request has one hash a field group (model,
messages, tools, parameters), so that a divergence can name the group that changed.
"""

import hashlib
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast
from uuid import UUID

from secondtake.runner.jsonable import canonical_bytes

_clock_lock = threading.Lock()
_last_v7_ms_and_count = (0, 0)


@dataclass(frozen=True, slots=True)
class RequestHashes:
    """The hash of an LLM request and of each of its field groups."""

    request: str
    model: str
    messages: str
    tools: str
    parameters: str


def new_run_id() -> UUID:
    """Return a UUIDv7 (RFC 9562 §5.7); ids made in one process always ascend."""
    global _last_v7_ms_and_count
    with _clock_lock:
        last_ms, count = _last_v7_ms_and_count
        now_ms = time.time_ns() // 1_000_000
        if now_ms > last_ms:
            last_ms, count = now_ms, 0
        else:
            count += 1
            if count > 0xFFF:
                last_ms, count = last_ms + 1, 0
        _last_v7_ms_and_count = (last_ms, count)
    tail = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return UUID(int=(last_ms << 80) | (0x7 << 76) | (count << 64) | (0b10 << 62) | tail)


def new_span_id() -> str:
    """Return 16 random hexadecimal digits, as OpenTelemetry's span ids."""
    return os.urandom(8).hex()


def digest(data: bytes) -> str:
    """Return 32 hexadecimal digits that identify `data`."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def value_hash(value: Any) -> str:
    """Return the hash of a JSON value."""
    return digest(canonical_bytes(value))


NOTHING_HASH: Final = value_hash({})


@lru_cache(maxsize=1000)
def _model_hash(model: str) -> str:
    return digest(model.encode())


def derived_uuid(*parts: Any) -> UUID:
    """Return a UUIDv8 (RFC 9562 §5.8) that is the same for the same parts."""
    raw = int.from_bytes(hashlib.blake2b(canonical_bytes(parts), digest_size=16).digest(), "big")
    raw &= ~((0xF << 76) | (0b11 << 62))
    return UUID(int=raw | (0x8 << 76) | (0b10 << 62))


def content_digest(message: Mapping[str, Any]) -> bytes:
    """Return the digest of everything that was said: role, content, tool calls, ...

    What is empty does not count: providers differ in writing no content as null or as "".
    """
    said = {key: value for key, value in message.items() if value}
    return hashlib.blake2b(canonical_bytes(said), digest_size=16).digest()


def message_id(run_id: UUID, parent_id: UUID | None, message: Mapping[str, Any]) -> UUID:
    """Return the id of `message` said after `parent_id` in this run.

    `message` is in OpenAI's form, JSON already and redacted.
    """
    return message_id_of(run_id, parent_id, content_digest(message))


def message_id_of(run_id: UUID, parent_id: UUID | None, content: bytes) -> UUID:
    """Return the id of the message with this content digest, said after `parent_id`."""
    data = run_id.bytes + (parent_id.bytes if parent_id else bytes(16)) + content
    return UUID(bytes=hashlib.blake2b(data, digest_size=16).digest())


def next_in_chain(
    chain: bytes, message: Mapping[str, Any], content: bytes, call_order: dict[str, str]
) -> bytes:
    """Return the hash of a conversation that `message` continues; `b""` is the empty one.

    Tool-call ids are replaced by their order of appearance, kept in `call_order`, since a provider
    makes new ones each time. `content` is the message's digest as it is.
    """
    if message.get("tool_calls") or message.get("tool_call_id"):
        content = content_digest(_without_call_ids(message, call_order))
    return hashlib.blake2b(chain + content, digest_size=16).digest()


def request_hashes(
    *, model: str, messages_hash: str, tools_hash: str, parameters: Mapping[str, Any]
) -> RequestHashes:
    """Return the hashes of an LLM request; `parameters` are JSON already and redacted."""
    parameters_hash = value_hash(parameters) if parameters else NOTHING_HASH
    groups = (_model_hash(model), messages_hash, tools_hash, parameters_hash)
    return RequestHashes(digest("".join(groups).encode()), *groups)


def tool_request_hash(tool: str, arguments: Any) -> str:
    """Return the hash of a tool's name and canonical arguments."""
    return value_hash([tool, arguments])


def _without_call_ids(message: Mapping[str, Any], order: dict[str, str]) -> Mapping[str, Any]:
    calls, answers = message.get("tool_calls"), message.get("tool_call_id")
    plain = dict(message)
    if calls:
        plain["tool_calls"] = [_renumbered(call, order) for call in calls]
    if answers:
        plain["tool_call_id"] = _ordinal(answers, order)
    return plain


def _renumbered(call: Any, order: dict[str, str]) -> Any:
    if not isinstance(call, Mapping) or "id" not in call:
        return cast(Any, call)
    named = cast(Mapping[str, Any], call)
    return {**named, "id": _ordinal(named["id"], order)}


def _ordinal(call_id: Any, order: dict[str, str]) -> str:
    return order.setdefault(str(call_id), f"call_{len(order)}")
