"""How the exporters of OpenTelemetry print a span, read as one.

name                name
ids                 spanContext.{traceId, spanId}, context.{trace_id, span_id}, traceId, id
parent              parentSpanId, parentSpanContext.spanId, parent_id, parentId
times               startTime, start_time, startTimeUnixNano: [seconds, nanoseconds], ISO 8601
                    or nanoseconds since 1970; `timestamp` and `duration` in microseconds
status              {code: 2} or {status_code: "ERROR"}
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from secondtake.backend.dialects.attributes import count_of, text_of
from secondtake.backend.dialects.otlp_json import EPOCH, spans_of, time_of_nanos
from secondtake.backend.dialects.shapes import RawSpan, SpanEvent
from secondtake.backend.importers.files import shape_of
from secondtake.backend.importers.scalars import time_of
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.wrap.fields import Json, mapping, objects

FLAT_NAME: Final = "span"
"""What a span is called that is a map of attributes alone and does not say what it is."""
_FLAT_PREFIXES: Final = ("gen_ai.", "llm.", "openinference.", "traceloop.", "ai.")
_ERRORS: Final = (2, "2", "ERROR", "STATUS_CODE_ERROR", "StatusCode.ERROR")


def is_span(value: Mapping[str, Any]) -> bool:
    """Tell whether an object is a printed span, or one of OTLP with its scope."""
    if is_object(value.get("otlp")):
        return True
    return isinstance(value.get("name"), str) and "attributes" in value


def is_flat(value: Mapping[str, Any]) -> bool:
    """Tell whether an object is a map of attributes."""
    return any(key.startswith(_FLAT_PREFIXES) for key in value)


def spans_in(value: Any) -> list[Any]:
    """Return the spans of a document of OTLP JSON, each with its scope; else the value itself."""
    if not is_object(value) or not is_list(value.get("resourceSpans")):
        return [value]
    return [
        {"otlp": span, "scope": scoped.get("scope")}
        for resource in objects(value["resourceSpans"])
        for scoped in objects(resource.get("scopeSpans"))
        for span in objects(scoped.get("spans"))
    ]


def trace_id_of(value: Mapping[str, Any]) -> str | None:
    """Return the trace of a printed span; None when it does not say one."""
    if is_object(value.get("otlp")):
        return _id(value["otlp"].get("traceId"))
    context = _context(value)
    return _id(context.get("traceId", context.get("trace_id", value.get("traceId"))))


def problem_of_span(value: Any) -> str | None:
    """Say why a span cannot be taken; None when it can."""
    if not is_object(value):
        return f"is {shape_of(value)}, not an object"
    value = value["otlp"] if is_object(value.get("otlp")) else value
    if "attributes" not in value:
        return None
    attributes = value["attributes"]
    if attributes is not None and not is_object(attributes) and not is_list(attributes):
        return f"has attributes that are {shape_of(attributes)}"
    if value.get("events") is not None and not is_list(value["events"]):
        return f"has events that are {shape_of(value['events'])}"
    return None


def raw_spans(values: Sequence[Json]) -> list[RawSpan]:
    """Return the spans of one trace."""
    return [_raw_span(value) for value in values]


def _raw_span(value: Json) -> RawSpan:
    if is_object(value.get("otlp")):
        scoped = {"scope": value.get("scope"), "spans": [value["otlp"]]}
        return spans_of({"resourceSpans": [{"scopeSpans": [scoped]}]})[0]
    if not is_span(value):
        return RawSpan(name=_flat_name(value), attributes=value)
    context, status = _context(value), mapping(value.get("status"))
    parent = mapping(value.get("parentSpanContext")).get("spanId")
    started_at = _time(value, "startTime", "start_time", "startTimeUnixNano")
    ended_at = _time(value, "endTime", "end_time", "endTimeUnixNano")
    begun, took = count_of(value.get("timestamp")), count_of(value.get("duration"))
    if started_at is None and begun is not None:
        started_at = time_of_nanos(begun * 1000)
        ended_at = None if took is None else time_of_nanos((begun + took) * 1000)
    scope = mapping(value.get("instrumentationScope", value.get("instrumentationLibrary")))
    code = status.get("code", status.get("status_code"))
    return RawSpan(
        name=text_of(value.get("name")) or FLAT_NAME,
        attributes=mapping(value.get("attributes")),
        span_id=_id(context.get("spanId", context.get("span_id", value.get("id")))),
        parent_span_id=_id(
            value.get("parentSpanId", value.get("parent_id", value.get("parentId", parent)))
        ),
        trace_id=trace_id_of(value),
        started_at=started_at,
        ended_at=ended_at,
        scope=text_of(scope.get("name")),
        has_failed=isinstance(code, int | str) and code in _ERRORS,
        status_message=text_of(status.get("message", status.get("description"))),
        events=[
            SpanEvent(
                name=str(event.get("name")),
                attributes=mapping(event.get("attributes")),
                time=_time(event, "time", "timestamp"),
            )
            for event in objects(value.get("events"))
        ],
    )


def _flat_name(attributes: Json) -> str:
    """Return the name that the conventions give such a span: `{operation} {model}`."""
    operation = attributes.get("gen_ai.operation.name", attributes.get("openinference.span.kind"))
    model = attributes.get("gen_ai.request.model", attributes.get("llm.model_name"))
    said = [text_of(operation), text_of(model)]
    return " ".join(text.lower() for text in said if text is not None) or FLAT_NAME


def _context(value: Mapping[str, Any]) -> Json:
    found = value.get("spanContext", value.get("context"))
    return found if is_object(found) else {}


def _id(value: Any) -> str | None:
    """Return an id; Python prints it with `0x` before it."""
    said = text_of(value)
    return said.removeprefix("0x") if said is not None else None


def _time(value: Json, *names: str) -> datetime | None:
    for name in names:
        found = _moment(value.get(name))
        if found is not None:
            return found
    return None


def _moment(value: Any) -> datetime | None:
    """Return a moment; a list is [seconds, nanoseconds] since 1970, a number nanoseconds."""
    if is_list(value) and len(value) == 2:
        seconds, nanos = count_of(value[0]), count_of(value[1])
        if seconds is None or nanos is None:
            return None
        try:
            return EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
        except OverflowError:
            return None
    return time_of(value) or time_of_nanos(value)
