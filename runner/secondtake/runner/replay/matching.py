"""Which recorded call answers a call of a replay.

By the hash of the request within the node path; identical requests in the order in which they
were made, of several in parallel the one with the same tool-call id first. Never by position: a
replay whose branches race would give one branch the answer of another.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from secondtake.runner.events import LlmCall, ToolCall
from secondtake.runner.replay.recording import Recording

Recorded = LlmCall | ToolCall

CUT_OFF: Final = frozenset(
    {"BudgetExceeded", "CancelledError", "GeneratorExit", "KeyboardInterrupt", "ReplayDiverged",
     "RunCancelled"}
)  # fmt: skip
"""Errors of calls that were ended from outside: what they would have answered is not known."""
_VISIT: Final = re.compile(r"\[\d+")


class RecordedCalls:
    """The calls of a recording, each of which is given once. Safe for use by many threads."""

    def __init__(self, recording: Recording, *, visits_may_race: bool) -> None:
        """Take all calls.

        Args:
            recording: of the source.
            visits_may_race: the number of a visit says nothing, since threads of the program
                decide who comes first; then a call of another visit with the same request serves.
        """
        self._visits_may_race = visits_may_race
        self._lock = threading.Lock()
        self._used: set[str] = set()
        self._by_path: dict[tuple[str, str], list[Recorded]] = defaultdict(list)
        self._by_label: dict[tuple[str, str], list[Recorded]] = defaultdict(list)
        self.numbers: dict[str, int] = {}
        """Of each call among those of its kind, from 1, by span."""
        for calls in (recording.llm_calls, recording.tool_calls):
            for number, call in enumerate(calls, start=1):
                self.numbers[call.span_id] = number
        both: list[Recorded] = [*recording.llm_calls, *recording.tool_calls]
        self.calls: tuple[Recorded, ...] = tuple(sorted(both, key=_began))
        for call in self.calls:
            path = call.node_path or ""
            self._by_path[call.kind, path].append(call)
            self._by_label[call.kind, without_visits(path)].append(call)

    def take(
        self,
        kind: str,
        node_path: str | None,
        request_hash: str | None,
        *,
        tool_call_id: str | None = None,
    ) -> Recorded | None:
        """Return the recorded call that was asked the same, once; None when there is none."""
        if request_hash is None:
            return None

        def is_same(call: Recorded) -> bool:
            return call.request_hash == request_hash and call.error_type not in CUT_OFF

        with self._lock:
            for calls in self._places(kind, node_path):
                found = [call for call in self._free(calls) if is_same(call)]
                if found:
                    return self._use(_preferred(found, tool_call_id))
        return None

    def counterpart(
        self, kind: str, node_path: str | None, fits: Callable[[Recorded], bool]
    ) -> Recorded | None:
        """Return what a call without a recorded answer stands for, and use it up.

        It is the next recorded call of its kind in its node, one that `fits` first.
        """
        with self._lock:
            for calls in self._places(kind, node_path):
                free = list(self._free(calls))
                best = next(filter(fits, free), free[0] if free else None)
                if best is not None:
                    return self._use(best)
        return None

    def unused(self) -> list[Recorded]:
        """Return the calls that the replay has not made, in order."""
        with self._lock:
            return list(self._free(self.calls))

    def _places(self, kind: str, node_path: str | None) -> Iterator[list[Recorded]]:
        path = node_path or ""
        yield self._by_path.get((kind, path), [])
        if self._visits_may_race:
            yield self._by_label.get((kind, without_visits(path)), [])

    def _free(self, calls: list[Recorded] | tuple[Recorded, ...]) -> Iterator[Recorded]:
        return (call for call in calls if call.span_id not in self._used)

    def _use(self, call: Recorded) -> Recorded:
        self._used.add(call.span_id)
        return call


def without_visits(node_path: str) -> str:
    """Return a node path without the numbers of its visits."""
    return _VISIT.sub("[", node_path)


def _began(call: Recorded) -> tuple[bool, float, int]:
    began = call.started_at.timestamp() if call.started_at else 0.0
    return call.started_at is None, began, call.seq or 0


def _preferred(calls: list[Recorded], tool_call_id: str | None) -> Recorded:
    for call in calls:
        if tool_call_id and isinstance(call, ToolCall) and call.tool_call_id == tool_call_id:
            return call
    return calls[0]
