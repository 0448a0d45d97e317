"""Finds the staged events that the store has already, so that loading twice changes nothing.

What makes two events the same fact is in `IDENTITY`. Of two, the first is kept; of two ends of a
run, the later. All that an `import:*` run of a segment says is passed over when an earlier segment
holds that run from its start to its end.
"""

from collections import Counter
from typing import Final

from duckdb import DuckDBPyConnection

from secondtake.backend.store.staging import count
from secondtake.runner.events import TABLES

IDENTITY: Final[dict[str, tuple[str, ...]]] = {
    "message": ("message_id",),
    "tool_definitions": ("tools_hash",),
    "llm_call": ("span_id", "attempt", "seq"),
    "tool_call": ("span_id", "attempt", "seq"),
    "memory": ("seq", "recorded_at", "scope", "operation", "key", "span_id"),
    "ambient_read": ("seq", "recorded_at", "ambient_kind", "span_id"),
    "replay_finished": ("source_run_id",),
    "score": ("evaluation_id",),
}
"""What identifies an event within its run, for the kinds that are one row each."""

_ORDERED_ONLY: Final = ("memory", "ambient_read")
"""Kinds without an id: without a `seq` nothing tells a repetition from a second fact."""


def find_touched_runs(con: DuckDBPyConnection) -> bool:
    """Fill `touched`: the runs of this batch, and what the store knows of them already.

    Returns:
        Whether it knows any of them.
    """
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE touched AS
        SELECT s.run_id, s.first_row, s.first_recorded_at, p.writer_id AS first_writer_id,
               r.run_id IS NOT NULL AS is_known, r.source IS NOT NULL AS is_started,
               r.recording_faults IS NOT NULL AS is_finished, r.ended_at
        FROM (
            SELECT run_id, min(row_id) AS first_row, min(recorded_at) AS first_recorded_at
            FROM staged
            GROUP BY run_id
        ) s
        ASOF JOIN (SELECT * FROM pieces WHERE event_count > 0) p ON s.first_row >= p.first_row
        LEFT JOIN runs r ON r.run_id = s.run_id
        """
    )
    return count(con, "SELECT count(*) FROM touched WHERE is_known") > 0


def find_skipped_rows(
    con: DuckDBPyConnection, present: Counter[str], *, any_known: bool
) -> Counter[str]:
    """Fill `skipped` with the rows of `staged` that are duplicates; return how many of each kind.

    Args:
        con: the store, with `staged`, `pieces` and `touched` filled.
        present: how many events of each kind are staged.
        any_known: some run of the batch is stored already.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE skipped (row_id BIGINT NOT NULL)")
    if present["run_started"]:
        _skip_repeated_imports(con)
    for kind, identity in IDENTITY.items():
        if not present[kind]:
            continue
        key = ", ".join(("run_id", *identity))
        only = "AND seq IS NOT NULL" if kind in _ORDERED_ONLY else ""
        _skip_repeated(con, kind, key, only)
        if any_known:
            _skip_stored(con, kind, identity, TABLES[kind], only)
    _skip_repeated_halves(con, present)
    if any_known:
        _skip_stored_halves(con)
    rows = con.execute(
        "SELECT kind, count(*) FROM staged SEMI JOIN skipped USING (row_id) GROUP BY kind"
    ).fetchall()
    return Counter(dict(rows))


def _skip_repeated(con: DuckDBPyConnection, kind: str, key: str, only: str) -> None:
    con.execute(
        f"""
        INSERT INTO skipped
        SELECT row_id FROM staged ANTI JOIN skipped USING (row_id)
        WHERE kind = '{kind}' {only}
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY row_id) > 1
        """
    )


def _skip_stored(
    con: DuckDBPyConnection, kind: str, identity: tuple[str, ...], table: str, only: str
) -> None:
    same = " AND ".join(f"t.{column} IS NOT DISTINCT FROM s.{column}" for column in identity)
    con.execute(
        f"""
        INSERT INTO skipped
        SELECT row_id
        FROM staged s
        SEMI JOIN (SELECT run_id FROM touched WHERE is_known) k ON k.run_id = s.run_id
        ANTI JOIN skipped d ON d.row_id = s.row_id
        SEMI JOIN {table} t ON t.run_id = s.run_id AND {same}
        WHERE kind = '{kind}' {only}
        """
    )


def _skip_repeated_halves(con: DuckDBPyConnection, present: Counter[str]) -> None:
    """Starts and ends, of which two kinds complete one row."""
    for kind in ("run_started", "node_started", "node_finished"):
        if present[kind]:
            _skip_repeated(con, kind, "run_id, span_id", "")
    if present["run_finished"]:
        _skip_earlier_ends(con)


def _skip_earlier_ends(con: DuckDBPyConnection) -> None:
    con.execute(
        """
        INSERT INTO skipped
        SELECT row_id FROM staged ANTI JOIN skipped USING (row_id)
        WHERE kind = 'run_finished'
        QUALIFY row_number() OVER (
            PARTITION BY run_id ORDER BY coalesce(ended_at, recorded_at) DESC, row_id
        ) > 1
        """
    )


def _skip_stored_halves(con: DuckDBPyConnection) -> None:
    """Against the store: a run that ends again must end later, a node ends once."""
    con.execute(
        """
        INSERT INTO skipped
        SELECT s.row_id
        FROM staged s
        JOIN touched t ON t.run_id = s.run_id
        ANTI JOIN skipped d ON d.row_id = s.row_id
        WHERE (s.kind = 'run_started' AND t.is_started)
           OR (s.kind = 'run_finished' AND t.is_finished
               AND NOT coalesce(s.ended_at > t.ended_at, false))
        """
    )
    con.execute(
        """
        INSERT INTO skipped
        SELECT s.row_id
        FROM staged s
        SEMI JOIN (SELECT run_id FROM touched WHERE is_known) k ON k.run_id = s.run_id
        ANTI JOIN skipped d ON d.row_id = s.row_id
        JOIN node_timings n ON n.run_id = s.run_id AND n.span_id = s.span_id
        WHERE (s.kind = 'node_finished' AND (n.ended_at IS NOT NULL OR n.duration_ms IS NOT NULL))
           OR (s.kind = 'node_started' AND n.ended_at IS NULL AND n.duration_ms IS NULL)
        """
    )


def _skip_repeated_imports(con: DuckDBPyConnection) -> None:
    """Skip an imported run of a segment when an earlier one holds it whole.

    A first import that was cut short is not whole: the second then fills in what is missing.
    """
    con.execute(
        """
        INSERT INTO skipped
        WITH located AS (
            SELECT s.row_id, s.run_id, s.kind, s.source, p.place
            FROM staged s
            ASOF JOIN (SELECT * FROM pieces WHERE event_count > 0) p ON s.row_id >= p.first_row
            WHERE s.run_id IN (
                SELECT run_id FROM staged WHERE kind = 'run_started' AND source LIKE 'import:%'
            )
        ),
        starts AS (
            SELECT DISTINCT run_id, place FROM located
            WHERE kind = 'run_started' AND source LIKE 'import:%'
        ),
        whole AS (
            SELECT run_id, min(place) AS place FROM located WHERE kind = 'run_finished'
            GROUP BY run_id
            UNION ALL
            SELECT run_id, -1 FROM touched WHERE is_started AND is_finished
        )
        SELECT row_id FROM located l
        WHERE EXISTS (FROM starts s WHERE s.run_id = l.run_id AND s.place = l.place)
          AND EXISTS (FROM whole w WHERE w.run_id = l.run_id AND w.place < l.place)
        """
    )
