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


@dataclass(frozen=True, kw_only=True)
class _Pending:
    order: int
    node: str
    context: RunContext | None
    changes: Mapping[str, Any]


class StateLedger:
    """Records the state of one run; safe for use by parallel branches."""

    def __init__(
        self,
        keys: Mapping[str, StateKey],
        recorder: RunRecorder,
        *,
        owner: RunContext | None = None,
    ) -> None:
        self._keys = keys
        self._recorder = recorder
        self._owner = owner
        """The node that a nested workflow runs in; its keys are recorded apart from the run's."""
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
            self._write("init", name, self.state.get(name), self._owner)
        return dict(self.state)

    def note(
        self, order: int, node: str, context: RunContext | None, changes: Mapping[str, Any]
    ) -> None:
        """Keep the changes that a node made until its superstep ends.

        `order` is the node's place in the superstep, in which LangGraph applies the changes.
        """
        with self._lock:
            entry = _Pending(order=order, node=node, context=context, changes=changes)
            self._pending.append(entry)

    def replace(self, key: str, value: Any) -> None:
        """Put another value under a key, whatever its reducer."""
        self.state[key] = value
        self._write("set", key, value, self._owner)

    def commit(self) -> str | None:
        """Record the changes of a superstep that has ended.

        Returns a text when two of its nodes replaced the same key, so that one change is lost.
        """
        with self._lock:
            self._pending.sort(key=lambda pending: pending.order)
            writers: dict[str, str] = {}
            problem = None
            while self._pending:
                pending = self._pending.pop(0)
                for name in pending.changes:
                    first = writers.setdefault(name, pending.node)
                    if first != pending.node and self._keys[name].reducer == "replace":
                        problem = problem or _clash(first, pending.node, name)
                self._record(pending)
        return problem

    def _record(self, pending: _Pending) -> None:
        for name, change in pending.changes.items():
            reducer = self._keys[name].reducer
            if name in self.state:
                self.state[name] = reduce(self.state[name], change, reducer)
            else:
                self.state[name] = change
            self._write(OPERATIONS[reducer], name, change, pending.context)

    def _write(self, operation: str, name: str, value: Any, context: RunContext | None) -> None:
        record = self._recorder.record_state
        if self._owner is None:
            record(operation, name, value, context=context)
        else:
            key = f"{self._owner.node_path}/{name}"
            record(operation, key, value, context=context, scope="node")


def _clash(first: str, second: str, key: str) -> str:
    return (
        f"`{first}` and `{second}` ran in the same step and both replaced `{key}`; let only one "
        "of their conditions hold, or give the key a reducer."
    )
