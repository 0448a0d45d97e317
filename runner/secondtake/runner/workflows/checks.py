"""What must hold in a workflow beyond the form of its parts."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from secondtake.runner.workflows.explain import did_you_mean
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.node_checks import NodeChecks
from secondtake.runner.workflows.references import Names, output_keys
from secondtake.runner.workflows.schema import END, START, Definition, Edge
from secondtake.runner.workflows.source import Keys, Source
from secondtake.runner.workflows.value_types import ANY, ValueType, parse_type

RESERVED: Final = frozenset({START, END, "loop", "self", "super", "true", "false", "none", "not",
                             "and", "or", "in", "is", "if", "else"})  # fmt: skip
REDUCER_TYPES: Final = {
    "append": ("list", "any"),
    "add": ("integer", "number"),
    "merge": ("object",),
}


def check_definition(source: Source, definition: Definition, names: Names) -> None:
    """Note every problem of a workflow whose parts are well formed."""
    checks = Checks(source, definition)
    checks.run()
    NodeChecks(source, definition, checks.graph, checks.types, names).run()


class Checks:
    """Checks of names, types, edges and of who writes which key."""

    def __init__(self, source: Source, definition: Definition) -> None:
        self._source = source
        self._definition = definition
        self.graph = Graph(definition)
        self.types: dict[str, ValueType] = {}

    def run(self) -> None:
        """Note every problem."""
        steps: Iterable[Callable[[], None]] = (
            self._names, self._types, self._edge_ends, self._fan_outs, self._reach, self._cycles,
            self._parallel_writes, self._output,
        )  # fmt: skip
        for step in steps:
            step()

    def _report(self, keys: Keys, text: str, *, of_key: bool = False) -> None:
        self._source.report(keys, text, of_key=of_key)

    def _names(self) -> None:
        definition = self._definition
        for section in ("inputs", "state", "nodes"):
            for name in getattr(definition, section):
                plain = name.replace("-", "_") if section == "nodes" else name
                if not (plain.isascii() and plain.isidentifier()) or name in RESERVED:
                    text = f"`{name}` cannot be a name; use letters, digits and _"
                    self._report((section, name), text, of_key=True)
        for name in definition.state.keys() & definition.inputs.keys():
            text = f"`{name}` is an input already; choose another name"
            self._report(("state", name), text, of_key=True)

    def _types(self) -> None:
        for name, given in self._definition.inputs.items():
            self._type_of(("inputs", name), given.type, given.default)
        for name, key in self._definition.state.items():
            kind = self._type_of(("state", name), key.type, key.default)
            allowed = REDUCER_TYPES.get(key.reducer)
            if allowed and kind.name not in allowed and (key.type != "any" or kind is not ANY):
                text = f"`{key.reducer}` needs {' or '.join(allowed)}, `{name}` is {kind}"
                self._report(("state", name, "reducer"), f"{text}; change one of them")
            elif allowed and "any" not in allowed and kind is ANY:
                text = f"`{key.reducer}` needs a type; add `type: {allowed[-1]}`"
                self._report(("state", name, "reducer"), text)

    def _type_of(self, keys: Keys, name: str, default: Any) -> ValueType:
        try:
            kind = parse_type(name)
        except ValueError:
            kind = ANY
            text = "string, integer, number, boolean, object, list, any and list[TYPE]"
            self._report((*keys, "type"), f"unknown type `{name}`; there are: {text}")
        if default is not None and (problem := kind.problem(default)):
            self._report((*keys, "default"), f"wrong default: {problem}; change it or the type")
        self.types[str(keys[-1])] = kind if name != "any" else ANY
        return self.types[str(keys[-1])]

    def _edge_ends(self) -> None:
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
        kind = self.types.get(each)
        if kind is None:
            text = f"no input or state key `{each}`; {did_you_mean(each, self.types)}"
            self._report((*keys, "each"), text)
        elif kind.name not in ("list", "any"):
            text = f"`{each}` is {kind} and not a list; fan out over a list"
            self._report((*keys, "each"), text)
        if not item_name.isidentifier() or item_name in RESERVED or item_name in self.types:
            text = f"a branch's item cannot be called `{item_name}`; choose a name that is free"
            self._report((*keys, "as"), text)
        if edge.to == END:
            self._report((*keys, "to"), "END cannot run once an item; fan out to a node")
        elif len(self.graph.incoming.get(edge.to, [])) > 1:
            text = f"`{edge.to}` runs once an item, so only this edge may lead to it"
            self._report((*keys, "to"), f"{text}; remove the others")

    def _reach(self) -> None:
        graph = self.graph
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

    def _cycles(self) -> None:
        closing = self.graph.cycle_edges()
        for index, edge in enumerate(self._definition.edges):
            if edge in closing:
                text = f"the edge {edge.start} -> {edge.to} is part of a cycle that never ends"
                self._report(("edges", index), f"{text}; remove an edge of it")
                return

    def _parallel_writes(self) -> None:
        writers: dict[str, list[str]] = {}
        for name, node in self._definition.nodes.items():
            for key in output_keys(node.output):
                state = self._definition.state.get(key)
                if state is None or state.reducer != "replace":
                    continue
                writers.setdefault(key, []).append(name)
                if name in self.graph.fan_outs:
                    text = f"every branch of `{name}` would replace `{key}`; give the key a reducer"
                    self._report(("nodes", name, "output"), f"{text}, for example `append`")
        for key, names in writers.items():
            for first, second in self.graph.parallel_pairs(names):
                text = f"`{first}` and `{second}` run in parallel and both replace `{key}`"
                self._report(("nodes", second, "output"), f"{text}; use two keys, or a reducer")

    def _output(self) -> None:
        output = self._definition.output
        named = output if isinstance(output, list) else [output] if output else []
        for index, key in enumerate(named):
            if key not in self._definition.state:
                keys: Keys = ("output", index) if isinstance(output, list) else ("output",)
                text = f"no state key `{key}`; {did_you_mean(key, self._definition.state)}"
                self._report(keys, text if self._definition.state else f"{text}add it to `state`")
