"""What can be asked of a backend, wherever it is: over HTTP or in this process.

`client.Client` and `local.LocalBackend` are the two; a contract test holds them to it.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol
from uuid import UUID

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
)
from secondtake.backend.models.workflows import RunGraph, WorkflowList
from secondtake.runner.replay.recording import Recording


class Backend(Protocol):
    """Answers about runs, and executes them.

    `name` of a run is its id with or without hyphens, a unique prefix of it, or `last`. Every
    method raises the errors of `secondtake.backend.errors`, over HTTP too.
    """

    def list_runs(self, query: RunQuery) -> RunPage:
        """Return the runs that fit the query, newest first."""
        ...

    def run_statistics(self, query: StatisticsQuery) -> RunStatistics:
        """Return what the runs that fit add up to."""
        ...

    def run_facets(self) -> RunFacets:
        """Return what there is to filter runs by."""
        ...

    def resolve_run(self, name: str) -> UUID:
        """Return the run that a name means."""
        ...

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
        ...

    def get_recording(self, name: str) -> Recording:
        """Return the events of a run, as they were recorded."""
        ...

    def run_spans(self, name: str) -> SpanTree:
        """Return the spans of a run as a tree, with its critical path."""
        ...

    def run_graph(self, name: str) -> RunGraph:
        """Return the graph of a run, with what was taken of it."""
        ...

    def fold_state(self, query: StateQuery) -> StateAt:
        """Return the state of a run at its end, or after a step."""
        ...

    def diff_runs(self, a: str, b: str) -> RunDiff:
        """Return what differs between two runs; A is the baseline."""
        ...

    def read_text(self, query: TextQuery) -> TextPiece:
        """Return a piece of a text that was clipped."""
        ...

    def read_blob(self, sha256: str) -> Blob:
        """Return a binary part of a message."""
        ...

    def run_events(self, name: str, *, after: str | None = None) -> Iterator[RunEvent]:
        """Yield what happens in a run as it happens, from its beginning or after an event."""
        ...

    def export_runs(self, query: ExportQuery) -> Iterator[ExportedRun]:
        """Yield the runs that fit, each whole as one line of JSON."""
        ...

    def request_run(self, request: RunRequest) -> RequestedRun:
        """Have a run executed by a worker process."""
        ...

    def request_comparison(self, request: CompareRequest) -> RequestedComparison:
        """Have models compared by worker processes."""
        ...

    def list_comparisons(self) -> ComparisonList:
        """Return the comparisons, newest first."""
        ...

    def get_comparison(self, query: ComparisonQuery) -> Comparison:
        """Return what a comparison came to, as far as its runs have ended."""
        ...

    def cancel_run(self, name: str) -> Delivered:
        """Ask a run that is being executed to end."""
        ...

    def answer_run(self, name: str, request: AnswerRequest) -> Delivered:
        """Answer the question that a run waits with."""
        ...

    def request_replay(self, request: ReplayRequest) -> RequestedReplay:
        """Have a run executed again by a worker process."""
        ...

    def plan_replay(self, request: ReplayRequest) -> ReplayPlan:
        """Return what a replay would execute, and between which amounts it may cost."""
        ...

    def list_workflows(self) -> WorkflowList:
        """Return the workflows of the workflows root."""
        ...

    def run_sql(self, query: SqlQuery) -> SqlResult:
        """Return the rows of one SELECT."""
        ...

    def whole_runs(self, run_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the runs that the store has with their end."""
        ...

    def load(self) -> LoadResult:
        """Load what waits in the journal."""
        ...

    def doctor(self) -> Health:
        """Run every check."""
        ...

    def health(self) -> ServerHealth:
        """Return how the backend itself is."""
        ...

    def close(self) -> None:
        """Give back what is held; workers of this process end."""
        ...
