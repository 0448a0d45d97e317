"""From DuckDB's values to Python's: times get their zone, JSON columns become values."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from duckdb import DuckDBPyConnection
from pydantic import BaseModel

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def fetch(
    con: DuckDBPyConnection, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
) -> list[dict[str, Any]]:
    """Run one of our own queries and return its rows by column name."""
    con.execute(sql, parameters)
    columns = [(str(name), str(kind)) for name, kind, *_ in con.description or ()]
    names = [name for name, _ in columns]
    decoders = [(name, decode) for name, kind in columns if (decode := _decoder(kind))]
    rows = [dict(zip(names, row, strict=True)) for row in con.fetchall()]
    for row in rows:
        for name, decode in decoders:
            value = row[name]
            if value is not None:
                row[name] = decode(value)
    return rows


def columns_of(model: type[BaseModel]) -> str:
    """Return the model's fields as a SELECT list: a row model is named like its table."""
    return ", ".join(name for name in model.model_fields if name != "clipped")


def in_utc(value: datetime) -> datetime:
    """Give a TIMESTAMP, which holds UTC, its zone."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def naive_utc(value: datetime) -> datetime:
    """Return an aware time as a TIMESTAMP parameter.

    DuckDB would bind an aware one as TIMESTAMPTZ and compare in the session's zone.
    """
    return value.astimezone(UTC).replace(tzinfo=None)


def microseconds(when: datetime) -> int:
    """Return an aware time as whole microseconds since 1970."""
    return (when - EPOCH) // MICROSECOND


def at(time_us: int) -> datetime:
    """Return the time of so many microseconds since 1970, UTC.

    Raises:
        OverflowError: no calendar has that time.
    """
    return EPOCH + timedelta(microseconds=time_us)


def _decoder(kind: str) -> Callable[[Any], Any] | None:
    # json and not orjson: the latter turns integers beyond 64 bits into floats.
    decoders: dict[str, Callable[[Any], Any]] = {"JSON": json.loads, "TIMESTAMP": in_utc}
    return decoders.get(kind)
