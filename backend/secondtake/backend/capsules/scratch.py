"""A store of its own for one recording, in a folder that is gone afterwards."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from duckdb import DuckDBPyConnection

from secondtake.backend.loader import load_pending
from secondtake.backend.store.connection import open_store
from secondtake.backend.store.run_files import set_status
from secondtake.runner.journal import SegmentWriter
from secondtake.runner.replay.recording import Recording


@contextmanager
def stored_alone(
    recording: Recording, *, status: str
) -> Generator[tuple[DuckDBPyConnection, Path]]:
    """Load a recording into an empty store; yield its connection and its home.

    The rows become those of the store that the recording came from, totals and all.

    Args:
        recording: of the run.
        status: of the run, for one that has no end.

    Raises:
        StoreError: the disk refuses.
    """
    with tempfile.TemporaryDirectory(prefix="secondtake-capsule-") as folder:
        home = Path(folder)
        with SegmentWriter(home, seal_age_s=None) as writer:
            for event in recording.events:
                writer.write(event)
        con = open_store(home)
        try:
            load_pending(con, home)
            if recording.end is None:
                set_status(con, recording.run_id, status)
            yield con, home
        finally:
            con.close()
