"""What must hold in a workflow beyond the form of its parts."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from secondtake.runner.workflows.edge_checks import EdgeChecks
from secondtake.runner.workflows.explain import did_you_mean
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.node_checks import NodeChecks
from secondtake.runner.workflows.references import RESERVED, Names, output_keys
from secondtake.runner.workflows.schema import ERRORS, Definition
from secondtake.runner.workflows.source import Keys, Source
from secondtake.runner.workflows.value_types import ANY, ValueType, parse_type

REDUCER_TYPES: Final = {
    "append": ("list", "any"),
    "add": ("integer", "number"),
    "merge": ("object",),
}


def check_definition(source: Source, definition: Definition, names: Names) -> None:
    """Note every problem of a workflow whose parts are well formed."""
    checks = Checks(source, definition)
    checks.run()
    EdgeChecks(source, definition, checks.graph, checks.types).run()
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
            self._names, self._types, self._parallel_writes, self._collected, self._output,
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

    def _collected(self) -> None:
        for name, node in self._definition.nodes.items():
            keys: Keys = ("nodes", name, "errors_to")
            if node.on_error == "fail" and "errors_to" in node.model_fields_set:
                self._report(keys, "`errors_to` goes with `on_error: collect`; add it")
            if node.on_error == "fail":
                continue
            key = self._definition.state.get(node.errors_to)
            kind = self.types.get(node.errors_to, ANY)
            if key is None:
                text = f"no state key `{node.errors_to}`; add it to `state`"
                self._report(keys, f"{text}, or leave `errors_to` out for `{ERRORS}`")
            elif key.reducer != "append" or (kind.item or ANY).name not in ("any", "object"):
                text = f"`{node.errors_to}` must take errors one after another"
                self._report(keys, f"{text}; declare it `{{type: list[object], reducer: append}}`")

    def _output(self) -> None:
        output = self._definition.output
        named = output if isinstance(output, list) else [output] if output else []
        for index, key in enumerate(named):
            if key not in self._definition.state:
                keys: Keys = ("output", index) if isinstance(output, list) else ("output",)
                text = f"no state key `{key}`; {did_you_mean(key, self._definition.state)}"
                self._report(keys, text if self._definition.state else f"{text}add it to `state`")
