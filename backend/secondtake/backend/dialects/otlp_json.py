"""Reads OTLP JSON: the spans of an ExportTraceServiceRequest and the events of its logs.

Ids are hexadecimal, 64-bit integers are text, enums are numbers (opentelemetry-proto, "JSON
Protobuf Encoding"). What is malformed is left out; nothing raises.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from secondtake.backend.dialects.attributes import count_of, text_of
from secondtake.backend.dialects.shapes import RawSpan, SpanEvent
from secondtake.runner.wrap.fields import Json, mapping, objects

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
STATUS_ERROR: Final = (2, "STATUS_CODE_ERROR")
_DEPTH_MAX: Final = 100


def spans_of(document: Any) -> list[RawSpan]:
    """Return the spans of a request, in its order."""
    return [
        _span(span, scope)
        for resource in objects(mapping(document).get("resourceSpans"))
        for scoped in objects(resource.get("scopeSpans"))
        for scope in [text_of(mapping(scoped.get("scope")).get("name"))]
        for span in objects(scoped.get("spans"))
    ]


def with_logs(spans: Sequence[RawSpan], document: Any) -> list[RawSpan]:
    """Return spans with the log records that name them as their events, in order of time."""
    events: dict[tuple[str | None, str | None], list[SpanEvent]] = defaultdict(list)
    for record in _log_records(document):
        place = (text_of(record.get("traceId")), text_of(record.get("spanId")))
        events[place].append(_log_event(record))
    return [
        replace(span, events=[*span.events, *_in_order(events[(span.trace_id, span.span_id)])])
        for span in spans
    ]


def time_of_nanos(value: Any) -> datetime | None:
    """Return the moment that is so many nanoseconds after 1970 began; None for 0 and no number."""
    nanos = count_of(value)
    if not nanos:
        return None
    try:
        return EPOCH + timedelta(microseconds=nanos // 1000)
    except OverflowError:
        return None


def plain_value(value: Any, *, depth: int = 0) -> Any:
    """Return the JSON value that an AnyValue holds; an integer is a number again."""
    for kind, item in mapping(value).items():
        if kind == "intValue":
            return _integer(item)
        if kind == "arrayValue":
            return [plain_value(each, depth=depth + 1) for each in _inside(item, depth)]
        if kind == "kvlistValue":
            return _attributes(_inside(item, depth), depth=depth + 1)
        return item
    return None


def _span(span: Json, scope: str | None) -> RawSpan:
    status = mapping(span.get("status"))
    return RawSpan(
        name=str(span.get("name") or "span"),
        attributes=_attributes(objects(span.get("attributes"))),
        span_id=text_of(span.get("spanId")),
        parent_span_id=text_of(span.get("parentSpanId")),
        trace_id=text_of(span.get("traceId")),
        started_at=time_of_nanos(span.get("startTimeUnixNano")),
        ended_at=time_of_nanos(span.get("endTimeUnixNano")),
        scope=scope,
        has_failed=status.get("code") in STATUS_ERROR,
        status_message=text_of(status.get("message")),
        events=[
            SpanEvent(
                name=str(event.get("name")),
                attributes=_attributes(objects(event.get("attributes"))),
                time=time_of_nanos(event.get("timeUnixNano")),
            )
            for event in objects(span.get("events"))
        ],
    )


def _log_records(document: Any) -> Iterator[Json]:
    for resource in objects(mapping(document).get("resourceLogs")):
        for scoped in objects(resource.get("scopeLogs")):
            yield from objects(scoped.get("logRecords"))


def _log_event(record: Json) -> SpanEvent:
    attributes = _attributes(objects(record.get("attributes")))
    name = text_of(record.get("eventName")) or text_of(attributes.get("event.name"))
    moments = (record.get("timeUnixNano"), record.get("observedTimeUnixNano"))
    known = [moment for value in moments if (moment := time_of_nanos(value)) is not None]
    return SpanEvent(
        name=name or "log",
        attributes=attributes,
        body=plain_value(record.get("body")),
        time=known[0] if known else None,
    )


def _in_order(events: Iterable[SpanEvent]) -> list[SpanEvent]:
    return sorted(events, key=lambda event: event.time or EPOCH)


def _attributes(items: Sequence[Json], *, depth: int = 0) -> dict[str, Any]:
    return {
        key: plain_value(item.get("value"), depth=depth)
        for item in items
        if (key := text_of(item.get("key"))) is not None
    }


def _inside(item: Any, depth: int) -> list[Mapping[str, Any]]:
    return objects(mapping(item).get("values")) if depth < _DEPTH_MAX else []


def _integer(item: Any) -> Any:
    try:
        return int(item) if isinstance(item, str) and len(item) <= 20 else item
    except ValueError:
        return item
