"""Reads one observation of Langfuse.

Langfuse keeps the attributes of a span that came by OpenTelemetry in `metadata.attributes`. They
are read like those of any span, and what the observation itself says goes before them: its type,
model, counts, input and output. A tool call of LangGraph is a SPAN whose output is a tool message;
it is read as a tool call. The outer GENERATION of the Vercel AI SDK repeats its inner ones and is a
step, see `dialects.vercel`.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from secondtake.backend.dialects import read_span
from secondtake.backend.dialects.attributes import json_of, number_of, text_of, usd_of
from secondtake.backend.dialects.conversations import answers_of, finish_reason_of
from secondtake.backend.dialects.parameters import chat_parameters
from secondtake.backend.dialects.shapes import Kind, RawSpan, ReadSpan
from secondtake.backend.importers.langfuse_messages import sent_messages, unpacked
from secondtake.backend.importers.langfuse_usage import usage_tokens
from secondtake.backend.importers.scalars import time_of
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.replay.tool_messages import parse_arguments
from secondtake.runner.wrap.fields import Json, mapping

_KINDS: Final[Mapping[str, Kind]] = {
    "GENERATION": "llm",
    "AGENT": "agent",
    "TOOL": "tool",
    "CHAIN": "chain",
    "RETRIEVER": "retriever",
    "EMBEDDING": "embedding",
}
_STEPS: Final = ("agent", "tool", "retriever")
"""What the attributes of a SPAN can say that it is; Langfuse itself tells generations."""
_READ: Final = frozenset({
    "id", "traceId", "projectId", "parentObservationId", "name", "startTime", "endTime", "input",
    "output", "model", "modelParameters", "usage", "usageDetails", "metadata", "completionStartTime",
    "latency", "timeToFirstToken", "inputCost", "outputCost", "totalCost", "inputUsage",
    "outputUsage", "totalUsage", "calculatedInputCost", "calculatedOutputCost",
    "calculatedTotalCost", "promptTokens", "completionTokens", "totalTokens", "createdAt",
    "updatedAt", "toolCalls", "toolCallNames", "level",
})  # fmt: skip
"""Fields that have a place in the rows or repeat another one; all others are kept in `extra`."""
_OLDER_USAGE: Final = {"promptTokens": "input", "completionTokens": "output"}


def read_observation(observation: Json) -> ReadSpan:
    """Return what an observation says."""
    metadata = mapping(unpacked(observation.get("metadata")))
    raw = _raw_span(observation, metadata)
    base = read_span(raw)
    given, gave = unpacked(observation.get("input")), unpacked(observation.get("output"))
    kind = _kind(observation, base, gave)
    model = text_of(observation.get("model"))
    usage = _usage(observation)
    common = replace(
        base,
        kind=kind,
        model=base.model or model,
        served_model=model if base.model not in (None, model) else base.served_model,
        parameters=_parameters(observation, base),
        usage=dict(usage) or base.usage,
        tokens=usage_tokens(usage) if usage else base.tokens,
        cost_usd=_cost(observation),
        time_to_first_token_ms=_first_token_ms(observation, raw, base),
        input=_or(given, base.input),
        output=_or(gave, base.output),
    )
    if kind == "llm":
        return _generation(common, given, gave)
    return _tool(common, given, gave, metadata) if kind == "tool" else common


def extra_of(read: ReadSpan, observation: Json) -> dict[str, Any]:
    """Return what an observation says and no column holds."""
    metadata = dict(mapping(unpacked(observation.get("metadata"))))
    if is_object(metadata.get("attributes")):
        metadata["attributes"] = read.rest
    kept = {
        key: value
        for key, value in observation.items()
        if key not in _READ and value not in (None, "", [], {})
    }
    if observation.get("name") != read.name:
        kept["name"] = observation.get("name")
    if observation.get("level") not in (None, "DEFAULT"):
        kept["level"] = observation["level"]
    given = mapping(json_of(observation.get("modelParameters")))
    told = chat_parameters(given) or {}
    if read.kind == "llm" and any(_is_said(item) for key, item in given.items() if key not in told):
        kept["modelParameters"] = given
    return {"langfuse": kept, "metadata": metadata or None}


def _raw_span(observation: Json, metadata: Json) -> RawSpan:
    kind = observation.get("type")
    return RawSpan(
        name=text_of(observation.get("name")) or str(kind or "observation").lower(),
        attributes=mapping(json_of(metadata.get("attributes"))),
        span_id=text_of(observation.get("id")),
        parent_span_id=text_of(observation.get("parentObservationId")),
        trace_id=text_of(observation.get("traceId")),
        started_at=time_of(observation.get("startTime")),
        ended_at=time_of(observation.get("endTime")),
        scope=text_of(mapping(metadata.get("scope")).get("name")),
        has_failed=observation.get("level") == "ERROR",
        status_message=text_of(observation.get("statusMessage")),
    )


def _kind(observation: Json, base: ReadSpan, gave: Any) -> Kind:
    said = observation.get("type")
    if said == "GENERATION":
        return "chain" if base.dialect == "vercel" and base.kind == "chain" else "llm"
    if isinstance(said, str) and said in _KINDS:
        return _KINDS[said]
    if said != "SPAN":
        return "other"
    if _is_tool_message(gave):
        return "tool"
    return base.kind if base.kind in _STEPS else "chain"


def _generation(read: ReadSpan, given: Any, gave: Any) -> ReadSpan:
    sent, tools = sent_messages(given, gave)
    answers = answers_of(gave) if gave is not None else None
    parameters = read.parameters or {}
    stream = read.stream
    reason = finish_reason_of(gave)
    response_id = text_of(gave.get("id")) if is_object(gave) and "output" in gave else None
    return replace(
        read,
        sent=sent or read.sent,
        answers=answers or read.answers,
        tools=tools or read.tools,
        parameters=parameters or None,
        stream=stream,
        finish_reasons=read.finish_reasons or ([reason] if reason else []),
        response_id=read.response_id or response_id,
        input=None if sent or read.sent else given,
        output=None if answers or read.answers else gave,
    )


def _tool(read: ReadSpan, given: Any, gave: Any, metadata: Json) -> ReadSpan:
    is_langsmith = mapping(metadata.get("scope")).get("name") == "langsmith"
    if is_langsmith and is_object(given) and set(given) == {"input"}:
        given = given["input"]
    call_id = read.tool_call_id
    if _is_tool_message(gave):
        call_id = call_id or text_of(gave["tool_call_id"])
        gave = gave.get("content")
    # Google's ADK says the result in an attribute, and an empty object here.
    told = mapping(metadata.get("attributes")).get("gcp.vertex.agent.tool_response")
    if gave in ({}, None) and told is not None:
        gave = json_of(told)
    return replace(
        read,
        tool=read.tool or read.name,
        tool_call_id=call_id,
        input=_or(parse_arguments(given), read.input),
        output=_or(gave, read.output),
    )


def _is_tool_message(value: Any) -> bool:
    return (
        is_object(value)
        and value.get("type") == "tool"
        and isinstance(value.get("tool_call_id"), str)
    )


def _parameters(observation: Json, base: ReadSpan) -> dict[str, Any] | None:
    given = chat_parameters(mapping(json_of(observation.get("modelParameters"))))
    return {**(given or {}), **(base.parameters or {})} or None


def _usage(observation: Json) -> dict[str, Any]:
    """Return the counts: `usageDetails`, or what older versions of Langfuse say instead."""
    details = {key: value for key, value in _details(observation, "usageDetails").items()}
    if details:
        return details
    older = {key: observation.get(name) for name, key in _OLDER_USAGE.items()}
    found = {**mapping(observation.get("usage"))} or older
    # Older versions say 0 for what they do not know.
    return {key: value for key, value in found.items() if value} if any(found.values()) else {}


def _cost(observation: Json) -> Decimal | None:
    details = _details(observation, "costDetails")
    if details.get("total") is not None:
        return usd_of(details["total"])
    parts = [usd_of(value) for value in details.values()]
    if parts and None not in parts:
        return sum((part for part in parts if part is not None), Decimal())
    total = observation.get("calculatedTotalCost", observation.get("totalCost"))
    return usd_of(total) if total else None


def _details(observation: Json, name: str) -> Json:
    return {
        key: value
        for key, value in mapping(json_of(observation.get(name))).items()
        if value is not None
    }


def _first_token_ms(observation: Json, raw: RawSpan, base: ReadSpan) -> float | None:
    """Return the time to the first token; Langfuse says the moment, and the duration in seconds."""
    first = time_of(observation.get("completionStartTime"))
    if first is not None and raw.started_at is not None and first >= raw.started_at:
        return (first - raw.started_at).total_seconds() * 1000
    seconds = number_of(observation.get("timeToFirstToken"))
    return seconds * 1000 if seconds is not None and seconds >= 0 else base.time_to_first_token_ms


def _or(value: Any, other: Any) -> Any:
    return value if value is not None else other


def _is_said(value: Any) -> bool:
    return value is not None and value != "" and not (is_list(value) and not value)
