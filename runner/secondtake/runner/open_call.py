"""What LLM calls and tool calls in progress have in common."""

import abc
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from secondtake.runner.context import RunContext
from secondtake.runner.hashing import new_span_id

if TYPE_CHECKING:
    from secondtake.runner.replay.session import Answer, Asked


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
        self.answered: Answer | None = None
        """What a replay answers the call with; None when it is executed."""
        here.run.begin_span(self, self.span_id)

    @abc.abstractmethod
    def asked(self) -> "Asked":
        """Return what a replay needs to know to answer it."""

    def look_up(self) -> "Answer | None":
        """Return what a replay answers the call with; None outside a replay, or to execute it.

        Raises:
            ReplayDiverged: it must not be executed.
        """
        if self.run.replay is not None:
            self.answered = self.run.replay.answer(self.asked(), meter=self.run.meter)
        return self.answered

    def begin_again(self) -> None:
        """Let the time of the call begin now."""
        self.started_at = self.run.now()
        self.started_s = self.context.started_s = time.perf_counter()

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


def answered_fields(answer: "Answer") -> dict[str, Any]:
    """Return what the row of a call says that was answered instead of executed."""
    fields: dict[str, Any] = {"served_from": "recorded"}
    if answer.call is not None:
        fields["simulated"] = answer.call.simulated
    if answer.call is not None and answer.call.kind == "llm_call":
        fields |= {
            "cost_usd": Decimal(0),
            "cost_basis": "recording",
            "cost_details": None,
            "price_snapshot": None,
            "avoided_cost_usd": answer.avoided_cost_usd,
        }
    if answer.edited or answer.call is None:
        fields["extra"] = {"replay": "edited" if answer.edited else "static"}
    return fields
