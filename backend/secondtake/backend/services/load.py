"""Brings what waits in the journal into the store."""

import os
from pathlib import Path

from duckdb import DuckDBPyConnection

from secondtake.backend.loader import load_pending
from secondtake.backend.models.system import LoadResult
from secondtake.runner.home import journal_folder, store_key
from secondtake.runner.redaction import Redactor
from secondtake.runner.segments import OPEN_SUFFIX, SEALED_SUFFIX
from secondtake.runner.settings import Settings


def load(con: DuckDBPyConnection, settings: Settings) -> LoadResult:
    """Load every segment that waits, each exactly once.

    Lines that are rejected are kept without secrets, the user's own patterns included.

    Raises:
        StoreError: the database or the disk refuses; what is not loaded waits in the journal.
    """
    redactor: Redactor | None = None

    def redact(text: str) -> str:
        # Made for the first line that is rejected: there hardly ever is one.
        nonlocal redactor
        redactor = redactor or Redactor(
            store_key(settings.home), patterns=settings.redaction_patterns
        )
        return redactor.text(text)

    report = load_pending(con, settings.home, redact=redact)
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


def count_pending(home: Path) -> int:
    """Return how many segments are not loaded yet, those included that are still written."""
    try:
        names = os.listdir(journal_folder(home))
    except FileNotFoundError:
        return 0
    return sum(name.endswith((OPEN_SUFFIX, SEALED_SUFFIX)) for name in names)
