"""Values as OTLP JSON has them: attributes, times, ids."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from secondtake.runner.hashing import digest
from secondtake.runner.narrow import is_list

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SPAN_ID: Final = re.compile(r"(?!0{16})[0-9a-f]{16}")
_SPAN_ID_DIGITS: Final = 16
_ROOT: Final = b"run"


def attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return attributes; what is None is unknown and left out."""
    return [
        {"key": key, "value": _any_value(value)}
        for key, value in values.items()
        if value is not None
    ]


def as_text(value: Any) -> str | None:
    """Return JSON as the text that an attribute holds; None for what is not there."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def span_id_of(run_id: UUID, span_id: str) -> str:
    """Return a span's id as OpenTelemetry wants it, the same each time."""
    if _SPAN_ID.fullmatch(span_id):
        return span_id
    return digest(run_id.bytes + span_id.encode())[:_SPAN_ID_DIGITS]


def root_id_of(run_id: UUID) -> str:
    """Return the id of the span that stands for the run."""
    return digest(run_id.bytes + _ROOT)[:_SPAN_ID_DIGITS]


def times_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Return beginning and end of a row as far as they are known, nanoseconds since 1970.

    With one of the two and the duration the other is known too: it is their sum or difference.
    """
    start, end, took_ms = _time(row["started_at"]), _time(row["ended_at"]), row["duration_ms"]
    if took_ms is not None and start is not None and end is None:
        end = start + _nanoseconds(took_ms)
    if took_ms is not None and end is not None and start is None:
        start = max(end - _nanoseconds(took_ms), 0)
    found = {"startTimeUnixNano": start, "endTimeUnixNano": end}
    return {name: str(time) for name, time in found.items() if time is not None}


def unknown_times(times: Mapping[str, str]) -> str | None:
    """Say which times a span lacks; None when it has both."""
    lacks = ("startTimeUnixNano" not in times, "endTimeUnixNano" not in times)
    said = {(True, True): "unknown", (True, False): "start unknown", (False, True): "end unknown"}
    return said.get(lacks)


def time_text(text: str | None) -> str | None:
    """Return a time of a row in nanoseconds since 1970, as OTLP JSON writes it."""
    time = _time(text)
    return None if time is None else str(time)


def _any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if is_list(value):
        return {"arrayValue": {"values": [_any_value(item) for item in value]}}
    return {"stringValue": value if isinstance(value, str) else as_text(value)}


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    since = datetime.fromisoformat(text) - _EPOCH
    return (since // timedelta(microseconds=1)) * 1000 if since >= timedelta(0) else None


def _nanoseconds(milliseconds: float) -> int:
    return round(milliseconds * 1_000_000)
