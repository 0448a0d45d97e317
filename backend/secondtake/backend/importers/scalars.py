"""Numbers and times of recordings, as the columns take them; what does not fit is unknown."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from secondtake.runner.event_scalars import INT64_MAX
from secondtake.runner.narrow import is_object

_NANO: Final = Decimal("1e-9")
_AMOUNT_MAX: Final = Decimal(10**9)


def number_of(value: Any) -> float | None:
    """Return a finite number; None for anything else, truth values and texts too."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def count_of(value: Any) -> int | None:
    """Return a number of tokens; None for anything that is not a whole number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= INT64_MAX:
        return None
    return value


def milliseconds_of(value: Any) -> float | None:
    """Return a duration; None for what is no number of at least 0."""
    number = number_of(value)
    return number if number is not None and number >= 0 else None


def amount_of(value: Any) -> Decimal | None:
    """Return US dollars as the decimal that the number is written as, to nine places.

    None for what is no number, is negative, or is more than the column can hold.
    """
    number = number_of(value)
    if number is None or number < 0:
        return None
    amount = Decimal(str(value))
    return amount.quantize(_NANO) if amount < _AMOUNT_MAX else None


def time_of(value: Any) -> datetime | None:
    """Return the moment that a text in ISO 8601 names; without a zone it is taken as UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def text_of(value: Any) -> str | None:
    """Return an id or a name as text: texts that are not empty, and whole numbers."""
    if isinstance(value, str):
        return value if value.strip() else None
    if is_object(value):  # how `jsonable` writes an integer beyond 64 bits
        return text_of(value.get("$int"))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
