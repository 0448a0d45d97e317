"""Imports recorded runs of other programs."""

from collections.abc import Sequence
from pathlib import Path

from duckdb import DuckDBPyConnection

from secondtake.backend.importers import IMPORTERS
from secondtake.backend.importers.frame import ImportReport, Progress, import_files
from secondtake.backend.services.load import load
from secondtake.backend.store.runs import whole_runs
from secondtake.runner.errors import UsageError
from secondtake.runner.settings import Settings


def import_runs(
    con: DuckDBPyConnection,
    settings: Settings,
    format_name: str,
    paths: Sequence[Path],
    *,
    progress: Progress | None = None,
) -> ImportReport:
    """Import files and load what they hold; runs that the store has are left as they are.

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
            known_runs=lambda run_ids: whole_runs(con, run_ids),
            progress=progress,
        )
    finally:
        load(con, settings)  # also what was written before the disk refused
