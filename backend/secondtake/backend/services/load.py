"""Brings what waits in the journal into the store."""

from duckdb import DuckDBPyConnection

from secondtake.backend.loader import load_pending
from secondtake.backend.models.system import LoadResult
from secondtake.runner.home import store_key
from secondtake.runner.redaction import Redactor
from secondtake.runner.settings import Settings


def load(con: DuckDBPyConnection, settings: Settings) -> LoadResult:
    """Load every segment that waits, each exactly once.

    Lines that are rejected are kept without secrets, the user's own patterns included.

    Raises:
        StoreError: the database or the disk refuses; what is not loaded waits in the journal.
    """
    redactor = Redactor(store_key(settings.home), patterns=settings.redaction_patterns)
    report = load_pending(con, settings.home, redact=redactor.text)
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
