"""What the store can say about its own state, for `doctor`."""

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from secondtake.backend.store.rows import fetch


@dataclass(frozen=True, kw_only=True)
class StoreHealth:
    """Counts over the whole store."""

    schema_version: int
    runs: int
    runs_with_faults: int
    recording_faults: int
    """Events that could not be written, as the runs themselves counted them."""
    interrupted_runs: int
    segments: int
    rejected_lines: int
    torn_bytes: int
    """Bytes of last lines that a killed writer had not finished."""


def read_health(con: DuckDBPyConnection) -> StoreHealth:
    """Count what is in the store and what did not get into it."""
    row = fetch(
        con,
        """
        SELECT
            (SELECT coalesce(max(version), 0) FROM schema_migrations) AS schema_version,
            r.*, s.*
        FROM (
            SELECT count(*) AS runs,
                   count(*) FILTER (recording_faults > 0) AS runs_with_faults,
                   coalesce(sum(recording_faults), 0)::BIGINT AS recording_faults,
                   count(*) FILTER (status = 'interrupted') AS interrupted_runs
            FROM runs
        ) AS r, (
            SELECT count(*) AS segments,
                   coalesce(sum(rejected_count), 0)::BIGINT AS rejected_lines,
                   coalesce(sum(torn_bytes), 0)::BIGINT AS torn_bytes
            FROM loaded_segments
        ) AS s
        """,
    )[0]
    return StoreHealth(**row)
