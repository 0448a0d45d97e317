"""Imports recorded runs of other programs.

Files are read and segments written in the process that asks; only what the store has already, and
to load what was written, is asked of a backend. So an import works beside a running server.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

from secondtake.backend.importers import IMPORTERS
from secondtake.backend.importers.frame import ImportReport, Progress, import_files
from secondtake.backend.models.system import LoadResult
from secondtake.runner.errors import UsageError
from secondtake.runner.settings import Settings


class ImportTarget(Protocol):
    """What an import asks of the backend whose home it writes to."""

    def whole_runs(self, run_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the runs that the store has with their end."""
        ...

    def load(self) -> LoadResult:
        """Load what waits in the journal."""
        ...


def import_runs(
    backend: ImportTarget,
    settings: Settings,
    format_name: str,
    paths: Sequence[Path],
    *,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Import files and load what they hold; runs that the store has are left as they are.

    Args:
        backend: of the same home as the settings.
        settings: where to, and what to take out as a secret.
        format_name: one of `IMPORTERS`.
        paths: the files.
        progress: is told how many records are done, and of how many.
        dry_run: True to say what an import would do, and to write nothing.

    Raises:
        UsageError: there is no such format, or a file is not of it; nothing was imported.
        SecondTakeError: the disk refuses; the runs before are kept.
    """
    importer = IMPORTERS.get(format_name)
    if importer is None:
        known = ", ".join(sorted(IMPORTERS))
        raise UsageError(f"There is no format {format_name!r}; there are: {known}.")
    try:
        return import_files(
            importer,
            paths,
            settings=settings,
            known_runs=backend.whole_runs,
            progress=progress,
            dry_run=dry_run,
        )
    finally:
        if not dry_run:
            backend.load()  # also what was written before the disk refused
