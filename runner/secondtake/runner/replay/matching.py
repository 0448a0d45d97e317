"""Which recorded call answers a call of a replay.

By the hash of the request within the node path; identical requests in the order in which they
were made, of several in parallel the one with the same tool-call id first. Never by position: a
replay whose branches race would give one branch the answer of another.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from secondtake.runner.events import LlmCall, ToolCall
from secondtake.runner.replay.recording import Recording

Recorded = LlmCall | ToolCall

CUT_OFF: Final = frozenset(
    {"BranchAbandoned", "BudgetExceeded", "CancelledError", "GeneratorExit", "KeyboardInterrupt",
     "ReplayDiverged", "RunCancelled"}
)  # fmt: skip
"""Errors of calls that were ended from outside: what they would have answered is not known."""
_VISIT: Final = re.compile(r"\[\d+")


class RecordedCalls:
    """The calls of a recording, each of which is given once. Safe for use by many threads."""

    def __init__(
        self, recording: Recording, *, visits_may_race: bool, has_tools: bool = True
    ) -> None:
        """Take all calls.

        Args:
            recording: of the source.
            visits_may_race: the number of a visit says nothing, since threads of the program
                decide who comes first; then a call of another visit with the same request serves.
            has_tools: False where the program's tools do not come by: at the wire only their
                results are seen.
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
        tools = recording.tool_calls if has_tools else ()
        both: list[Recorded] = [*recording.llm_calls, *tools]
        # At the wire nobody sees when a tool began; then the order of writing is all there is.
        are_timed = all(call.started_at is not None for call in both)
        self.calls: tuple[Recorded, ...] = tuple(sorted(both, key=_began if are_timed else _place))
        for call in self.calls:
            path = call.node_path or ""
            self._by_path[call.kind, path].append(call)
            self._by_label[call.kind, without_visits(path)].append(call)
        self._inside = _calls_inside(recording, self.calls)

    def cover(self, call: Recorded) -> None:
        """Use up the calls that were made inside a call: who answers that does not make them."""
        with self._lock:
            self._used.update(self._inside.get(call.span_id, ()))

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

    def find(
        self, kind: str, request_hashes: Collection[str], *, tool_call_id: str | None = None
    ) -> Recorded | None:
        """Return the next call, wherever it was made, that was asked one of these, unused."""
        with self._lock:
            free = self._free(self.calls)
            found = [
                call for call in free if call.kind == kind and call.request_hash in request_hashes
            ]
        return _preferred(found, tool_call_id) if found else None

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

    def use(self, call: Recorded) -> Recorded | None:
        """Use this call up; None when it is used already."""
        with self._lock:
            return None if call.span_id in self._used else self._use(call)

    def last_used(self, kind: str, node_path: str | None) -> Recorded | None:
        """Return the last call of a node that was given; of those before a tool call an LLM call.

        For the tool calls of one turn are made in parallel.
        """
        with self._lock:
            for call in reversed(self.calls):
                is_before = kind != "tool_call" or call.kind == "llm_call"
                if call.node_path == node_path and is_before and call.span_id in self._used:
                    return call
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


def _began(call: Recorded) -> tuple[float, int]:
    return call.started_at.timestamp() if call.started_at else 0.0, call.seq or 0


def _place(call: Recorded) -> int:
    return call.seq or 0


def _preferred(calls: list[Recorded], tool_call_id: str | None) -> Recorded:
    for call in calls:
        if tool_call_id and isinstance(call, ToolCall) and call.tool_call_id == tool_call_id:
            return call
    return calls[0]


def _calls_inside(recording: Recording, calls: Iterable[Recorded]) -> dict[str, list[str]]:
    """Return the spans of the calls that were made inside each call: a tool may be an agent."""
    parents = {span.span_id: span.parent_span_id for span in [*recording.nodes, *calls]}
    kinds = {call.span_id for call in calls}
    inside: dict[str, list[str]] = defaultdict(list)
    for call in calls:
        above, seen = call.parent_span_id, {call.span_id}
        while above is not None and above not in seen:
            seen.add(above)
            if above in kinds:
                inside[above].append(call.span_id)
            above = parents.get(above)
    return inside
