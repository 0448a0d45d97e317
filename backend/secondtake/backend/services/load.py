"""Brings what waits in the journal into the store."""

from pathlib import Path

from duckdb import DuckDBPyConnection

from secondtake.backend.loader import load_pending
from secondtake.backend.models.system import LoadResult


def load(con: DuckDBPyConnection, home: Path) -> LoadResult:
    """Load every segment that waits, each exactly once.

    Raises:
        StoreError: the database or the disk refuses; what is not loaded waits in the journal.
    """
    report = load_pending(con, home)
    return LoadResult(
        segments=report.segments,
        lines=report.lines,
        rows=report.rows,
        rejected=report.rejected,
        duplicates=report.duplicates,
        torn_bytes=report.torn_bytes,
        interrupted_runs=report.interrupted_runs,
        problems=list(report.problems),
    )
