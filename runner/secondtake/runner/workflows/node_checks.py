"""What must hold inside the nodes: templates, outputs, answer schemas, tools and functions."""

from collections.abc import Iterator, Mapping
from typing import Any

from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.workflows.explain import did_you_mean
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.human_checks import check_human
from secondtake.runner.workflows.references import (
    Names,
    check_trusted,
    output_keys,
    written_too_late,
)
from secondtake.runner.workflows.schema import (
    VISITS,
    AgentNode,
    BaseNode,
    Definition,
    HumanNode,
    LlmNode,
    ModelNode,
    PythonNode,
    ToolNode,
    WorkflowNode,
)
from secondtake.runner.workflows.source import Keys, Source
from secondtake.runner.workflows.templates import analyse, texts_in
from secondtake.runner.workflows.value_types import ValueType


class NodeChecks:
    """Checks of each node."""

    def __init__(
        self,
        source: Source,
        definition: Definition,
        graph: Graph,
        types: Mapping[str, ValueType],
        names: Names,
    ) -> None:
        self._source = source
        self._definition = definition
        self._graph = graph
        self._types = types
        self._trusted = names.trusted_modules
        self._tools = names.tools

    def run(self) -> None:
        """Note every problem."""
        for name, node in self._definition.nodes.items():
            self._output(name, node)
            self._templates(name, node)
            if isinstance(node, LlmNode) and node.answer_schema is not None:
                self._schema(name, node.answer_schema)
            if isinstance(node, AgentNode):
                for index, tool in enumerate(node.tools):
                    self._tool(("nodes", name, "tools", index), tool)
            if isinstance(node, ToolNode):
                self._tool(("nodes", name, "tool"), node.tool)
            if isinstance(node, PythonNode):
                self._python(name, node)
            if isinstance(node, HumanNode):
                check_human(self._source, name, node, self._definition)
        for index, edge in enumerate(self._definition.edges):
            if edge.each in self._definition.state and edge.to in self._definition.nodes:
                self._written_before(("edges", index, "each"), edge.each or "", edge.to)

    def _output(self, name: str, node: BaseNode) -> None:
        keys: Keys = ("nodes", name, "output")
        state = self._definition.state
        for key in output_keys(node.output):
            place = (*keys, key) if isinstance(node.output, dict) else keys
            if key not in state:
                if key in self._definition.inputs:
                    text = f"`{key}` is an input; nodes write state keys"
                else:
                    text = f"no state key `{key}`"
                cure = did_you_mean(key, state) if state else "add it to `state`"
                self._source.report(place, f"{text}; {cure}", of_key=isinstance(node.output, dict))
            elif self._is_text(node) and not isinstance(node.output, dict):
                self._takes_text(keys, key)
        if isinstance(node.output, dict):
            self._fields(name, node, node.output)

    def _is_text(self, node: BaseNode) -> bool:
        free = isinstance(node, LlmNode) and node.answer_schema is None
        return free or isinstance(node, AgentNode)

    def _takes_text(self, keys: Keys, key: str) -> None:
        kind, reducer = self._types.get(key), self._definition.state[key].reducer
        if kind is None or kind.name in ("any", "string"):
            return
        if reducer == "append" and (kind.item is None or kind.item.name in ("any", "string")):
            return
        text = f"`{key}` is {kind}, but the node gives a text; add `schema:` to an llm node"
        self._source.report(keys, f"{text}, or change the type")

    def _fields(self, name: str, node: BaseNode, output: dict[str, str]) -> None:
        keys: Keys = ("nodes", name, "output")
        if not output:
            self._source.report(keys, "`output` is empty; name a state key, or leave it out")
        if self._is_text(node):
            self._source.report(keys, "a text has no fields; write one state key, or add `schema:`")
        if not isinstance(node, LlmNode) or node.answer_schema is None:
            return
        properties = node.answer_schema.get("properties")
        for key, wanted in output.items():
            if is_object(properties) and wanted not in properties:
                text = f"the schema has no field `{wanted}`; {did_you_mean(wanted, properties)}"
                self._source.report((*keys, key), text)

    def _templates(self, name: str, node: BaseNode) -> None:
        for keys, text in self._texts(name, node):
            analysis = analyse(text)
            if analysis.error:
                cure = "mend the template; write a literal {{ as {{ '{{' }}"
                self._source.report_in_text(
                    keys, f"not a template: {analysis.error}; {cure}", line=analysis.error_line
                )
            for visited, line in analysis.visited.items():
                if visited not in self._definition.nodes:
                    wrong = f"no node `{visited}`; {did_you_mean(visited, self._definition.nodes)}"
                    self._source.report_in_text(keys, wrong, line=line, word=visited)
            for variable, line in analysis.variables.items():
                if problem := self._variable_problem(variable, name):
                    self._source.report_in_text(keys, problem, line=line, word=variable)
                elif variable not in analysis.guarded:
                    self._written_before(keys, variable, name, line=line)

    def _texts(self, name: str, node: BaseNode) -> Iterator[tuple[Keys, str]]:
        keys: Keys = ("nodes", name)
        if isinstance(node, ModelNode):
            yield (*keys, "prompt"), node.prompt
            if node.system:
                yield (*keys, "system"), node.system
        if isinstance(node, ToolNode):
            yield from texts_in(node.arguments, (*keys, "arguments"))
        if isinstance(node, WorkflowNode):
            yield from texts_in(node.inputs, (*keys, "inputs"))
        if isinstance(node, HumanNode):
            yield (*keys, "question"), node.question
            if isinstance(node.choices, str):
                yield (*keys, "choices"), node.choices

    def _variable_problem(self, variable: str, node: str) -> str | None:
        items = {e.item_name: n for n, e in self._graph.fan_outs.items() if e.item_name}
        own = self._graph.fan_outs.get(node)
        if variable in self._types or variable == VISITS or (own and own.item_name == variable):
            return None
        if variable in items:
            return f"only the branches of `{items[variable]}` have `{variable}`; use another name"
        known = [*self._types, *([own.item_name] if own and own.item_name else [])]
        return f"no input or state key `{variable}`; {did_you_mean(variable, known)}"

    def _written_before(self, keys: Keys, key: str, node: str, *, line: int = 0) -> None:
        """Note the use of a key that holds nothing yet when `node` begins."""
        late = written_too_late(key, node, self._definition, self._graph)
        if late and line:
            self._source.report_in_text(keys, late, line=line, word=key)
        elif late:
            self._source.report(keys, late)

    def _schema(self, name: str, schema: dict[str, Any]) -> None:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError

        keys: Keys = ("nodes", name, "schema")
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            where = (*keys, *error.absolute_path)
            self._source.report(where, f"not a JSON Schema: {error.message}; correct it")
        for where, reference in _references(schema, keys):
            if not reference.startswith("#"):
                text = f"`$ref: {reference}` points outside; only `#/...` references are followed"
                self._source.report(where, f"{text}; write it into this schema")

    def _tool(self, keys: Keys, name: str) -> None:
        if ":" in name:
            if problem := check_trusted(name, self._trusted):
                self._source.report(keys, problem)
        elif name not in self._tools:
            text = f"no tool `{name}`; {did_you_mean(name, self._tools)}"
            self._source.report(keys, f"{text} (own tools: `module:function`)")

    def _python(self, name: str, node: PythonNode) -> None:
        keys: Keys = ("nodes", name)
        if problem := check_trusted(node.function, self._trusted):
            self._source.report((*keys, "function"), problem)
        for index, wanted in enumerate(node.inputs):
            if problem := self._variable_problem(wanted, name):
                self._source.report((*keys, "inputs", index), problem)
            else:
                self._written_before((*keys, "inputs", index), wanted, name)


def _references(schema: Any, keys: Keys) -> Iterator[tuple[Keys, str]]:
    if is_object(schema):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield (*keys, key), value
            else:
                yield from _references(value, (*keys, key))
    elif is_list(schema):
        for index, item in enumerate(schema):
            yield from _references(item, (*keys, index))
