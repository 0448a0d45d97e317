"""Columns whose values may be long: reads their beginnings, and any piece of one.

A value is cut inside of DuckDB, so a text of 10 MB costs what is asked for and not what it weighs.
A JSON string is a text; any other JSON value is cut as it is written. Counted in characters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from duckdb import DuckDBPyConnection
from pydantic import BaseModel

from secondtake.backend.store.rows import columns_of, fetch

M = TypeVar("M", bound=BaseModel)

_ERROR: Final = {"error_message": "VARCHAR", "error_traceback": "VARCHAR", "extra": "JSON"}
_CUT: Final = "clipped."
"""Before a column's name: the whole length of what was cut."""

OFFSET_MAX: Final = 2**31
"""Beyond it DuckDB refuses to look; no value is as long."""


@dataclass(frozen=True, kw_only=True)
class LongTexts:
    """Where the long values of one kind of row are."""

    table: str
    key: str | None
    """The column that tells a run's rows apart; None when a run has one."""
    fields: Mapping[str, str]
    """Column and its type, VARCHAR or JSON."""


LONG_TEXTS: Final[dict[str, LongTexts]] = {
    "runs": LongTexts(
        table="runs",
        key=None,
        fields={
            "config": "JSON",
            "inputs": "JSON",
            "output": "JSON",
            "environment": "JSON",
            **_ERROR,
        },
    ),
    "messages": LongTexts(
        table="messages",
        key="message_id",
        fields={"content": "VARCHAR", "parts": "JSON", "tool_calls": "JSON", "extra": "JSON"},
    ),
    "llm_calls": LongTexts(
        table="llm_calls",
        key="span_id",
        fields={"parameters": "JSON", "usage": "JSON", "cost_details": "JSON", **_ERROR},
    ),
    "tool_calls": LongTexts(
        table="tool_calls", key="span_id", fields={"arguments": "JSON", "result": "JSON", **_ERROR}
    ),
    "node_timings": LongTexts(
        table="node_timings", key="span_id", fields={"question": "JSON", **_ERROR}
    ),
    "memory": LongTexts(
        table="memory_snapshots", key="seq", fields={"value": "JSON", "extra": "JSON"}
    ),
    "evaluations": LongTexts(
        table="evaluations",
        key="evaluation_id",
        fields={"label": "VARCHAR", "reason": "VARCHAR", "extra": "JSON"},
    ),
    "tool_definitions": LongTexts(
        table="tool_definitions", key="tools_hash", fields={"definitions": "JSON", "extra": "JSON"}
    ),
}
"""By the names that `TextQuery` has."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of a value."""

    text: str
    total_chars: int


def select_list(
    model: type[BaseModel],
    rows: str,
    max_chars: int | None,
    made: Mapping[str, str] | None = None,
) -> str:
    """Return the columns of a row model, long ones cut, with the lengths of what was cut.

    Args:
        model: named like its table.
        rows: a name of `LONG_TEXTS`.
        max_chars: of each long value; None for whole ones.
        made: expressions for fields that are no column as it is.
    """
    made = made or {}
    names = columns_of(model).split(", ")
    if max_chars is None:
        return ", ".join(f"{made[name]} AS {name}" if name in made else name for name in names)
    long = LONG_TEXTS[rows].fields
    parts: list[str] = []
    for name in names:
        if name in long and name not in made:
            parts += _cut(name, long[name], int(max_chars))
        else:
            parts.append(f"{made[name]} AS {name}" if name in made else name)
    return ", ".join(parts)


def fetch_clipped(
    con: DuckDBPyConnection,
    model: type[M],
    sql: str,
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> list[M]:
    """Run a query with the columns of `select_list` and return its rows as models."""
    return [model.model_validate(gather_clipped(row)) for row in fetch(con, sql, parameters)]


def gather_clipped(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of such a query with `clipped` in the place of the single lengths."""
    lengths = {
        name.removeprefix(_CUT): row.pop(name) for name in list(row) if name.startswith(_CUT)
    }
    clipped = {name: length for name, length in lengths.items() if length is not None}
    return {**row, "clipped": clipped} if clipped else row


def read_piece(
    con: DuckDBPyConnection,
    run_id: UUID,
    *,
    rows: str,
    row: str,
    field: str,
    offset: int,
    limit: int,
) -> Piece | None:
    """Return a piece of a value; None when there is no such row, or nothing in the field.

    Args:
        con: the store.
        run_id: the run.
        rows: a name of `LONG_TEXTS`.
        row: the value of its key, as text.
        field: one of its fields.
        offset: in characters.
        limit: in characters.
    """
    place = LONG_TEXTS[rows]
    same_row = f"{place.key}::VARCHAR = $row" if place.key else "$row IS NOT NULL"
    found = fetch(
        con,
        f"""
        SELECT substring(whole, $first, $limit) AS text, length(whole) AS total_chars
        FROM (
            SELECT {_text_of(field, place.fields[field])} AS whole
            FROM {place.table} WHERE run_id = $run_id AND {same_row} AND {field} IS NOT NULL
            LIMIT 1
        )
        """,
        {"run_id": run_id, "row": row, "first": min(offset, OFFSET_MAX) + 1, "limit": limit},
    )
    return Piece(**found[0]) if found else None


def _text_of(name: str, kind: str) -> str:
    if kind != "JSON":
        return name
    # The recorder writes no blank before a value.
    return (
        f"CASE WHEN starts_with({name}::VARCHAR, '\"') THEN {name}->>'$' ELSE {name}::VARCHAR END"
    )


def _cut(name: str, kind: str, max_chars: int) -> list[str]:
    text = _text_of(name, kind)
    # Bytes first: they are known, characters must be counted.
    is_long = f"strlen({name}::VARCHAR) > {max_chars} AND length({text}) > {max_chars}"
    cut = f"left({text}, {max_chars})"
    beginning = f"to_json({cut})" if kind == "JSON" else cut
    return [
        f"CASE WHEN {is_long} THEN {beginning} ELSE {name} END AS {name}",
        f'CASE WHEN {is_long} THEN length({text}) END AS "{_CUT}{name}"',
    ]
