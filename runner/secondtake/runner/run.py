"""One run: its beginning and end, its events in order, what is in progress and what it used."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from secondtake.runner import events, faults
from secondtake.runner.context import InProgress, RunContext, describe_error, entered
from secondtake.runner.conversation import Conversation
from secondtake.runner.description import RunDescription
from secondtake.runner.environment import describe_environment
from secondtake.runner.errors import BudgetExceeded, RunCancelled, RunStopped
from secondtake.runner.events import BaseEvent, Replayable
from secondtake.runner.hashing import new_run_id
from secondtake.runner.journal import encode_fields
from secondtake.runner.limits import Limits, Meter
from secondtake.runner.mailbox import Mailbox
from secondtake.runner.result import NodeTiming, RunResult, status_of
from secondtake.runner.settings import Settings, load_settings
from secondtake.runner.sink import Sink, sink_for

if TYPE_CHECKING:
    from secondtake.runner.replay.session import ReplaySession

StopStatus = Literal["cancelled", "budget_exceeded"]


class RunRecorder:
    """Records one run. Made by `start_run`; safe for use by many threads."""

    def __init__(
        self,
        description: RunDescription,
        *,
        sink: Sink,
        limits: Limits,
        run_id: UUID | None = None,
        mailbox: Mailbox | None = None,
        replay: "ReplaySession | None" = None,
    ) -> None:
        self.replay = replay
        self.run_id = run_id or new_run_id()
        self.mailbox = mailbox
        """Where this run is told an answer or to stop; None when nobody can tell it anything."""
        self.description = description
        self.meter = Meter(limits)
        self.meter.is_lenient = replay is not None and replay.keeps_limits
        self.is_open = True
        self.observed_only: str | None = None
        """Why the run can only be replayed stepwise; None when all calls can be answered."""
        self._sink = sink
        self.conversation = Conversation(self.run_id, sink.clean_message)
        self._lock = threading.RLock()
        self._seq = 0
        self._faults = 0
        self._visits: dict[tuple[str | None, str, str | None], int] = {}
        self._in_progress: dict[str, InProgress] = {}
        self._timings: list[NodeTiming] = []
        self._span_ms = {"llm": 0.0, "tool": 0.0}
        self._stop: RunStopped | None = None
        self._tools_hashes: set[str] = set()
        self._started_at = self.now()
        self._started_s = time.perf_counter()
        self._output: Any = None
        self.extra: dict[str, Any] = {}
        """What else the run's last event is to say."""
        self._result: RunResult | None = None
        self.context = RunContext(run=self)
        self.prices = sink.prices
        """The price snapshot of the whole run, None when the home has none."""

    # Values as they may be stored.

    def clean(self, value: Any) -> Any:
        """Return JSON without secrets; None in content-off mode."""
        return self._sink.clean(value)

    def label(self, text: str) -> str:
        """Return a name without secrets."""
        return self._sink.label(text)

    def structure(self, value: Any) -> Any:
        """Return settings-like JSON without secrets, also in content-off mode."""
        return self._sink.structure(value)

    @property
    def keeps_content(self) -> bool:
        """False in content-off mode."""
        return self._sink.content

    @property
    def sink(self) -> Sink:
        """Where the events go."""
        return self._sink

    def error_fields(self, error: BaseException | None) -> dict[str, str | None]:
        """Return the error columns of an event; in content-off mode the type alone."""
        if error is None:
            return {}
        described = describe_error(error)
        if not self._sink.content:
            return {"error_type": described["error_type"]}
        return {name: self.label(text) for name, text in described.items()}

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    def ended(self, started_at: datetime, duration_ms: float) -> dict[str, Any]:
        """Return `ended_at` and `duration_ms`: the wall clock may jump, a duration does not."""
        return {
            "ended_at": started_at + timedelta(milliseconds=duration_ms),
            "duration_ms": duration_ms,
        }

    # Events.

    def emit(self, kind: type[BaseEvent], fields: Mapping[str, Any]) -> bool:
        """Write an event; its fields are clean already. A fault is reported, never raised."""
        return self.emit_all([(kind, fields)])

    def emit_all(self, items: list[tuple[type[BaseEvent], Mapping[str, Any]]]) -> bool:
        """Write events in one piece; return whether they are written."""
        with self._lock:
            if not self.is_open:
                return False
            try:
                recorded_at = self.now()
                lines = list[bytes]()
                for kind, fields in items:
                    place = {"run_id": self.run_id, "seq": self._seq + len(lines)}
                    lines.append(
                        encode_fields(kind, {**fields, **place, "recorded_at": recorded_at})
                    )
                self._seq += len(lines)
                self._sink.writer.write_lines(lines)
            except Exception as error:  # noqa: BLE001 - recording must not break the run
                self.fault("an event", error, count=len(items))
                return False
        return True

    def fault(self, where: str, error: BaseException, *, count: int = 1) -> None:
        """Count what could not be recorded."""
        self._faults += count
        faults.report(where, error, home=self._sink.home)

    def declare_tools(self, tools_hash: str, definitions: Any) -> None:
        """Write tool definitions when this run has not written them yet."""
        with self._lock:
            if tools_hash in self._tools_hashes or not self._sink.content:
                return
            fields = {"tools_hash": tools_hash, "definitions": definitions}
            if self.emit(events.ToolDefinitions, fields):
                self._tools_hashes.add(tools_hash)

    def record_state(
        self,
        operation: str,
        key: str,
        value: Any,
        *,
        context: RunContext | None = None,
        scope: Literal["state", "node"] = "state",
    ) -> None:
        """Write one key of the state: `init`, `set`, `append`, `add` or `merge`."""
        try:
            fields = {
                "scope": scope,
                "operation": operation,
                "key": self.label(key),
                "value": self.clean(value),
                "span_id": context.span_id if context else None,
                "node_path": context.node_path if context else None,
            }
        except Exception as error:  # noqa: BLE001 - recording must not break the run
            self.fault("a state change", error)
            return
        self.emit(events.MemoryChange, fields)

    # Spans.

    def next_visit(
        self, path: str | None, name: str, branch_key: str | None, *, is_retry: bool
    ) -> int:
        """Return how often this node was entered here; a further attempt is no further visit."""
        with self._lock:
            key = (path, name, branch_key)
            self._visits[key] = max(1, self._visits.get(key, 0) + (not is_retry))
            return self._visits[key]

    def begin_span(self, span: InProgress, span_id: str) -> None:
        """Remember a span that has begun."""
        with self._lock:
            self._in_progress[span_id] = span

    def end_span(self, span_id: str) -> None:
        """Forget a span that has ended."""
        with self._lock:
            self._in_progress.pop(span_id, None)

    def note_timing(self, fields: Mapping[str, Any]) -> None:
        """Keep a node's timing for the result."""
        timing = NodeTiming(
            node=fields["node"],
            node_path=fields["node_path"],
            node_kind=fields["node_kind"],
            duration_ms=fields["duration_ms"],
            self_ms=fields["self_ms"],
            failed=fields.get("error_type") is not None,
        )
        self._timings.append(timing)

    def note_call(self, kind: Literal["llm", "tool"], duration_ms: float) -> None:
        """Add the duration of a call to the result."""
        with self._lock:
            self._span_ms[kind] += duration_ms

    # Stopping.

    def stop_with(self, stop: RunStopped) -> None:
        """Have every further call raise `stop`, unless the run was asked to end before."""
        self._stop = self._stop or stop

    def request_stop(self, status: StopStatus, reason: str) -> None:
        """Ask the run to end: its next call raises."""
        kind = BudgetExceeded if status == "budget_exceeded" else RunCancelled
        self.stop_with(kind(reason))

    def is_stopping(self) -> bool:
        """Tell whether the run was asked to end, by this process or by another."""
        if self._stop is None and self.mailbox is not None:
            reason = self.mailbox.look_for_cancel()
            if reason is not None:
                self.request_stop("cancelled", reason)
        return self._stop is not None

    def check_stop(self) -> None:
        """Raise `RunStopped` when the run was asked to end or has used up a limit."""
        if self.is_stopping() and self._stop is not None:
            raise self._stop
        self.meter.check()

    def check_interrupt(self) -> None:
        """Raise `RunStopped` when the run was asked to end or its time is up.

        Unlike `check_stop` it lets a call come back that was begun within the other limits.
        """
        remaining_s = self.remaining_s()
        if remaining_s is not None and remaining_s <= 0:
            limit = self.meter.limits.seconds
            self.request_stop(
                "budget_exceeded", f"the limit of {limit} seconds is used up; raise limits.seconds"
            )
        if self.is_stopping() and self._stop is not None:
            raise self._stop

    def remaining_s(self) -> float | None:
        """Return how many seconds the run may still take, None without a limit."""
        return self.meter.remaining_s()

    def give_up(self) -> None:
        """End the run now, whatever is in progress: it will not come back in time."""
        stop = self._stop or RunCancelled("the run was cancelled")
        with self._lock:
            open_spans = list(self._in_progress.values())
        for span in reversed(open_spans):
            span.finish(stop)
        self.finish(error=stop)

    # Beginning and end.

    def begin(self) -> None:
        """Write the run's first event."""
        sink, about = self._sink, self.description
        sink.writer.run_begins()
        try:
            fields = {
                **about.fields(label=self.label, clean=self.clean, structure=self.structure),
                "writer_id": sink.writer.writer_id,
                "environment": self.structure(describe_environment(with_arguments=sink.content)),
                "started_at": self._started_at,
            }
        except Exception as error:  # noqa: BLE001 - recording must not break the run
            self.fault("the beginning of a run", error)
            return
        self.emit(events.RunStarted, fields)

    def set_output(self, output: Any) -> None:
        """Keep what the run is to return; also when it is stopped later."""
        self._output = output

    def finish(self, *, error: BaseException | None = None) -> RunResult:
        """Write the run's last event, once, and return what it came to."""
        with self._lock:
            if self._result is not None:
                return self._result
            duration_ms = (time.perf_counter() - self._started_s) * 1000
            replayable, reason = self._replayable()
            status = status_of(error)
            try:
                output = self.clean(self._output)
            except Exception as fault:  # noqa: BLE001 - recording must not break the run
                self.fault("the output of a run", fault)
                output = None
            fields: dict[str, Any] = {
                "status": status,
                "output": output,
                "replayable": replayable,
                "replayable_reason": reason,
                "recording_faults": self._faults,
                "extra": self.structure(self.extra) if self.extra else None,
                **self.ended(self._started_at, duration_ms),
                **self.error_fields(error),
            }
            if self.replay is not None:
                self.replay.finish(self, fields)
            self.emit(events.RunFinished, fields)
            self.is_open = False
            self._result = RunResult(
                run_id=self.run_id,
                status=status,
                output=self._output,
                error_type=fields.get("error_type"),
                error_message=fields.get("error_message"),
                duration_ms=duration_ms,
                totals=replace(self.meter.totals),
                timings=tuple(self._timings),
                llm_ms=self._span_ms["llm"],
                tool_ms=self._span_ms["tool"],
                recording_faults=self._faults,
            )
        with contextlib.suppress(OSError):  # the timer or the loader seals it instead
            self._sink.writer.run_ends()
        if self.mailbox is not None:
            self.mailbox.close()
        return self._result

    def result(self) -> RunResult:
        """Return what the run came to; ends it when it has not ended."""
        return self._result or self.finish()

    def _replayable(self) -> tuple[Replayable, str | None]:
        if not self._sink.content:
            return "no", "it was recorded without content"
        if self._faults:
            return "stepwise", f"{self._faults} events could not be recorded"
        if self.observed_only:
            return "stepwise", self.observed_only
        return "full", None


@contextlib.contextmanager
def start_run(
    name: str,
    *,
    settings: Settings | None = None,
    limits: Limits | None = None,
    on_start: Callable[[RunRecorder], None] | None = None,
    run_id: UUID | None = None,
    mailbox: Mailbox | None = None,
    replay: "ReplaySession | None" = None,
    sink: Sink | None = None,
    **description: Any,
) -> Generator[RunRecorder]:
    """Record a run around the block; what the block raises is recorded and raised on.

    Args:
        name: what a person calls the run.
        settings: where to record; by default those of this process.
        limits: what the run may use up.
        on_start: is given the recorder first of all, e.g. to be able to cancel.
        run_id: the id of the run when somebody has fixed it beforehand.
        mailbox: an open one of this id, closed when the run ends.
        replay: answers the calls of the run from the recording of another.
        sink: where to write, when not to the home of the settings.
        **description: the other fields of `RunDescription`.
    """
    sink = sink or sink_for(settings or load_settings())
    about = RunDescription(name=name, **description)
    run = RunRecorder(
        about, sink=sink, limits=limits or Limits(), run_id=run_id, mailbox=mailbox, replay=replay
    )
    run.begin()
    if on_start is not None:
        on_start(run)
    try:
        with entered(run.context):
            yield run
    except BaseException as error:
        run.finish(error=error)
        raise
    run.finish()
