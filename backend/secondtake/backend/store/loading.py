"""Loads a staged batch: everything it says becomes rows in one transaction, or nothing does."""

from collections import Counter
from dataclasses import dataclass

import duckdb
from duckdb import DuckDBPyConnection

from secondtake.backend.store.columns import EventColumns, quoted
from secondtake.backend.store.completing import (
    complete_nodes,
    insert_new_runs,
    kept,
    update_known_runs,
)
from secondtake.backend.store.duplicates import IDENTITY, find_skipped_rows, find_touched_runs
from secondtake.backend.store.rollup import apply_contributions, note_contributions_before
from secondtake.backend.store.staging import cannot_load, count, drop_staged
from secondtake.backend.store.totals import derive_totals
from secondtake.runner.events import TABLES


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What one batch came to; `lines = rows + rejected + duplicates`."""

    lines: int
    rows: int
    """Events that became a row or completed one."""
    rejected: int
    duplicates: int


def load_staged(con: DuckDBPyConnection, columns: EventColumns, present: Counter[str]) -> Loaded:
    """Move the events of `staged` and `pieces` into the tables, exactly once, and commit.

    Totals of the runs, the cost rollup and the names of the segments are part of the transaction.

    Args:
        con: the store, outside a transaction.
        columns: those of the tables that events fill.
        present: how many events of each kind are staged.

    Raises:
        StoreError: DuckDB could not write, e.g. the disk is full; nothing was stored.
    """
    try:
        con.execute("BEGIN TRANSACTION")
        try:
            loaded = _load(con, columns, present)
            con.execute("COMMIT")
        except BaseException:
            _roll_back(con)
            raise
    except duckdb.Error as error:
        raise cannot_load(error) from error
    drop_staged(con)
    return loaded


def _load(con: DuckDBPyConnection, columns: EventColumns, present: Counter[str]) -> Loaded:
    skipped: Counter[str] = Counter()
    if present:
        any_known = find_touched_runs(con)
        skipped = find_skipped_rows(con, present, any_known=any_known)
        money = any_known or present["llm_call"] > 0
        if money:
            note_contributions_before(con)
        for kind in IDENTITY:
            if present[kind]:
                _insert_rows(con, kind, columns, expected=present[kind] - skipped[kind])
        if present["node_started"] or present["node_finished"]:
            complete_nodes(con, columns, any_known=any_known)
        derive_totals(con)
        if any_known:
            update_known_runs(con, columns)
        insert_new_runs(con, columns)
        if money:
            apply_contributions(con)
    else:
        con.execute("CREATE OR REPLACE TEMP TABLE skipped (row_id BIGINT NOT NULL)")
    return _note_segments(con, skipped.total())


def _insert_rows(
    con: DuckDBPyConnection, kind: str, columns: EventColumns, *, expected: int
) -> None:
    """Insert the events that are one row each."""
    names = quoted(columns.stored(kind))
    table = TABLES[kind]
    inserted = count(con, f"INSERT INTO {table} ({names}) SELECT {names} FROM {kept(kind)}")
    assert inserted == expected, f"{inserted} of {expected} events became rows of {table}"


def _note_segments(con: DuckDBPyConnection, skipped: int) -> Loaded:
    """Write the segments' names and counts; check that every line is accounted for."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE segment_counts AS
        WITH filled AS (SELECT * FROM pieces WHERE event_count > 0),
        staged_of AS (
            SELECT segment, count(*) AS events
            FROM staged s ASOF JOIN filled p ON s.row_id >= p.first_row GROUP BY segment
        ),
        skipped_of AS (
            SELECT segment, count(*) AS events
            FROM skipped s ASOF JOIN filled p ON s.row_id >= p.first_row GROUP BY segment
        )
        SELECT p.segment, p.writer_id, p.host, p.event_count + p.rejected_count AS line_count,
               coalesce(a.events, 0) - coalesce(b.events, 0) AS row_count, p.rejected_count,
               coalesce(b.events, 0) AS duplicate_count, p.torn_bytes, p.place
        FROM pieces p
        LEFT JOIN staged_of a ON a.segment = p.segment
        LEFT JOIN skipped_of b ON b.segment = p.segment
        """
    )
    row = con.execute(
        """
        SELECT coalesce(sum(line_count), 0), coalesce(sum(row_count), 0),
               coalesce(sum(rejected_count), 0), coalesce(sum(duplicate_count), 0),
               count(*) FILTER (line_count <> row_count + rejected_count + duplicate_count)
        FROM segment_counts
        """
    ).fetchone()
    assert row is not None, "an aggregate gives a row"
    lines, rows, rejected, duplicates, wrong = map(int, row)
    assert wrong == 0, f"{wrong} segments have lines that are neither stored nor rejected"
    assert duplicates == skipped, f"{skipped} rows were skipped, {duplicates} counted"
    con.execute(
        """
        INSERT INTO loaded_segments
            (segment, writer_id, host, loaded_at, line_count, row_count, rejected_count,
             duplicate_count, torn_bytes)
        SELECT segment, writer_id, host, make_timestamp(epoch_us(now())), line_count, row_count,
               rejected_count, duplicate_count, torn_bytes
        FROM segment_counts
        ORDER BY place
        """
    )
    return Loaded(lines=lines, rows=rows, rejected=rejected, duplicates=duplicates)


def _roll_back(con: DuckDBPyConnection) -> None:
    try:
        con.execute("ROLLBACK")
    except duckdb.Error:
        return  # the failed statement has ended the transaction already
