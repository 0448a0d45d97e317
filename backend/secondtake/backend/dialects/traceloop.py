"""Reads the spans of Traceloop's OpenLLMetry.

Its packages of today word a call as OpenTelemetry GenAI does; older ones flatten the messages into
`gen_ai.prompt.<i>.role`, ... and `gen_ai.completion.<i>...`. Steps are `traceloop.span.kind`. Its
input count contains the cached tokens: the packages add them up themselves.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from secondtake.backend.dialects import genai
from secondtake.backend.dialects.attributes import Attributes, json_of
from secondtake.backend.dialects.messages import chat_messages
from secondtake.backend.dialects.parameters import take_parameters
from secondtake.backend.dialects.shapes import Kind, Message, RawSpan, ReadSpan
from secondtake.backend.dialects.tools import chat_tools
from secondtake.runner.narrow import is_list
from secondtake.runner.wrap.fields import Json, objects

_KINDS: Final[Mapping[str, Kind]] = {
    "workflow": "chain",
    "task": "chain",
    "agent": "agent",
    "tool": "tool",
}
_REQUESTS: Final[Mapping[str, Kind]] = {
    "chat": "llm",
    "completion": "llm",
    "embedding": "embedding",
}


def speaks(attributes: Attributes) -> bool:
    """Tell whether a span is in this dialect."""
    return attributes.has(
        "traceloop.", "gen_ai.prompt.", "gen_ai.completion.", "llm.request.", "llm.usage."
    )


def read(raw: RawSpan, attributes: Attributes) -> ReadSpan:
    """Return what a span says; the attributes that it is said by are taken."""
    prompts = attributes.items("gen_ai.prompt")
    completions = attributes.items("gen_ai.completion")
    functions = attributes.items("llm.request.functions")
    total = attributes.count("llm.usage.total_tokens")
    base = genai.read(raw, attributes)
    kind = _kind(attributes, base.kind)
    entity = attributes.text("traceloop.entity.name")
    found: dict[str, Any] = {
        "kind": kind,
        "name": entity or base.name,
        "tool": base.tool or (entity if kind == "tool" else None),
        "session_id": base.session_id
        or attributes.text("traceloop.association.properties.session_id"),
        "user_id": base.user_id or attributes.text("traceloop.association.properties.user_id"),
        "tools": base.tools or (chat_tools(functions) if functions else None),
        "parameters": _parameters(base, attributes),
        "stream": base.stream if base.stream is not None else attributes.flag("llm.is_streaming"),
        "usage": _usage(base, total),
    }
    if kind == "llm":
        found |= {
            "sent": _messages(prompts) or base.sent,
            "answers": _messages(completions) or base.answers,
            "finish_reasons": base.finish_reasons
            or [str(each["finish_reason"]) for each in objects(completions) if _ended(each)],
        }
    else:
        found |= {
            "input": _first(attributes.json("traceloop.entity.input"), base.input),
            "output": _first(attributes.json("traceloop.entity.output"), base.output),
        }
    return replace(base, dialect="traceloop", **found)


def _kind(attributes: Attributes, said: Kind) -> Kind:
    request = attributes.text("llm.request.type") or ""
    kind: Kind | None = _KINDS.get(attributes.text("traceloop.span.kind") or "")
    return kind or _REQUESTS.get(request) or said


def _parameters(base: ReadSpan, attributes: Attributes) -> dict[str, Any] | None:
    older = take_parameters(attributes, "llm.request.", "llm.chat.", "llm.")
    return {**(older or {}), **(base.parameters or {})} or None


def _usage(base: ReadSpan, total: int | None) -> dict[str, Any] | None:
    return base.usage if total is None else {**(base.usage or {}), "total_tokens": total}


def _messages(items: list[Any]) -> list[Message] | None:
    found = [chat_messages({**item, "content": _content(item)}) for item in objects(items)]
    return [message for messages in found for message in messages or []] or None


def _content(item: Json) -> Any:
    """Return the content as it was sent; what was no text was written as JSON."""
    content = item.get("content")
    parsed = json_of(content)
    return parsed if is_list(parsed) else content


def _ended(item: Json) -> bool:
    return isinstance(item.get("finish_reason"), str) and bool(item["finish_reason"])


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
