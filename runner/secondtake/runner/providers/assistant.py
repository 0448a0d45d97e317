"""Assistant messages in OpenAI's chat form, from LiteLLM's plain answers and from its streams.

A message has `role` and `content`, and where the model gave them `tool_calls`, `refusal`,
`reasoning_content`, `thinking_blocks` (Anthropic wants those back, signatures included), `audio`,
`images` and `annotations`.
"""

import time
from collections.abc import Mapping
from typing import Any, Final, cast

KEPT: Final = ("reasoning_content", "audio", "images", "annotations")
"""Fields of LiteLLM's messages that are taken over as they are."""


def plain_message(message: Any) -> dict[str, Any]:
    """Return the message of a plain answer's choice, a LiteLLM `Message`."""
    result: dict[str, Any] = {"role": "assistant", "content": getattr(message, "content", None)}
    calls = [
        _call(call.id, call.function.name, call.function.arguments)
        for call in getattr(message, "tool_calls", None) or ()
    ]
    legacy = getattr(message, "function_call", None)
    if legacy is not None and not calls:
        calls = [_call(None, legacy.name, legacy.arguments)]
    if calls:
        result["tool_calls"] = [_without_unknown_id(call) for call in calls]
    refusal = _refusal(message)
    if refusal:
        result["refusal"] = refusal
    for name in KEPT:
        value = getattr(message, name, None)
        if value:
            result[name] = _json(value)
    blocks = getattr(message, "thinking_blocks", None)
    if blocks:
        result["thinking_blocks"] = [_json(block) for block in blocks]
    return result


class StreamedAnswer:
    """Puts an answer together from LiteLLM's chunks.

    Choices interleave by their index, tool calls within a choice by theirs.
    """

    def __init__(self) -> None:
        self.first_token_s: float | None = None
        """When the first piece of any content came, by `time.perf_counter`."""
        self.finish_reason: str | None = None
        """As LiteLLM words it."""
        self.response_id: str | None = None
        self.model: str | None = None
        self._choices: dict[int, _Choice] = {}

    def add(self, chunk: Any) -> None:
        """Take the next chunk, a LiteLLM `ModelResponseStream`."""
        self.response_id = self.response_id or getattr(chunk, "id", None)
        self.model = self.model or getattr(chunk, "model", None)
        for part in getattr(chunk, "choices", None) or ():
            choice = self._choices.setdefault(part.index or 0, _Choice())
            if choice.add(part.delta) and self.first_token_s is None:
                self.first_token_s = time.perf_counter()
            self.finish_reason = part.finish_reason or self.finish_reason

    def messages(self, refusals: Mapping[int, str] | None = None) -> list[dict[str, Any]]:
        """Return what has arrived, one message a choice; `refusals` are those of the wire."""
        told = refusals or {}
        indices: set[int] = set(self._choices) | set(told)
        result: list[dict[str, Any]] = []
        for index in sorted(indices):
            message = self._choices.get(index, _Choice()).message()
            if index in told:
                message["refusal"] = told[index]
            result.append(message)
        return result


class _Choice:
    def __init__(self) -> None:
        self._text: dict[str, list[str]] = {"content": [], "refusal": [], "reasoning_content": []}
        self._calls: list[dict[str, Any]] = []
        self._call_at: dict[int, dict[str, Any]] = {}
        self._legacy: dict[str, Any] | None = None
        self._blocks: list[dict[str, Any]] = []
        self._kept: dict[str, Any] = {}

    def add(self, delta: Any) -> bool:
        """Take a delta; return whether it had any content."""
        if delta is None:
            return False
        pieces = {
            "content": getattr(delta, "content", None),
            "refusal": _refusal(delta),
            "reasoning_content": getattr(delta, "reasoning_content", None),
        }
        for name, piece in pieces.items():
            if piece:
                self._text[name].append(piece)
        calls = getattr(delta, "tool_calls", None) or ()
        for call in calls:
            self._add_call(call)
        legacy = getattr(delta, "function_call", None)
        if legacy is not None:
            self._legacy = self._legacy or _call(None, "", "")
            _extend(self._legacy["function"], legacy)
        for block in getattr(delta, "thinking_blocks", None) or ():
            self._add_block(_json(block))
        for name in ("audio", "images", "annotations"):
            value = getattr(delta, name, None)
            if value:
                self._add_kept(name, _json(value))
        return bool(any(pieces.values()) or calls or legacy is not None or self._kept)

    def _add_call(self, delta: Any) -> None:
        index = getattr(delta, "index", None) or 0
        call = self._call_at.get(index)
        # Some adapters give every parallel call the index 0; then a new id begins a new call.
        if call is None or (delta.id and call["id"] and delta.id != call["id"]):
            call = _call(None, "", "")
            self._call_at[index] = call
            self._calls.append(call)
        call["id"] = call["id"] or delta.id or None
        _extend(call["function"], delta.function)

    def _add_block(self, block: dict[str, Any]) -> None:
        """Join the pieces of a thinking block; its signature comes last and ends it."""
        last = self._blocks[-1] if self._blocks else None
        text, signature = block.get("thinking"), block.get("signature")
        if block.get("type") != "thinking" or last is None or last.get("signature"):
            self._blocks.append({name: item for name, item in block.items() if item is not None})
        elif last.get("type") == "thinking":
            last["thinking"] = (last.get("thinking") or "") + (text or "")
            if signature:
                last["signature"] = signature
        else:
            self._blocks.append(block)

    def _add_kept(self, name: str, value: Any) -> None:
        known = self._kept.get(name)
        if isinstance(known, list) and isinstance(value, list):
            known.extend(value)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        elif isinstance(known, dict) and isinstance(value, dict):
            _join(cast(dict[str, Any], known), cast(dict[str, Any], value))
        else:
            self._kept[name] = value

    def message(self) -> dict[str, Any]:
        text = {name: "".join(pieces) for name, pieces in self._text.items() if pieces}
        message: dict[str, Any] = {"role": "assistant", "content": text.get("content")}
        calls = self._calls or ([self._legacy] if self._legacy else [])
        if calls:
            message["tool_calls"] = [_without_unknown_id(call) for call in calls]
        for name in ("refusal", "reasoning_content"):
            if name in text:
                message[name] = text[name]
        if self._blocks:
            message["thinking_blocks"] = self._blocks
        return message | self._kept


def _extend(function: dict[str, Any], delta: Any) -> None:
    name = getattr(delta, "name", None)
    if name and name != function["name"]:  # some servers repeat the name in every chunk
        function["name"] += name
    function["arguments"] += getattr(delta, "arguments", None) or ""


def _join(known: dict[str, Any], more: dict[str, Any]) -> None:
    """Join the pieces of an audio answer: data and transcript grow, the rest is replaced."""
    for name, value in more.items():
        if name in ("data", "transcript") and isinstance(value, str):
            known[name] = (known.get(name) or "") + value
        elif value is not None:
            known[name] = value


def _call(call_id: str | None, name: str | None, arguments: str | None) -> dict[str, Any]:
    function = {"name": name or "", "arguments": arguments or ""}
    return {"id": call_id, "type": "function", "function": function}


def _without_unknown_id(call: dict[str, Any]) -> dict[str, Any]:
    return call if call["id"] else {name: call[name] for name in ("type", "function")}


def _refusal(message: Any) -> str | None:
    specific: Any = getattr(message, "provider_specific_fields", None) or {}
    refusal: Any = getattr(message, "refusal", None) or specific.get("refusal")
    return refusal if isinstance(refusal, str) else None


def _json(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(exclude_none=True)
    if isinstance(value, list):
        return [_json(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return dict(cast(Mapping[str, Any], value)) if isinstance(value, Mapping) else value
