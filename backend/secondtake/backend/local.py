"""The services in this process: opens the store for each request, and loads what is pending."""

import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.importers.frame import ImportReport, Progress
from secondtake.backend.models.comparisons import (
    CompareRequest,
    Comparison,
    ComparisonList,
    ComparisonQuery,
    RequestedComparison,
)
from secondtake.backend.models.diffs import RunDiff
from secondtake.backend.models.executions import (
    AnswerRequest,
    Delivered,
    RequestedRun,
    RunEvent,
    RunRequest,
)
from secondtake.backend.models.exports import ExportedRun, ExportQuery
from secondtake.backend.models.replays import ReplayPlan, ReplayRequest, RequestedReplay
from secondtake.backend.models.runs import (
    RunDetail,
    RunPage,
    RunPart,
    RunQuery,
    SpanTree,
    StateAt,
    StateQuery,
    TextPiece,
    TextQuery,
)
from secondtake.backend.models.statistics import RunFacets, RunStatistics, StatisticsQuery
from secondtake.backend.models.system import (
    Blob,
    Health,
    LoadResult,
    ServerHealth,
    SqlQuery,
    SqlResult,
    WorkerCounts,
)
from secondtake.backend.models.workflows import RunGraph, WorkflowList
from secondtake.backend.services import (
    blobs,
    comparisons,
    diffs,
    doctor,
    executions,
    exporting,
    facets,
    graph,
    imports,
    load,
    recordings,
    replays,
    run_events,
    runs,
    sql,
    state,
    statistics,
    texts,
    workflows,
)
from secondtake.backend.store.connection import open_store
from secondtake.backend.store.health import read_health
from secondtake.backend.workers.pool import WorkerPool
from secondtake.runner.replay.recording import Recording
from secondtake.runner.settings import Settings

NO_WORKERS = WorkerCounts(starting=0, idle=0, busy=0, waiting=0, queued=0)


class LocalBackend:
    """One method for each service. Holds the store only while a method runs.

    Runs that are asked for are executed by worker processes, which begin with the first one and
    end with `close`.
    """

    def __init__(
        self, settings: Settings, *, on_load: Callable[[LoadResult], None] | None = None
    ) -> None:
        self.settings = settings
        self._on_load = on_load
        """Is told of every load, so that what was rejected does not pass in silence."""
        self._started_at = datetime.now(UTC)
        self._pool: WorkerPool | None = None
        self._pool_lock = threading.Lock()

    def list_runs(self, query: RunQuery) -> RunPage:
        """Return the runs that fit the query, newest first."""
        with self._store() as con:
            return runs.list_runs(con, query)

    def run_statistics(self, query: StatisticsQuery) -> RunStatistics:
        """Return what the runs that fit add up to."""
        with self._store() as con:
            return statistics.run_statistics(con, query)

    def run_facets(self) -> RunFacets:
        """Return what there is to filter runs by."""
        with self._store() as con:
            return facets.run_facets(con)

    def resolve_run(self, name: str) -> UUID:
        """Return the run that an id, a prefix or `last` means."""
        with self._store() as con:
            return runs.resolve_run(con, name)

    def get_run(
        self,
        name: str,
        *,
        max_chars: int | None = None,
        parts: Sequence[RunPart] | None = None,
    ) -> RunDetail:
        """Return a run and its rows; texts longer than `max_chars` are clipped.

        `parts` are the lists of rows that are wanted, `()` for the summary alone, None for all.
        """
        with self._store() as con:
            return runs.get_run(con, name, max_chars=max_chars, parts=parts)

    def get_recording(self, name: str) -> Recording:
        """Return the events of a run, as they were recorded."""
        with self._store() as con:
            return recordings.get_recording(con, name)

    def run_spans(self, name: str) -> SpanTree:
        """Return the spans of a run as a tree, with its critical path."""
        with self._store() as con:
            return runs.run_spans(con, name)

    def run_graph(self, name: str) -> RunGraph:
        """Return the graph of a run, with what was taken of it."""
        with self._store() as con:
            return graph.run_graph(con, name)

    def fold_state(self, query: StateQuery) -> StateAt:
        """Return the state of a run at its end, or after a step."""
        with self._store() as con:
            return state.fold_state(con, query)

    def diff_runs(self, a: str, b: str) -> RunDiff:
        """Return what differs between two runs; A is the baseline."""
        with self._store() as con:
            return diffs.diff_runs(con, a, b)

    def read_text(self, query: TextQuery) -> TextPiece:
        """Return a piece of a text that was clipped."""
        with self._store() as con:
            return texts.read_text(con, query)

    def read_blob(self, sha256: str) -> Blob:
        """Return a binary part of a message."""
        return blobs.read_blob(self.settings.home, sha256)

    def run_events(self, name: str, *, after: str | None = None) -> Iterator[RunEvent]:
        """Yield what happens in a run as it happens, from its beginning or after an event."""
        return run_events.watch(self._store, name, after=after)

    def export_runs(self, query: ExportQuery) -> Iterator[ExportedRun]:
        """Yield the runs that fit, each whole as one line of JSON; holds the store until the end."""
        with self._store() as con:
            yield from exporting.export_runs(con, query)

    def request_run(self, request: RunRequest) -> RequestedRun:
        """Have a run executed by a worker process."""
        return executions.request_run(self._workers(), request)

    def request_replay(self, request: ReplayRequest) -> RequestedReplay:
        """Have a run executed again by a worker process."""
        pool = self._workers()
        with self._store() as con:
            return replays.request_replay(con, self.settings, pool, request)

    def plan_replay(self, request: ReplayRequest) -> ReplayPlan:
        """Return what a replay would execute, and between which amounts it may cost."""
        with self._store() as con:
            return replays.plan_replay(con, self.settings, request)

    def request_comparison(self, request: CompareRequest) -> RequestedComparison:
        """Have models compared by worker processes."""
        return comparisons.request_comparison(self._workers(), request)

    def list_comparisons(self) -> ComparisonList:
        """Return the comparisons, newest first."""
        with self._store() as con:
            return comparisons.list_comparisons(con)

    def get_comparison(self, query: ComparisonQuery) -> Comparison:
        """Return what a comparison came to, as far as its runs have ended."""
        with self._store() as con:
            return comparisons.get_comparison(con, query, pool=self._pool)

    def cancel_run(self, name: str) -> Delivered:
        """Ask a run that is being executed to end."""
        with self._store() as con:
            return executions.cancel_run(con, self.settings, name, pool=self._pool)

    def answer_run(self, name: str, request: AnswerRequest) -> Delivered:
        """Answer the question that a run waits with."""
        with self._store() as con:
            return executions.answer_run(con, self.settings, name, request)

    def list_workflows(self) -> WorkflowList:
        """Return the workflows of the workflows root."""
        return workflows.list_workflows(self.settings)

    def run_sql(self, query: SqlQuery) -> SqlResult:
        """Return the rows of one SELECT."""
        with self._store() as con:
            return sql.run_sql(con, query)

    def whole_runs(self, run_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the runs that the store has with their end."""
        with self._store() as con:
            return runs.whole_runs(con, run_ids)

    def load(self) -> LoadResult:
        """Load what waits in the journal."""
        with self._connection() as con:
            return self._load(con)

    def import_files(
        self, format_name: str, paths: Sequence[Path], *, progress: Progress | None = None
    ) -> ImportReport:
        """Import recorded runs of another program."""
        return imports.import_runs(self, self.settings, format_name, paths, progress=progress)

    def doctor(self) -> Health:
        """Run every check."""
        return doctor.doctor(self.settings, self._store)

    def health(self) -> ServerHealth:
        """Return how the store is; it is asked in this process."""
        with self._store() as con:
            stored = read_health(con)
        counts = NO_WORKERS if self._pool is None else self._pool.counts()
        return ServerHealth(
            status="ok",
            version=version("secondtake"),
            pid=os.getpid(),
            started_at=self._started_at,
            runs=stored.runs,
            schema_version=stored.schema_version,
            pending_segments=load.count_pending(self.settings.home),
            workers=counts,
        )

    def close(self) -> None:
        """End the workers; the store is not held between requests."""
        with self._pool_lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    def _workers(self) -> WorkerPool:
        with self._pool_lock:
            if self._pool is None:
                self._pool = WorkerPool(self.settings)
                self._pool.start()
            return self._pool

    @contextmanager
    def _store(self) -> Generator[DuckDBPyConnection]:
        """Open the store with everything in it that is in the journal."""
        with self._connection() as con:
            self._load(con)
            yield con

    def _load(self, con: DuckDBPyConnection) -> LoadResult:
        result = load.load(con, self.settings)
        if self._on_load is not None:
            self._on_load(result)
        return result

    @contextmanager
    def _connection(self) -> Generator[DuckDBPyConnection]:
        con = open_store(self.settings.home)
        try:
            yield con
        finally:
            con.close()
