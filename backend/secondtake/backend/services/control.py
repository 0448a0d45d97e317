"""Folders that messages to executing runs are left in, when nobody reads them any more.

A process that ends takes its folder along. One that is killed leaves it, and whatever was sent to
it; the run would look as if it listened.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.store.runs import statuses_of
from secondtake.runner.mailbox import control_folder

RUNNING: Final = "running"
UNKNOWN_FOR_S: Final = 24 * 3600.0
"""What a run writes is stored within seconds; one that wrote nothing for so long never began."""


def sweep_control_folders(
    con: DuckDBPyConnection, home: Path, *, is_held: Callable[[UUID], bool]
) -> int:
    """Remove the folders of runs that are over; return how many.

    Args:
        con: the store.
        home: the home folder.
        is_held: says whether a worker has the run, or will have it.
    """
    folders = dict(_folders(home))
    if not folders:
        return 0
    statuses = statuses_of(con, list(folders))
    over = [
        path
        for run_id, path in folders.items()
        if not is_held(run_id) and _is_over(path, statuses.get(run_id))
    ]
    for path in over:
        shutil.rmtree(path, ignore_errors=True)
    return len(over)


def _folders(home: Path) -> Iterator[tuple[UUID, Path]]:
    try:
        paths = list(control_folder(home, UUID(int=0)).parent.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in paths:
        try:
            yield UUID(path.name), path
        except ValueError:
            continue  # none of ours


def _is_over(path: Path, status: str | None) -> bool:
    if status is not None:
        return status != RUNNING
    try:
        return time.time() - path.stat().st_mtime > UNKNOWN_FOR_S
    except OSError:
        return False
