"""The state of a run as it is recorded.

A change of the state becomes visible, to the other nodes and here, when the superstep ends in
which it was made. LangGraph then applies the changes of parallel branches in the order of its
tasks, not of their completion; they are recorded in that same order, so that folding the rows
gives exactly the state that the run had. They are written before the next superstep begins.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secondtake.runner.context import RunContext
from secondtake.runner.run import RunRecorder
from secondtake.runner.workflows.schema import StateKey
from secondtake.runner.workflows.value_types import OPERATIONS, Reducer, reduce

EMPTY: Mapping[Reducer, Any] = {"append": [], "add": 0, "merge": {}}
"""What a key without default holds before the first node, by its reducer."""

TaskOrder = tuple[int, tuple[str, ...]]
"""Superstep, and LangGraph's path of the task in it, comparable."""


@dataclass(frozen=True, kw_only=True)
class _Pending:
    order: TaskOrder
    context: RunContext | None
    changes: Mapping[str, Any]


class StateLedger:
    """Records the state of one run; safe for use by parallel branches."""

    def __init__(self, keys: Mapping[str, StateKey], recorder: RunRecorder) -> None:
        self._keys = keys
        self._recorder = recorder
        self._lock = threading.Lock()
        self._pending: list[_Pending] = []
        self.state: dict[str, Any] = {}
        """What all recorded changes add up to; keys that hold nothing yet are absent."""

    def begin(self) -> dict[str, Any]:
        """Record every key before the first node, and return those that hold something."""
        for name, key in self._keys.items():
            if key.default is not None:
                self.state[name] = key.default
            elif key.reducer in EMPTY:
                self.state[name] = EMPTY[key.reducer]
            self._recorder.record_state("init", name, self.state.get(name))
        return dict(self.state)

    def note(
        self, order: TaskOrder, context: RunContext | None, changes: Mapping[str, Any]
    ) -> None:
        """Keep the changes that a node made until its superstep ends."""
        with self._lock:
            self._pending.append(_Pending(order=order, context=context, changes=changes))

    def commit(self, *, before_step: int | None = None) -> None:
        """Record the changes of the supersteps before this one; of all when None."""
        with self._lock:
            self._pending.sort(key=lambda pending: pending.order)
            while self._pending:
                pending = self._pending[0]
                if before_step is not None and pending.order[0] >= before_step:
                    return
                self._record(self._pending.pop(0))

    def _record(self, pending: _Pending) -> None:
        for name, change in pending.changes.items():
            reducer = self._keys[name].reducer
            if name in self.state:
                self.state[name] = reduce(self.state[name], change, reducer)
            else:
                self.state[name] = change
            self._recorder.record_state(OPERATIONS[reducer], name, change, context=pending.context)


def order_of(metadata: Mapping[str, Any]) -> TaskOrder:
    """Return the place of a LangGraph task among those of the run."""
    parts = metadata["langgraph_path"]
    path = tuple(f"{part:010d}" if isinstance(part, int) else str(part) for part in parts)
    return int(metadata["langgraph_step"]), path
