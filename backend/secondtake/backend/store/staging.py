"""Reads segments into a temporary table, strictly: a value that does not fit raises.

`staged` holds one row an event, in the order of the file, numbered from 1 by `row_id`. `pieces`
says which of these rows came from which segment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
from duckdb import DuckDBPyConnection

from secondtake.backend.store.columns import (
    EVENT_TABLES,
    event_models,
    table_types,
    union_types,
)
from secondtake.runner.errors import StoreError
from secondtake.runner.events import TABLES

OBJECT_BYTES_MIN: Final = 1 << 20
"""DuckDB reserves twice the longest line for each thread; its own default is 16 times this."""

_REFUSALS: Final = (
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.OutOfMemoryException,
)


class StageRefused(Exception):
    """DuckDB does not take the file; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What one segment contributes to a batch."""

    segment: str
    writer_id: str
    host: str | None
    """None when the header does not say."""
    event_count: int
    """Lines that are in the staged file."""
    rejected_count: int
    torn_bytes: int

    @property
    def line_count(self) -> int:
        """All event lines of the segment."""
        return self.event_count + self.rejected_count


def stage(con: DuckDBPyConnection, path: Path | None, *, longest_line_bytes: int) -> int:
    """Fill `staged` with the events of an NDJSON file; return how many there are.

    Args:
        con: the store, outside a transaction.
        path: the file; lines of kind `segment` and `seal` are passed over. None for no events.
        longest_line_bytes: at least the length of the longest line.

    Raises:
        StageRefused: a line is no event that the tables could hold.
        StoreError: DuckDB cannot work, e.g. the disk is full.
    """
    union = union_types(table_types(con))
    # As text: DuckDB would take a time with an offset and drop the offset in silence.
    read_as = {name: "VARCHAR" if kind == "TIMESTAMP" else kind for name, kind in union.items()}
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in read_as.items())
    selected = ", ".join(_staged_column(name, kind) for name, kind in union.items())
    object_bytes = max(longest_line_bytes + 1024, OBJECT_BYTES_MIN)
    source = f"""
        read_json($path, format = 'newline_delimited', columns = {{{columns}}},
                  maximum_object_size = {object_bytes})
    """
    empty = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in read_as.items())
    try:
        con.execute("DROP TABLE IF EXISTS staged")
        con.execute(
            f"""
            CREATE TEMP TABLE staged AS
            SELECT row_number() OVER () AS row_id, {selected}
            FROM {source if path else f"(SELECT {empty}) WHERE false"}
            {"WHERE kind IS NULL OR kind NOT IN ('segment', 'seal')" if path else ""}
            """,
            {"path": str(path)} if path else {},
        )
    except _REFUSALS as error:
        raise StageRefused(str(error).splitlines()[0]) from error
    except duckdb.Error as error:
        raise cannot_load(error) from error
    _refuse_rows_without_identity(con)
    return count(con, "SELECT count(*) FROM staged")


def describe_pieces(con: DuckDBPyConnection, pieces: Sequence[Piece]) -> None:
    """Fill `pieces`; `first_row` and `last_row` are the segment's rows of `staged`."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE pieces AS
        SELECT *, coalesce(sum(event_count) OVER earlier, 0) + 1 AS first_row,
               coalesce(sum(event_count) OVER earlier, 0) + event_count AS last_row
        FROM (
            SELECT unnest($segments) AS segment, unnest($writers) AS writer_id,
                   unnest($hosts)::VARCHAR AS host, unnest($events)::BIGINT AS event_count,
                   unnest($rejected)::BIGINT AS rejected_count,
                   unnest($torn)::BIGINT AS torn_bytes, unnest($places)::BIGINT AS place
        )
        WINDOW earlier AS (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        """,
        {
            "segments": [piece.segment for piece in pieces],
            "writers": [piece.writer_id for piece in pieces],
            "hosts": [piece.host for piece in pieces],
            "events": [piece.event_count for piece in pieces],
            "rejected": [piece.rejected_count for piece in pieces],
            "torn": [piece.torn_bytes for piece in pieces],
            "places": list(range(len(pieces))),
        },
    )


def drop_staged(con: DuckDBPyConnection) -> None:
    """Give the memory of the staged events back."""
    con.execute("DROP TABLE IF EXISTS staged")


def cannot_load(error: Exception) -> StoreError:
    """Return what to tell when the disk or the database refuses."""
    reason = str(error).splitlines()[0].rstrip(".")
    return StoreError(
        f"Cannot load the journal: {reason}. Nothing is lost, the segments wait in the journal "
        "folder; mend this (is the disk full?) and try again."
    )


def count(con: DuckDBPyConnection, sql: str) -> int:
    """Run a statement that answers with one number."""
    row = con.execute(sql).fetchone()
    assert row is not None, "the statement gave no number"
    return int(row[0])


def _refuse_rows_without_identity(con: DuckDBPyConnection) -> None:
    """Refuse what the strict reader lets pass and the tables would not."""
    known = ", ".join(f"'{kind}'" for kind in TABLES)
    required: dict[str, list[str]] = {}
    for table, column in con.execute(
        """
        SELECT table_name, column_name FROM duckdb_columns()
        WHERE NOT is_nullable AND NOT internal AND list_contains(?, table_name)
        """,
        [list(EVENT_TABLES)],
    ).fetchall():
        required.setdefault(table, []).append(column)
    lacking = [
        f"""(kind = '{kind}' AND "{column}" IS NULL)"""
        for kind, model in event_models()
        for column in required.get(TABLES[kind], [])
        if column in model.model_fields and column != "run_id"
    ]
    found = con.execute(
        f"""
        SELECT kind FROM staged
        WHERE kind IS NULL OR kind NOT IN ({known}) OR run_id IS NULL OR {" OR ".join(lacking)}
        LIMIT 1
        """
    ).fetchone()
    if found:
        raise StageRefused(f"an event of kind {found[0]!r} is unknown or has no identity")


def _staged_column(name: str, kind: str) -> str:
    if kind != "TIMESTAMP":
        return f'"{name}"'
    return f"""
        CASE WHEN "{name}" IS NULL OR ends_with("{name}", 'Z') THEN "{name}"::TIMESTAMP
             ELSE error('{name} is not in UTC: ' || "{name}") END AS "{name}"
    """
