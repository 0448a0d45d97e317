"""What must hold for the edges: their ends, conditions, fan-outs, reach and loops."""

from collections.abc import Callable, Iterable, Mapping

from secondtake.runner.workflows.conditions import Condition, ConditionError, parse_condition
from secondtake.runner.workflows.explain import did_you_mean
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.references import RESERVED, written_too_late
from secondtake.runner.workflows.schema import END, START, VISITS, Definition, Edge
from secondtake.runner.workflows.source import Keys, Source
from secondtake.runner.workflows.value_types import ValueType


class EdgeChecks:
    """Checks of the edges."""

    def __init__(
        self,
        source: Source,
        definition: Definition,
        graph: Graph,
        types: Mapping[str, ValueType],
    ) -> None:
        self._source = source
        self._definition = definition
        self._graph = graph
        self._types = types

    def run(self) -> None:
        """Note every problem."""
        steps: Iterable[Callable[[], None]] = (
            self._ends, self._fan_outs, self._conditions, self._choices, self._reach, self._cycles,
        )  # fmt: skip
        for step in steps:
            step()

    def _report(self, keys: Keys, text: str, *, of_key: bool = False) -> None:
        self._source.report(keys, text, of_key=of_key)

    def _ends(self) -> None:
        nodes = self._definition.nodes
        seen: set[tuple[str, str]] = set()
        for index, edge in enumerate(self._definition.edges):
            if edge.start not in nodes and edge.start != START:
                self._unknown_end((index, "from"), edge.start, [*nodes, START])
            if edge.to not in nodes and edge.to != END:
                self._unknown_end((index, "to"), edge.to, [*nodes, END])
            if (edge.start, edge.to) in seen:
                self._report(("edges", index), "this edge is there twice; remove one")
            seen.add((edge.start, edge.to))
        if not any(edge.start == START for edge in self._definition.edges):
            text = "no edge leaves START; add `- {from: START, to: NODE}`"
            self._report(("edges",), text, of_key=True)

    def _unknown_end(self, keys: Keys, name: str, known: Iterable[str]) -> None:
        text = f"no node `{name}`; {did_you_mean(name, known)}"
        if name in (START, END):
            text = f"an edge cannot go {keys[-1]} {name}; use a node"
        self._report(("edges", *keys), text)

    def _fan_outs(self) -> None:
        for index, edge in enumerate(self._definition.edges):
            keys: Keys = ("edges", index)
            if (edge.each is None) != (edge.item_name is None):
                there, missing = ("as", "each") if edge.each is None else ("each", "as")
                self._report(keys, f"`{there}` without `{missing}`; give both, or none")
            elif edge.each is not None and edge.item_name is not None:
                self._fan_out(keys, edge, edge.each, edge.item_name)

    def _fan_out(self, keys: Keys, edge: Edge, each: str, item_name: str) -> None:
        kind = self._types.get(each)
        if kind is None:
            text = f"no input or state key `{each}`; {did_you_mean(each, self._types)}"
            self._report((*keys, "each"), text)
        elif kind.name not in ("list", "any"):
            text = f"`{each}` is {kind} and not a list; fan out over a list"
            self._report((*keys, "each"), text)
        if not item_name.isidentifier() or item_name in RESERVED or item_name in self._types:
            text = f"a branch's item cannot be called `{item_name}`; choose a name that is free"
            self._report((*keys, "as"), text)
        if edge.to == END:
            self._report((*keys, "to"), "END cannot run once an item; fan out to a node")
        elif len(self._graph.incoming.get(edge.to, [])) > 1:
            text = f"`{edge.to}` runs once an item, so only this edge may lead to it"
            self._report((*keys, "to"), f"{text}; remove the others")

    def _reach(self) -> None:
        graph = self._graph
        reached = graph.after[START]
        for name in self._definition.nodes:
            if name not in reached and not graph.incoming[name]:
                text = f"no edge leads to node `{name}`; add one, or remove the node"
                self._report(("nodes", name), text, of_key=True)
            elif name not in reached:
                text = f"node `{name}` cannot be reached from START; mend the edges before it"
                self._report(("nodes", name), text, of_key=True)
            elif not graph.successors[name]:
                text = f"no edge leaves node `{name}`; add `- {{from: {name}, to: END}}`"
                self._report(("nodes", name), text, of_key=True)
            elif END not in graph.after[name] and graph.unbounded_cycle_edge() is None:
                text = f"END cannot be reached from node `{name}`; add an edge that leads there"
                self._report(("nodes", name), text, of_key=True)

    def _conditions(self) -> None:
        for index, edge in enumerate(self._definition.edges):
            if edge.when is None:
                continue
            keys: Keys = ("edges", index, "when")
            if edge.otherwise:
                self._report(keys, "an edge has either `when` or `otherwise`; remove one")
            try:
                condition = parse_condition(edge.when)
            except ConditionError as error:
                self._source.report_at(keys, error.message, offset=error.offset)
            else:
                self._condition(keys, edge.start, condition)

    def _condition(self, keys: Keys, start: str, condition: Condition) -> None:
        report = self._source.report_at
        for name, offset in condition.names.items():
            if name not in self._types and name != VISITS:
                cure = did_you_mean(name, [*self._types, VISITS])
                report(keys, f"no input or state key `{name}`; {cure}", offset=offset)
            else:
                late = written_too_late(name, start, self._definition, self._graph, at_end=True)
                if late:
                    report(keys, late, offset=offset)
        for node, offset in condition.visited.items():
            if node not in self._definition.nodes:
                cure = did_you_mean(node, self._definition.nodes)
                report(keys, f"no node `{node}`; {cure}", offset=offset)

    def _choices(self) -> None:
        """See that `otherwise` has something to be otherwise to, and that a loop has a way out."""
        for index, edge in enumerate(self._definition.edges):
            keys: Keys = ("edges", index)
            siblings = self._graph.outgoing.get(edge.start, [])
            if edge.otherwise and not any(map(self._graph.is_choice, siblings)):
                text = f"no other edge of {edge.start} is conditional; add `when` to one"
                self._report((*keys, "otherwise"), f"{text}, or remove `otherwise`")
            others = [each for each in siblings if each != edge]
            if self._graph.is_loop(edge) and all(map(self._graph.is_loop, others)):
                text = (
                    f"when the visits of `{edge.to}` are used up, no edge of `{edge.start}` is left"
                )
                cure = f"add `- {{from: {edge.start}, to: NODE, otherwise: true}}`"
                self._report(keys, f"{text}; {cure}")

    def _cycles(self) -> None:
        closing = self._graph.unbounded_cycle_edge()
        for index, edge in enumerate(self._definition.edges):
            if edge == closing:
                text = f"the edge {edge.start} -> {edge.to} closes a loop that nothing ends"
                cure = f"add `max_visits: 3` to `{edge.to}`, or remove the edge"
                self._report(("edges", index), f"{text}; {cure}")
