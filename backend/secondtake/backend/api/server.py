"""What the routes of one server share: the store, its loader, the workers."""

import asyncio
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final
from uuid import UUID

from anyio import CapacityLimiter
from duckdb import DuckDBPyConnection

from secondtake.backend.api.changes import Changes
from secondtake.backend.api.loading import Loading
from secondtake.backend.errors import BusyError
from secondtake.backend.models.executions import FinishedRun
from secondtake.backend.models.system import LoadResult, ServerHealth
from secondtake.backend.services import load
from secondtake.backend.services.control import sweep_control_folders
from secondtake.backend.services.run_events import finished_run
from secondtake.backend.store.connection import open_store
from secondtake.backend.store.health import read_health
from secondtake.backend.store.runs import statuses_of
from secondtake.backend.workers.pool import WorkerPool
from secondtake.runner.settings import Settings

LOADER_END_S: Final = 2.0
INTERRUPT_EVERY_S: Final = 0.02
SQL_AT_ONCE: Final = 4
SWEEP_EVERY_S: Final = 30.0
STREAMS_AT_ONCE: Final = 200
STREAM_THREADS: Final = 4


class Server:
    """One open store and everything that works on it. Made on the event loop."""

    def __init__(self, settings: Settings, con: DuckDBPyConnection | None = None) -> None:
        """Open the store, unless that was done before, and begin to load.

        Raises:
            StoreError: the store cannot be opened.
        """
        self.settings = settings
        self.started_at = datetime.now(UTC)
        self.changes = Changes()
        self.stream_places = threading.BoundedSemaphore(STREAMS_AT_ONCE)
        self.sql_places = threading.BoundedSemaphore(SQL_AT_ONCE)
        self.stream_threads = CapacityLimiter(STREAM_THREADS)
        """Watching takes its threads from here, so that it leaves the other requests theirs."""
        self.pool = WorkerPool(settings)
        self._con = open_store(settings.home) if con is None else con
        self._cursors: set[DuckDBPyConnection] = set()
        self._lock = threading.Lock()
        self._sweep_at_s = 0.0
        self.loading = Loading(self._load, on_change=self.changes.announce)
        self._ending: threading.Thread | None = None
        self.loading.start()
        self.pool.start()

    @contextmanager
    def cursor(self) -> Generator[DuckDBPyConnection]:
        """Yield a connection for one request.

        Raises:
            BusyError: the server is about to end.
        """
        with self._lock:
            if self.changes.is_closing:
                raise BusyError("The server is about to end; try again when it is back.")
            con = self._con.cursor()
            self._cursors.add(con)
        try:
            yield con
        finally:
            with self._lock:
                self._cursors.discard(con)
                con.close()

    def health(self, con: DuckDBPyConnection) -> ServerHealth:
        """Return how the server is."""
        stored = read_health(con)
        trouble = self.loading.trouble or self.pool.problem()
        return ServerHealth(
            status="degraded" if trouble else "ok",
            detail=trouble,
            version=version("secondtake"),
            pid=os.getpid(),
            started_at=self.started_at,
            runs=stored.runs,
            schema_version=stored.schema_version,
            pending_segments=load.count_pending(self.settings.home),
            workers=self.pool.counts(),
        )

    def finished(self, run_id: UUID) -> FinishedRun | None:
        """Return how a run has ended, None while it has not."""
        with self.cursor() as con:
            return finished_run(con, run_id)

    def accepted(self, run: str) -> UUID | None:
        """Return the id of a run that waits for a worker, or that one executes; else None."""
        try:
            run_id = UUID(run.strip())
        except ValueError:
            return None
        return run_id if self.pool.has(run_id) else None

    def is_stored(self, run_id: UUID) -> bool:
        """Tell whether the store has something of a run."""
        with self.cursor() as con:
            return bool(statuses_of(con, [run_id]))

    def begin_to_end(self) -> None:
        """Answer nothing new, let streams end and stop what computes; on the event loop."""
        if self.changes.is_closing:
            return
        self.changes.close()
        self.loading.stop(timeout_s=0)
        threading.Thread(target=self._interrupt_all, name="secondtake-end", daemon=True).start()
        self._ending = threading.Thread(target=self.pool.close, name="secondtake-pool-end")
        self._ending.start()

    async def close(self) -> None:
        """End what was begun; the store is closed when nobody works on it any more."""
        self.begin_to_end()
        await asyncio.to_thread(self.loading.stop, timeout_s=LOADER_END_S)
        if self._ending is not None:
            await asyncio.to_thread(self._ending.join)
        self._con.close()

    def _load(self) -> LoadResult:
        with self.cursor() as con:
            result = load.load(con, self.settings)
            if result.interrupted_runs or time.monotonic() >= self._sweep_at_s:
                self._sweep_at_s = time.monotonic() + SWEEP_EVERY_S
                sweep_control_folders(con, self.settings.home, is_held=self.pool.has)
        return result

    def _interrupt_all(self) -> None:
        """Interrupt again and again: one that comes between two statements is lost."""
        waiting = threading.Event()
        while self._cursors:
            with self._lock:
                for con in self._cursors:
                    con.interrupt()
            waiting.wait(INTERRUPT_EVERY_S)
