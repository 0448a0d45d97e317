"""How a span failed, which all dialects say alike."""

from collections.abc import Mapping
from typing import Any

from secondtake.backend.dialects.attributes import Attributes, text_of
from secondtake.backend.dialects.shapes import RawSpan


def failure_of(raw: RawSpan, attributes: Attributes) -> dict[str, Any]:
    """Return `error_type`, `error_message` and `error_traceback`; nothing when it did not fail.

    OpenTelemetry says a failure by the span's status, by `error.type` and by an `exception` event.
    The event alone is none: it may have been caught and mended within the span.
    """
    kind = attributes.text("error.type")
    if not raw.has_failed and kind is None:
        return {}
    thrown = [event.attributes for event in raw.events if event.name == "exception"]
    last: Mapping[str, Any] = thrown[-1] if thrown else {}
    return {
        "error_type": kind or text_of(last.get("exception.type")) or "Error",
        "error_message": raw.status_message or text_of(last.get("exception.message")),
        "error_traceback": text_of(last.get("exception.stacktrace")),
    }
