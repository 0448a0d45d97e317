"""What LLM calls and tool calls in progress have in common."""

import abc
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from secondtake.runner.context import RunContext
from secondtake.runner.hashing import new_span_id


class OpenCall(abc.ABC):
    """A call between its beginning and its end; ends once, whoever ends it."""

    kind: ClassVar[Literal["llm", "tool"]]

    def __init__(self, here: RunContext) -> None:
        self.run = here.run
        self.parent = here
        self.span_id = new_span_id()
        self.context = RunContext(run=here.run, span_id=self.span_id, node_path=here.node_path)
        self.started_at = here.run.now()
        self.started_s = self.context.started_s
        self._lock = threading.Lock()
        self._done = False
        here.run.begin_span(self, self.span_id)

    def finish(self, error: BaseException | None) -> None:
        """Write that the call failed."""
        self._end(lambda: None, error)

    def answer(self, response: Any, describe: Callable[[Any], Any] | None = None) -> None:
        """Write what the call answered."""
        self._end(lambda: describe(response) if describe else response, None)

    def _end(self, response: Callable[[], Any], error: BaseException | None) -> None:
        """Write the call's event, once; a fault is counted, never raised."""
        with self._lock:
            if self._done:
                return
            self._done = True
        ended_s = time.perf_counter()
        duration_ms = (ended_s - self.started_s) * 1000
        self.parent.add_child(self.started_s, ended_s)
        self.run.end_span(self.span_id)
        self.run.note_call(self.kind, duration_ms)
        try:
            self.write(response(), error, duration_ms)
        except Exception as fault:  # noqa: BLE001 - recording must not break the run
            self.run.fault(f"a {self.kind} call", fault)

    @abc.abstractmethod
    def write(self, response: Any, error: BaseException | None, duration_ms: float) -> None:
        """Write the event of this kind of call."""

    def span_fields(self, duration_ms: float) -> dict[str, Any]:
        """Return the columns that every span has."""
        return {
            "span_id": self.span_id,
            "parent_span_id": self.parent.span_id,
            "node_path": self.parent.node_path,
            "started_at": self.started_at,
            **self.run.ended(self.started_at, duration_ms),
        }
