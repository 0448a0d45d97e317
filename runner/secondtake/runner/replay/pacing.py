"""How far the parallel branches of a replay come before one of them fails.

When a branch fails, those beside it end at their next call. How far they have come by then is a
race, and a replay must not run it again: a branch would ask for what was never recorded, or end
before it has used what was. So as long as a replay keeps to its source, a branch waits that is
about to fail, or that has come to where the source cut it off, until all others wait too or have
ended. Then the one goes on that ended first in the source.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from secondtake.runner.events import NodeFinished
from secondtake.runner.replay.matching import CUT_OFF
from secondtake.runner.replay.recording import Recording

POLL_S: Final = 0.05
"""How often one that waits looks whether the run was asked to end."""
NEVER: Final = float("inf")


@dataclass(kw_only=True)
class _Step:
    """The branches that run together."""

    pending: int = 0
    """Have not begun yet."""
    slots: int = 1
    """How many can run at once."""
    running: "list[_Branch]" = field(default_factory=list["_Branch"])


@dataclass(kw_only=True, eq=False)
class _Branch:
    """One node of a step while it runs."""

    check: Callable[[], None]
    """Raises when the branch is to end."""
    node_path: str | None = None
    inner: _Step = field(default_factory=_Step)
    """The step of the workflow that is nested in it."""


@dataclass(kw_only=True, eq=False)
class _Held:
    """A branch that waits, with its place in the source."""

    branch: _Branch
    rank: float


_branch: Final[ContextVar[_Branch | None]] = ContextVar("secondtake_branch", default=None)


class Pace:
    """Holds branches back. Safe for use by many threads."""

    def __init__(self, recording: Recording) -> None:
        self._lock = threading.Condition()
        self._held: list[_Held] = []
        self._outermost = _Step()
        self._is_left = False
        self._ends: dict[str, NodeFinished] = {}
        for node in recording.nodes:
            if isinstance(node, NodeFinished) and node.node_path is not None:
                self._ends[node.node_path] = node  # the last attempt

    def was_cut_off(self, node_path: str | None) -> bool:
        """Tell whether a node did not come to an end of its own in the source."""
        if node_path is None:
            return False
        end = self._ends.get(node_path)
        return end is None or end.error_type in CUT_OFF

    def leave(self) -> None:
        """Hold nobody back any more: the replay has left its source."""
        with self._lock:
            self._is_left = True
            self._lock.notify_all()

    def begin_step(self, count: int, *, slots: int) -> None:
        """Say that so many branches are about to run, at most `slots` at once."""
        with self._lock:
            step = self._step_below(_branch.get())
            step.pending, step.slots = count, slots

    @contextmanager
    def branch(self, check: Callable[[], None]) -> Generator[None]:
        """Run a branch of the step that has begun."""
        outer = _branch.get()
        branch = _Branch(check=check)
        with self._lock:
            step = self._step_below(outer)
            step.pending -= 1
            step.running.append(branch)
        token = _branch.set(branch)
        try:
            yield
        finally:
            _branch.reset(token)
            with self._lock:
                step.running.remove(branch)
                self._lock.notify_all()

    def enter_node(self, node_path: str | None) -> None:
        """Say where the branch that runs here is."""
        if (branch := _branch.get()) is not None:
            branch.node_path = node_path

    def hold(self) -> None:
        """Wait until it is this branch's turn.

        Raises:
            RunStopped: the run, or a parallel branch, has ended meanwhile.
        """
        branch = _branch.get()
        if branch is None:
            return
        end = self._ends.get(branch.node_path or "")
        seq = None if end is None else end.seq
        held = _Held(branch=branch, rank=NEVER if seq is None else seq)
        with self._lock:
            self._held.append(held)
            self._lock.notify_all()
        try:
            self._wait(held)
        finally:
            with self._lock:
                self._held.remove(held)
                self._lock.notify_all()
        branch.check()

    def _wait(self, held: _Held) -> None:
        while True:
            with self._lock:
                if self._is_left or self._next() is held:
                    return
                self._lock.wait(POLL_S)
            held.branch.check()

    def _next(self) -> _Held | None:
        """Return who goes on; None while somebody still runs."""
        if not self._is_quiet(self._outermost):
            return None
        return min(self._held, key=lambda held: held.rank)

    def _is_quiet(self, step: _Step) -> bool:
        if step.pending > 0 and len(step.running) < step.slots:
            return False
        waiting = {held.branch for held in self._held}
        return all(
            branch in waiting or (branch.inner.running and self._is_quiet(branch.inner))
            for branch in step.running
        )

    def _step_below(self, branch: _Branch | None) -> _Step:
        return self._outermost if branch is None else branch.inner
