"""Times as recordings write them: ISO 8601 text, or seconds since 1970."""

from datetime import UTC, datetime
from typing import Any

from secondtake.backend.dialects.attributes import number_of


def moment_of(value: Any) -> datetime | None:
    """Return a moment in UTC; None for what is no time.

    A text without a zone is taken as UTC: a recording from another machine does not say which zone
    it means, and the zone of this machine would differ from import to import.
    """
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        seconds = number_of(value)
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def duration_ms_of(value: Any) -> float | None:
    """Return a duration, given in seconds, in milliseconds; None for what is no duration."""
    seconds = number_of(value)
    return seconds * 1000 if seconds is not None and seconds >= 0 else None
