"""Reads segments into a temporary table, strictly: a value that does not fit raises.

`staged` holds one row an event, in the order of the file, numbered from 1 by `row_id`. `pieces`
says which of these rows came from which segment.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
from duckdb import DuckDBPyConnection

from secondtake.backend.store.columns import EventColumns, event_models
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


def stage(
    con: DuckDBPyConnection, columns: EventColumns, path: Path | None, *, longest_line_bytes: int
) -> Counter[str]:
    """Fill `staged` with the events of an NDJSON file; return how many of each kind there are.

    Args:
        con: the store, outside a transaction.
        columns: those of the tables that events fill.
        path: the file; lines of kind `segment` and `seal` are passed over. None for no events.
        longest_line_bytes: at least the length of the longest line.

    Raises:
        StageRefused: a line is no event that the tables could hold.
        StoreError: DuckDB cannot work, e.g. the disk is full.
    """
    union = columns.union()
    # As text: DuckDB would take a time with an offset and drop the offset in silence.
    read_as = {name: "VARCHAR" if kind == "TIMESTAMP" else kind for name, kind in union.items()}
    declared = ", ".join(f"'{name}': '{kind}'" for name, kind in read_as.items())
    selected = ", ".join(_staged_column(name, kind) for name, kind in union.items())
    object_bytes = max(longest_line_bytes + 1024, OBJECT_BYTES_MIN)
    source = f"""
        read_json($path, format = 'newline_delimited', columns = {{{declared}}},
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
    return _count_kinds(con, columns)


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


def _count_kinds(con: DuckDBPyConnection, columns: EventColumns) -> Counter[str]:
    """Count the events; refuse what the strict reader lets pass and the tables would not."""
    lacking = [
        f"""(kind = '{kind}' AND "{column}" IS NULL)"""
        for kind, model in event_models()
        for column in columns.required[TABLES[kind]]
        if column in model.model_fields and column != "run_id"
    ]
    rows = con.execute(
        f"""
        SELECT kind, count(*), count(*) FILTER (run_id IS NULL OR {" OR ".join(lacking)})
        FROM staged
        GROUP BY kind
        """
    ).fetchall()
    for kind, _, without_identity in rows:
        if kind not in TABLES or without_identity:
            raise StageRefused(f"an event of kind {kind!r} is unknown or has no identity")
    return Counter({kind: events for kind, events, _ in rows})


def _staged_column(name: str, kind: str) -> str:
    if kind != "TIMESTAMP":
        return f'"{name}"'
    return f"""
        CASE WHEN "{name}" IS NULL OR ends_with("{name}", 'Z') THEN "{name}"::TIMESTAMP
             ELSE error('{name} is not in UTC: ' || "{name}") END AS "{name}"
    """
