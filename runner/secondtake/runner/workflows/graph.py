"""What follows from the edges of a workflow: order, reach and parallelism. Pure.

A loop edge leads back to a node with `max_visits`. Without the loop edges no cycle is left (that
is checked), so that there is an order: what a node waits for comes before it in that order.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from secondtake.runner.workflows.schema import END, START, Definition, Edge


class Graph:
    """The edges of a workflow between nodes that exist."""

    def __init__(self, definition: Definition) -> None:
        self.nodes = tuple(definition.nodes)
        known = {*self.nodes, START, END}
        self.edges = [e for e in definition.edges if e.start in known and e.to in known]
        self.limits = {
            name: node.max_visits
            for name, node in definition.nodes.items()
            if node.max_visits is not None
        }
        """How often nodes may be entered, where that is limited."""

    @cached_property
    def successors(self) -> Mapping[str, list[str]]:
        """Where each node leads, in the order of the file."""
        found: dict[str, list[str]] = {name: [] for name in (START, *self.nodes, END)}
        for edge in self.edges:
            found[edge.start].append(edge.to)
        return found

    @cached_property
    def outgoing(self) -> Mapping[str, list[Edge]]:
        """The edges that leave each node, in the order of the file."""
        found: dict[str, list[Edge]] = {name: [] for name in (START, *self.nodes)}
        for edge in self.edges:
            if edge.start in found:
                found[edge.start].append(edge)
        return found

    @cached_property
    def incoming(self) -> Mapping[str, list[Edge]]:
        """The edges that lead to each node."""
        found: dict[str, list[Edge]] = {name: [] for name in (START, *self.nodes, END)}
        for edge in self.edges:
            found[edge.to].append(edge)
        return found

    @cached_property
    def fan_outs(self) -> Mapping[str, Edge]:
        """The nodes that run once an item of a list, each with its edge."""
        return {edge.to: edge for edge in self.edges if edge.each is not None}

    def is_choice(self, edge: Edge) -> bool:
        """Tell whether an edge may be there and not be taken, `otherwise` aside."""
        return edge.when is not None or edge.to in self.limits

    def is_loop(self, edge: Edge) -> bool:
        """Tell whether an edge leads back to a node whose visits are limited."""
        return edge.to in self.limits and edge.start in self.after.get(edge.to, set())

    @cached_property
    def after(self) -> Mapping[str, set[str]]:
        """All that may come after each node; itself only when it is in a cycle."""
        return {name: _reachable(name, self.successors) for name in (START, *self.nodes)}

    @cached_property
    def forward(self) -> Mapping[str, list[str]]:
        """Where each node leads, loop edges aside."""
        found: dict[str, list[str]] = {name: [] for name in (START, *self.nodes, END)}
        for edge in self.edges:
            if not self.is_loop(edge):
                found[edge.start].append(edge.to)
        return found

    @cached_property
    def ahead(self) -> Mapping[str, set[str]]:
        """All that may come after each node without going through a loop edge."""
        return {name: _reachable(name, self.forward) for name in (START, *self.nodes)}

    def before(self, name: str) -> set[str]:
        """Return the nodes that may have run when `name` begins for the first time."""
        return {node for node in self.nodes if name in self.ahead[node]}

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """A number for each node that is larger than those of all nodes before it."""
        names = (START, *self.nodes, END)
        return {name: sum(name in self.ahead.get(other, ()) for other in names) for name in names}

    def parallel_pairs(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return the pairs of `names` that run in parallel, whatever the conditions come to.

        Two conditions of one node may both hold; only a run can tell, so they do not count here.
        """
        listed = list(names)
        return [
            (first, second)
            for index, first in enumerate(listed)
            for second in listed[index + 1 :]
            if self._are_parallel(first, second)
        ]

    def _are_parallel(self, first: str, second: str) -> bool:
        """Look for two paths without a common node, from edges that are taken together."""
        wanted = {first, second}
        waiting = [pair for pair in self._forks() if pair[0] != pair[1]]
        seen = set(waiting)
        while waiting:
            pair = waiting.pop()
            if set(pair) == wanted:
                return True
            for step in self._advanced(pair, wanted):
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
        return False

    def _forks(self) -> Iterator[tuple[str, str]]:
        for edges in self.outgoing.values():
            plain = [edge for edge in edges if not (edge.otherwise or self.is_choice(edge))]
            for edge in plain:
                yield from ((edge.to, other.to) for other in edges if not self.is_loop(other))

    def _advanced(self, pair: tuple[str, str], wanted: set[str]) -> Iterator[tuple[str, str]]:
        """Yield what follows when the path that is further back takes one edge.

        It alone may move: else the other path could already have gone through where it goes.
        """
        movable = [name for name in pair if name not in wanted]
        if movable:
            behind = min(movable, key=lambda name: self.ranks[name])
            other = pair[1] if behind == pair[0] else pair[0]
            yield from ((name, other) for name in self.forward[behind] if name != other)

    def unbounded_cycle_edge(self) -> Edge | None:
        """Return an edge that closes a cycle in which no node limits its visits."""
        done: set[str] = set()
        for root in (START, *self.nodes):
            if root not in done and (closing := self._closing(root, done)):
                return closing
        return None

    def _closing(self, name: str, done: set[str]) -> Edge | None:
        """Go down from a node, with a stack: chains may be longer than Python recurses."""
        stack: list[tuple[str, Iterator[Edge]]] = [(name, iter(self.outgoing.get(name, [])))]
        on_path = {name}
        while stack:
            here, edges = stack[-1]
            edge = next((e for e in edges if e.to != END and not self.is_loop(e)), None)
            if edge is None:
                stack.pop()
                on_path.discard(here)
                done.add(here)
            elif edge.to in on_path:
                return edge
            elif edge.to not in done:
                on_path.add(edge.to)
                stack.append((edge.to, iter(self.outgoing[edge.to])))
        return None


def _reachable(start: str, successors: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(successors[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(successors[name])
    return found
