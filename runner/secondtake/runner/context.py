"""Where we are: the run, the open span and the node path of the code that is running now.

Kept in a ContextVar, so threads started by LangGraph, `asyncio` tasks and `asyncio.to_thread` see
it; bare threads do when their function went through `record.wrap`.
"""

import contextlib
import threading
import time
import traceback
from collections.abc import Generator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from secondtake.runner import events
from secondtake.runner.events import SpanKind
from secondtake.runner.hashing import new_span_id, value_hash
from secondtake.runner.jsonable import to_json_value

if TYPE_CHECKING:
    from secondtake.runner.run import RunRecorder

BRANCH_KEY_LENGTH: Final = 8
TRACEBACK_LENGTH_MAX: Final = 20_000
_OWN_FILES: Final = tuple(
    f"secondtake/runner/{module}.py" for module in ("boundary", "context", "record", "run")
)
"""Frames of the recording itself, which tell a reader of a traceback nothing."""


class InProgress(Protocol):
    """A span that has begun and can be ended from outside when the run is given up."""

    def finish(self, error: BaseException | None) -> None:
        """Write the end of the span, once."""


@dataclass(kw_only=True, eq=False)
class RunContext:
    """The run and the span that a call made here belongs to."""

    run: "RunRecorder"
    span_id: str | None = None
    """None directly below the run."""
    node_path: str | None = None
    started_s: float = field(default_factory=time.perf_counter)
    children_s: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """When child spans ran, by the monotonic clock."""

    def add_child(self, started_s: float, ended_s: float) -> None:
        """Note that a child span covered this time."""
        self.children_s.append((started_s, ended_s))

    def self_ms(self, ended_s: float) -> float:
        """Return the milliseconds since the start that no child span covered."""
        covered, reached = 0.0, self.started_s
        for start, end in sorted(self.children_s):
            if end > reached:
                covered += end - max(start, reached)
                reached = end
        return max(ended_s - self.started_s - covered, 0.0) * 1000


_current: ContextVar[RunContext | None] = ContextVar("secondtake_context", default=None)


def current() -> RunContext | None:
    """Return where we are; None outside a run, and once the run has ended."""
    context = _current.get()
    return context if context is not None and context.run.is_open else None


class entered:
    """Be at `context` for a while. A class, since it is in the way of every call."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: RunContext | None) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = _current.set(self._context)

    def __exit__(self, *_: object) -> None:
        try:
            _current.reset(self._token)
        except ValueError:
            _current.set(None)  # a generator was closed from another context


def branch_key_of(payload: Any, ordinal: int = 0) -> str:
    """Return the name of a fan-out's branch: the hash of what it was sent.

    `ordinal` tells apart the branches that were sent the same.
    """
    key = value_hash(to_json_value(payload))[:BRANCH_KEY_LENGTH]
    return f"{key}.{ordinal}" if ordinal else key


@contextlib.contextmanager
def node(
    name: str,
    *,
    node_kind: str | None = None,
    span_kind: SpanKind = "node",
    branch_payload: Any = None,
    branch_ordinal: int = 0,
    attempt: int = 1,
    entered_from: Sequence[str] | None = None,
    question: Any = None,
    visit: int | None = None,
) -> Generator[RunContext | None]:
    """Open a node's span; what is called inside has it as parent and in its node path.

    The path is `plan[1]/search[2:9f3ac01d]`: name, visit, and the branch of a fan-out. It does
    not depend on which branch runs first. Outside a run this does nothing. `entered_from` and
    `question` are as in `events.NodeFields`; `visit` is counted where it is left out.
    """
    parent = current()
    if parent is None:
        yield None
        return
    branch_key = None if branch_payload is None else branch_key_of(branch_payload, branch_ordinal)
    about = {
        "node_kind": node_kind,
        "span_kind": span_kind,
        "branch_key": branch_key,
        "attempt": attempt,
        "entered_from": None if entered_from is None else list(entered_from),
        "question": question if question is None else parent.run.clean(question),
    }
    span = _OpenNode(parent, name, about, visit)
    try:
        with entered(span.context):
            yield span.context
    except BaseException as error:
        span.finish(error)
        raise
    span.finish(None)


def describe_error(error: BaseException) -> dict[str, str]:
    """Return `error_type`, `error_message` and `error_traceback` of an exception."""
    described = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in described.stack if not frame.filename.endswith(_OWN_FILES)]
    if frames:
        described.stack = traceback.StackSummary.from_list(frames)
    text = "".join(described.format())
    if len(text) > TRACEBACK_LENGTH_MAX:
        half = TRACEBACK_LENGTH_MAX // 2
        text = f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
    return {
        "error_type": type(error).__name__,
        "error_message": str(error),
        "error_traceback": text,
    }


class _OpenNode:
    """A node span between its start and its end."""

    def __init__(
        self,
        parent: RunContext,
        name: str,
        about: Mapping[str, Any],
        visit: int | None,
    ) -> None:
        self._run = parent.run
        self._parent = parent
        self._lock = threading.Lock()
        self._done = False
        label = parent.run.label(name)
        if parent.run.replay is not None:
            parent.run.replay.enter(name)
        safe = label.replace("/", "%2F").replace("[", "%5B").replace("]", "%5D")
        branch_key = about["branch_key"]
        visit = visit or parent.run.next_visit(
            parent.node_path, safe, branch_key, is_retry=about["attempt"] > 1
        )
        step = f"{safe}[{visit}:{branch_key}]" if branch_key else f"{safe}[{visit}]"
        path = f"{parent.node_path}/{step}" if parent.node_path else step
        self.context = RunContext(run=parent.run, span_id=new_span_id(), node_path=path)
        self._fields: dict[str, Any] = {
            "span_id": self.context.span_id,
            "parent_span_id": parent.span_id,
            "node_path": path,
            "node": label,
            "visit": visit,
            **about,
            "started_at": parent.run.now(),
        }
        self._run.begin_span(self, self._fields["span_id"])
        self._run.emit(events.NodeStarted, self._fields)

    def finish(self, error: BaseException | None) -> None:
        """Write the end of the node, once."""
        with self._lock:
            if self._done:
                return
            self._done = True
        ended_s = time.perf_counter()
        started_s = self.context.started_s
        self._parent.add_child(started_s, ended_s)
        duration_ms = (ended_s - started_s) * 1000
        self._run.end_span(self._fields["span_id"])
        fields = {
            **self._fields,
            **self._run.ended(self._fields["started_at"], duration_ms),
            "self_ms": self.context.self_ms(ended_s),
            **self._run.error_fields(error),
        }
        self._run.emit(events.NodeFinished, fields)
        self._run.note_timing(fields)
