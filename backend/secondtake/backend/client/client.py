"""A backend that is somewhere else: one method for each route of the API."""

import json
import ssl
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx2
from pydantic import BaseModel, TypeAdapter, ValidationError

from secondtake.backend.client.addresses import is_segment, name_part, run_path
from secondtake.backend.client.exported import exported_runs
from secondtake.backend.client.problems import not_ours, raise_for_problem
from secondtake.backend.client.queries import Parameter, query_parameters
from secondtake.backend.errors import NoServerError, NotFoundError, no_comparison
from secondtake.backend.models.base import read_json
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
from secondtake.runner.errors import UsageError
from secondtake.runner.replay.recording import Recording

M = TypeVar("M", bound=BaseModel)

CONNECT_TIMEOUT_S: Final = 3.0
ANSWER_TIMEOUT_S: Final = 60.0
LOAD_TIMEOUT_S: Final = 600.0
"""A journal that waited for days is loaded in one request."""
EXPORT_TIMEOUT_S: Final = 300.0
"""Which runs fit is asked before the first one comes, and runs of any size are read."""
QUIET_TIMEOUT_S: Final = 60.0
"""A stream of events says at least every 15 s that it lives."""
SQL_MARGIN_S: Final = 15.0
RUN_IDS_AT_ONCE: Final = 1000
SUMMARY_ALONE: Final = "summary"

_RUN_IDS: Final = TypeAdapter(set[UUID])


class Client:
    """Asks a server over HTTP; safe for many threads.

    Every method raises the errors of `secondtake.backend.errors` as `LocalBackend` does, and
    `NoServerError` when no server answers.
    """

    def __init__(
        self,
        url: str,
        *,
        http: httpx2.Client | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            url: where the server is, as `http://127.0.0.1:8000`.
            http: sends the requests instead, as Starlette's test client.
            answer_timeout_s: how long to wait for an answer that needs no time of its own.
        """
        self.url = url.rstrip("/")
        self._answer_timeout_s = answer_timeout_s
        self._http = http or httpx2.Client(
            base_url=self.url,
            timeout=_timeout(answer_timeout_s),
            trust_env=False,  # a proxy of the environment is not for this machine
            verify=_verification(self.url),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def list_runs(self, query: RunQuery) -> RunPage:
        """Return the runs that fit the query, newest first."""
        return self._get(RunPage, "/runs", query_parameters(query))

    def run_statistics(self, query: StatisticsQuery) -> RunStatistics:
        """Return what the runs that fit add up to."""
        return self._get(RunStatistics, "/runs/statistics", query_parameters(query))

    def run_facets(self) -> RunFacets:
        """Return what there is to filter runs by."""
        return self._get(RunFacets, "/runs/facets")

    def resolve_run(self, name: str) -> UUID:
        """Return the run that an id, a prefix or `last` means."""
        return UUID(self._read_json(self._send("GET", run_path(name, "/id")))["run_id"])

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
        parameters = _given(max_chars=max_chars)
        if parts is not None:
            parameters += [("parts", part) for part in parts or (SUMMARY_ALONE,)]
        return self._get(RunDetail, run_path(name), parameters)

    def get_recording(self, name: str) -> Recording:
        """Return the events of a run, as they were recorded."""
        response = self._send("GET", run_path(name, "/recording"))
        try:
            return Recording.from_json(response.content)
        except UsageError as error:
            raise not_ours(response) from error

    def run_spans(self, name: str) -> SpanTree:
        """Return the spans of a run as a tree, with its critical path."""
        return self._get(SpanTree, run_path(name, "/spans"))

    def run_graph(self, name: str) -> RunGraph:
        """Return the graph of a run, with what was taken of it."""
        return self._get(RunGraph, run_path(name, "/graph"))

    def fold_state(self, query: StateQuery) -> StateAt:
        """Return the state of a run at its end, or after a step."""
        parameters = _given(step=query.step, max_chars=query.max_chars)
        return self._get(StateAt, run_path(query.run, "/state"), parameters)

    def diff_runs(self, a: str, b: str) -> RunDiff:
        """Return what differs between two runs; A is the baseline."""
        return self._get(RunDiff, f"/diffs/{name_part(a)}/{name_part(b)}")

    def read_text(self, query: TextQuery) -> TextPiece:
        """Return a piece of a text that was clipped."""
        parameters = _given(**query.model_dump(exclude={"run"}))
        return self._get(TextPiece, run_path(query.run, "/text"), parameters)

    def read_blob(self, sha256: str) -> Blob:
        """Return a binary part of a message."""
        if not is_segment(sha256):
            raise NotFoundError(
                f"{sha256[:80]!r} is no SHA-256; take the value of `$blob` in a message."
            )
        response = self._send("GET", f"/blobs/{quote(sha256, safe='')}")
        return Blob(media_type=response.headers["content-type"], content=response.content)

    def run_events(self, name: str, *, after: str | None = None) -> Iterator[RunEvent]:
        """Yield what happens in a run as it happens, from its beginning or after an event.

        Raises:
            NoServerError: the server went away before the run had ended.
        """
        headers = {"Last-Event-ID": after} if after else {}
        with (
            self._explained(),
            self._http.sse(
                run_path(name, "/events"), headers=headers, timeout=_timeout(QUIET_TIMEOUT_S)
            ) as stream,
        ):
            if not stream.response.is_success:
                stream.response.read()
                raise_for_problem(stream.response)
            for sent in stream:
                event = RunEvent.model_validate(
                    {"event": sent.event, "event_id": sent.id, "data": json.loads(sent.data)}
                )
                yield event
                if event.event == "end":
                    return
        raise NoServerError(
            f"The server at {self.url} ended before the run did; go on after the last event "
            "when it is back."
        )

    def export_runs(self, query: ExportQuery) -> Iterator[ExportedRun]:
        """Yield the runs that fit, each whole as one line of JSON.

        Raises:
            NoServerError: the server went away before the last run had come.
        """
        with (
            self._explained(),
            self._http.stream(
                "GET",
                "/export",
                params=list(query_parameters(query)),
                timeout=_timeout(EXPORT_TIMEOUT_S),
            ) as response,
        ):
            if not response.is_success:
                response.read()
                raise_for_problem(response)
            yield from exported_runs(response, self.url)

    def request_run(self, request: RunRequest) -> RequestedRun:
        """Have a run executed by a worker process."""
        return self._post(RequestedRun, "/run", request)

    def request_comparison(self, request: CompareRequest) -> RequestedComparison:
        """Have models compared by worker processes."""
        return self._post(RequestedComparison, "/compare", request)

    def list_comparisons(self) -> ComparisonList:
        """Return the comparisons, newest first."""
        return self._get(ComparisonList, "/comparisons")

    def get_comparison(self, query: ComparisonQuery) -> Comparison:
        """Return what a comparison came to, as far as its runs have ended."""
        if not is_segment(query.experiment):
            raise no_comparison(query.experiment)
        parameters = _given(**query.model_dump(exclude={"experiment"}))
        name = quote(query.experiment, safe="")
        return self._get(Comparison, f"/comparisons/{name}", parameters)

    def cancel_run(self, name: str) -> Delivered:
        """Ask a run that is being executed to end."""
        return self._post(Delivered, run_path(name, "/cancel"))

    def answer_run(self, name: str, request: AnswerRequest) -> Delivered:
        """Answer the question that a run waits with."""
        return self._post(Delivered, run_path(name, "/answer"), request)

    def request_replay(self, request: ReplayRequest) -> RequestedReplay:
        """Have a run executed again by a worker process."""
        return self._post(RequestedReplay, "/replay", request)

    def plan_replay(self, request: ReplayRequest) -> ReplayPlan:
        """Return what a replay would execute, and between which amounts it may cost."""
        return self._post(ReplayPlan, "/replay/plan", request)

    def list_workflows(self) -> WorkflowList:
        """Return the workflows of the workflows root."""
        return self._get(WorkflowList, "/workflows")

    def run_sql(self, query: SqlQuery) -> SqlResult:
        """Return the rows of one SELECT."""
        return self._post(SqlResult, "/sql", query, timeout_s=query.timeout_s + SQL_MARGIN_S)

    def whole_runs(self, run_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the runs that the store has with their end."""
        whole: set[UUID] = set()
        for start in range(0, len(run_ids), RUN_IDS_AT_ONCE):
            ids = [str(run_id) for run_id in run_ids[start : start + RUN_IDS_AT_ONCE]]
            answer = self._read_json(self._send("POST", "/runs/whole", json={"run_ids": ids}))
            whole |= _RUN_IDS.validate_python(answer["run_ids"])
        return whole

    def load(self) -> LoadResult:
        """Load what waits in the journal."""
        return self._post(LoadResult, "/load", timeout_s=LOAD_TIMEOUT_S)

    def doctor(self) -> Health:
        """Run every check."""
        return self._get(Health, "/doctor")

    def health(self) -> ServerHealth:
        """Return how the server itself is."""
        return self._get(ServerHealth, "/health")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _get(self, model: type[M], path: str, parameters: Sequence[Parameter] = ()) -> M:
        return self._read(model, self._send("GET", path, params=list(parameters)))

    def _post(
        self,
        model: type[M],
        path: str,
        body: BaseModel | None = None,
        *,
        timeout_s: float | None = None,
    ) -> M:
        sent = None if body is None else body.model_dump(mode="json")
        timeout = _timeout(timeout_s or self._answer_timeout_s)
        return self._read(model, self._send("POST", path, json=sent, timeout=timeout))

    def _send(self, method: str, path: str, **details: Any) -> httpx2.Response:
        with self._explained():
            response = self._http.request(method, path, **details)
        raise_for_problem(response)
        return response

    def _read(self, model: type[M], response: httpx2.Response) -> M:
        try:
            answer: M = read_json(_reader(model), response.content)
        except ValidationError as error:
            raise not_ours(response) from error
        return answer

    def _read_json(self, response: httpx2.Response) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(response.content)
        except ValueError as error:
            raise not_ours(response) from error
        return answer

    @contextmanager
    def _explained(self) -> Generator[None]:
        """Turn trouble of the connection into one sentence."""
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise NoServerError(
                f"No server answers at {self.url}; start it with `secondtake up`."
            ) from error
        except httpx2.TimeoutException as error:
            raise NoServerError(
                f"The server at {self.url} took too long to answer; try again, or look at its log."
            ) from error
        except httpx2.InvalidURL as error:
            raise NoServerError(
                f"{self.url!r} is no address of a server; write it like http://127.0.0.1:8000."
            ) from error
        except httpx2.HTTPError as error:
            raise NoServerError(
                f"The connection to the server at {self.url} broke "
                f"({type(error).__name__}); start it again with `secondtake up`."
            ) from error


@cache
def _reader(model: type[M]) -> TypeAdapter[M]:
    return TypeAdapter(model)


def _given(**values: Any) -> list[Parameter]:
    return [(name, str(value)) for name, value in values.items() if value is not None]


def _timeout(answer_s: float) -> httpx2.Timeout:
    return httpx2.Timeout(answer_s, connect=CONNECT_TIMEOUT_S)


def _verification(url: str) -> ssl.SSLContext | bool:
    """Return how certificates are checked; reading the authorities takes 0.1 s, so not in vain."""
    is_plain = url.startswith("http://")
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else True
