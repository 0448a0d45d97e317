"""The numbers and times of events: what fits the columns of the tables."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, Field

INT64_MAX: Final = 2**63 - 1

Count = Annotated[int, Field(ge=0, le=INT64_MAX)]
"""A number of things: tokens, calls, bytes. Fits DuckDB's BIGINT."""

Small = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A small number: a visit, an attempt, a depth. Fits DuckDB's INTEGER."""


def _in_utc(time: datetime) -> datetime:
    if time.tzinfo is UTC:
        return time
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment. Other zones become UTC: DuckDB would drop an offset without a word."""

Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]

Amount = Annotated[Decimal, Field(max_digits=18, decimal_places=9)]
"""US dollars as DECIMAL(18,9); a string in the journal."""
