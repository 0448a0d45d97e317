"""What of a step counts when it is compared with another: computed once a step."""

import hashlib
from dataclasses import dataclass
from typing import Any

from secondtake.evals.diffs.model import Step
from secondtake.runner.jsonable import canonical_bytes, to_json_value
from secondtake.runner.narrow import is_list, is_object

SHAPE_DEPTH_MAX = 4
"""Two values that are alike down to here have one shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """A step as the alignment sees it; equal bytes mean equal JSON (1 and 1.0 differ)."""

    identity: bytes
    """Equal for steps that were the same in all that was recorded; costs and times aside."""
    is_llm: bool
    kind: str
    node: str | None
    name: str
    model_hash: str | None
    messages_hash: str | None
    tools_hash: str | None
    parameters_hash: str | None
    arguments: bytes
    shape: str
    """Of the arguments: keys and types."""
    answer: bytes
    asked_for: bytes
    asked_names: tuple[str, ...]
    error: str | None
    says_something: bool
    """False for an answer that is empty: two such have nothing in common by it."""


def canonical(value: Any) -> bytes:
    """Return JSON with sorted keys, of any value: what is no JSON is converted first."""
    try:
        return canonical_bytes(value)
    except TypeError:
        return canonical_bytes(to_json_value(value))


def digest(value: Any) -> bytes:
    """Return 16 bytes that are equal for equal JSON."""
    return _hashed(canonical(value))


def features_of(step: Step) -> Features:
    """Return what of a step counts in a comparison."""
    is_llm = step.kind == "llm"
    # Providers differ in writing no text as null or as "".
    answer = digest(step.answer or None if is_llm else step.answer)
    arguments = digest(step.arguments)
    asked_for = digest(step.asked_for)
    said: list[Any] = [
        step.kind, step.node, step.name, step.error, step.model_hash, step.messages_hash,
        step.tools_hash, step.parameters_hash,
    ]  # fmt: skip
    identity = _hashed(canonical(said) + arguments + answer + asked_for)
    return Features(
        identity=identity,
        is_llm=is_llm,
        kind=step.kind,
        node=step.node,
        name=step.name,
        model_hash=step.model_hash,
        messages_hash=step.messages_hash,
        tools_hash=step.tools_hash,
        parameters_hash=step.parameters_hash,
        arguments=arguments,
        shape="" if is_llm else shape_of(step.arguments),
        answer=answer,
        asked_for=asked_for,
        asked_names=tuple(map(asked_name, step.asked_for)),
        error=step.error,
        says_something=bool(step.answer or step.asked_for),
    )


def asked_name(call: Any) -> str:
    """Return the name of the tool that a model asked for."""
    return str(call.get("name", "")) if is_object(call) else ""


def shape_of(value: Any, depth: int = SHAPE_DEPTH_MAX) -> str:
    """Return the keys and types of a JSON value: `{"q": 1}` and `{"q": 2.5}` are alike."""
    if is_object(value):
        if not depth:
            return "{}"
        items = (f"{key!r}:{shape_of(value[key], depth - 1)}" for key in sorted(value, key=str))
        return "{" + ",".join(items) + "}"
    if is_list(value):
        kinds = {shape_of(item, depth - 1) for item in value} if depth else set[str]()
        return "[" + ",".join(sorted(kinds)) + "]"
    if isinstance(value, bool) or value is None:
        return str(type(value).__name__)
    return "number" if isinstance(value, int | float) else "text"


def _hashed(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
