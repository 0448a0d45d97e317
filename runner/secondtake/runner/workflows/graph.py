"""What follows from the edges of a workflow: order, reach and parallelism. Pure."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from secondtake.runner.workflows.schema import END, START, Definition, Edge


class Graph:
    """The edges of a workflow between nodes that exist."""

    def __init__(self, definition: Definition) -> None:
        self.nodes = tuple(definition.nodes)
        known = {*self.nodes, START, END}
        self.edges = [e for e in definition.edges if e.start in known and e.to in known]

    @cached_property
    def successors(self) -> Mapping[str, list[str]]:
        """Where each node leads, in the order of the file."""
        found: dict[str, list[str]] = {name: [] for name in (START, *self.nodes, END)}
        for edge in self.edges:
            found[edge.start].append(edge.to)
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

    def reachable(self, start: str) -> set[str]:
        """Return all that comes after `start`; itself only when it is in a cycle."""
        found: set[str] = set()
        waiting = list(self.successors[start])
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.successors[name])
        return found

    @cached_property
    def after(self) -> Mapping[str, set[str]]:
        """All that comes after each node."""
        return {name: self.reachable(name) for name in (START, *self.nodes)}

    def before(self, name: str) -> set[str]:
        """Return the nodes that have run when `name` begins."""
        return {node for node in self.nodes if name in self.after[node]}

    def parallel_pairs(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return the pairs of `names` that no order is given for."""
        listed = list(names)
        return [
            (first, second)
            for index, first in enumerate(listed)
            for second in listed[index + 1 :]
            if second not in self.after[first] and first not in self.after[second]
        ]

    def cycle_edges(self) -> list[Edge]:
        """Return the edges that close a cycle."""
        return [
            edge
            for edge in self.edges
            if edge.start == edge.to
            or (edge.to in self.after and edge.start in self.after[edge.to])
        ]
