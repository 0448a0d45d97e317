"""Which segments are loaded, and which runs were left behind by their writers."""

from collections.abc import Collection, Sequence

from duckdb import DuckDBPyConnection


def loaded_among(con: DuckDBPyConnection, segments: Sequence[str]) -> set[str]:
    """Return those of the segments whose rows are stored."""
    if not segments:
        return set()
    rows = con.execute(
        "SELECT segment FROM loaded_segments WHERE segment IN (SELECT unnest(?))", [list(segments)]
    ).fetchall()
    return {segment for (segment,) in rows}


def mark_interrupted_runs(
    con: DuckDBPyConnection, *, host: str, live: Collection[str], pending: Collection[str]
) -> int:
    """Give runs without an end the status that their writer's fate tells; return how many stopped.

    A run is `interrupted` when its writer, on this host, is gone and all of its segments are
    loaded. It is `running` again when the writer turns out to live. The end that an event
    reports always wins. Runs of other hosts are left alone: nobody here knows about them.

    Args:
        con: the store.
        host: the name of this host.
        live: ids of the writers that are alive.
        pending: ids of the writers that have segments in the journal.
    """
    rows = con.execute(
        """
        SELECT DISTINCT writer_id, status FROM runs
        WHERE status IN ('running', 'interrupted') AND recording_faults IS NULL
          AND writer_id IS NOT NULL
        """
    ).fetchall()
    gone = [
        writer
        for writer, status in rows
        if status == "running" and writer not in live and writer not in pending
    ]
    back = [writer for writer, status in rows if status == "interrupted" and writer in live]
    if back:
        con.execute(
            """
            UPDATE runs SET status = 'running'
            WHERE status = 'interrupted' AND recording_faults IS NULL
              AND writer_id IN (SELECT unnest(?))
            """,
            [back],
        )
    if not gone:
        return 0
    row = con.execute(
        """
        UPDATE runs SET status = 'interrupted'
        WHERE status = 'running' AND recording_faults IS NULL
          AND writer_id IN (SELECT unnest($gone))
          AND writer_id IN (SELECT writer_id FROM loaded_segments WHERE host = $host)
        """,
        {"gone": gone, "host": host},
    ).fetchone()
    return int(row[0]) if row else 0
