"""Which nodes run next. Pure: no LangGraph, no threads, no recording.

A workflow advances in steps. All nodes of a step run in parallel, and see the state as it was
when the step began; when all have ended, the edges that leave them are looked at together, on
the state as it is then:

* an edge is taken when its condition holds, or when it has none, unless the node that it leads
  to has used up its `max_visits`; an `otherwise` edge when no other choice of its node is taken;
* a node that edges have reached runs in the next step, once however many edges reached it,
  unless another node that is waiting too may still come to it without going through a loop edge.
  So a join waits for every branch that was taken and for none that was not.

Loop edges aside there are no cycles, so of the nodes that wait at least one may run: no deadlock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from secondtake.runner.narrow import is_list
from secondtake.runner.workflows.conditions import holds, parse_condition, told_values
from secondtake.runner.workflows.failures import NodeError
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.schema import END, START, VISITS, Edge

MAX_TOLD: Final = 8


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A node that runs in the next step."""

    node: str
    entered_from: tuple[str, ...]
    """The nodes whose edges led here, in the order in which they did."""
    items: Sequence[Any] | None = None
    """One branch for each, at least one; None when the node runs once."""
    item_name: str = ""


class Scheduler:
    """Where one execution of a workflow is. Not safe for use by many threads at once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._order = {name: index for index, name in enumerate(graph.nodes)}
        self._waiting: dict[str, list[str]] = {}
        self._running: tuple[str, ...] = (START,)
        self.visits: dict[str, int] = dict.fromkeys(graph.nodes, 0)
        """How often each node was entered; the branches of a fan-out together count once."""
        self.ended_from: list[str] = []
        """The nodes whose edges led to END."""

    def advance(self, values: Mapping[str, Any]) -> list[Entry]:
        """Return what runs next, now that all nodes of the last step have ended.

        Args:
            values: Inputs and state, None for keys that hold nothing.

        Raises:
            NodeError: no edge of a node can be taken, or a condition cannot be evaluated.
        """
        for name in self._running:
            self._leave(name, values)
        while True:
            entries = [self._entry(name, values) for name in self._ready()]
            empty = [entry.node for entry in entries if entry.items == ()]
            if not empty:
                break
            # A fan-out over nothing has ended as it begins, which may make others wait.
            for name in empty:
                self._begin(name)
                self._leave(name, values)
        for entry in entries:
            self._begin(entry.node)
        self._running = tuple(entry.node for entry in entries)
        return entries

    def _begin(self, name: str) -> None:
        del self._waiting[name]
        self.visits[name] += 1

    def _ready(self) -> list[str]:
        """Return the waiting nodes that no other waiting node may still come to."""
        ahead = self.graph.ahead
        ready = [
            name
            for name in self._waiting
            if not any(name in ahead[other] for other in self._waiting if other != name)
        ]
        return sorted(ready, key=lambda name: self._order[name])

    def _entry(self, name: str, values: Mapping[str, Any]) -> Entry:
        entered_from = tuple(self._waiting[name])
        edge = self.graph.fan_outs.get(name)
        if edge is None:
            return Entry(node=name, entered_from=entered_from)
        given = values.get(str(edge.each))
        if given is not None and not is_list(given):
            raise NodeError(f"`{edge.each}` is not a list, so `{name}` cannot run once an item.")
        items = tuple(given or ())
        item_name = str(edge.item_name)
        return Entry(node=name, entered_from=entered_from, items=items, item_name=item_name)

    def _leave(self, name: str, values: Mapping[str, Any]) -> None:
        known = {**values, VISITS: dict(self.visits)}
        edges = self.graph.outgoing[name]
        taken = [edge for edge in edges if not edge.otherwise and self._is_open(edge, known)]
        if not any(self.graph.is_choice(edge) for edge in taken):
            taken += [edge for edge in edges if edge.otherwise and self._may_enter(edge)]
        if not taken:
            raise NodeError(self._stuck(name, known))
        for edge in taken:
            sources = self.ended_from if edge.to == END else self._waiting.setdefault(edge.to, [])
            if name not in sources:
                sources.append(name)

    def _may_enter(self, edge: Edge) -> bool:
        limit = self.graph.limits.get(edge.to)
        return limit is None or self.visits[edge.to] < limit

    def _is_open(self, edge: Edge, values: Mapping[str, Any]) -> bool:
        if not self._may_enter(edge):
            return False
        return edge.when is None or holds(parse_condition(edge.when), values)

    def _stuck(self, name: str, values: Mapping[str, Any]) -> str:
        reasons = [self._reason(edge, values) for edge in self.graph.outgoing[name][:MAX_TOLD]]
        return (
            f"No edge of `{name}` can be taken: {'; '.join(reasons)}. Add an edge with "
            "`otherwise: true` that says where to go then."
        )

    def _reason(self, edge: Edge, values: Mapping[str, Any]) -> str:
        if not self._may_enter(edge):
            return f"`{edge.to}` has used up its {self.visits[edge.to]} visits (`max_visits`)"
        condition = parse_condition(edge.when or "")
        return f"`{condition.text.strip()}` does not hold{told_values(condition, values)}"
