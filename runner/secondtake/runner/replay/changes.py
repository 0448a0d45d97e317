"""What a replay is to have different: typed paths and their values, `--set PATH=VALUE`.

inputs.topic                 an input
model, temperature           of all nodes that name none; `temperature` is `parameters.temperature`
nodes.write.prompt           any place of the workflow's definition
system                       the system message, of runs that are none of a workflow
tools.NAME                   `off`: no node is offered the tool
tools.NAME.description       what models are told of it
tools.NAME.on_miss           `error` or `live`: what becomes of a call with new arguments
tools.NAME.result            what every call without a recorded answer gives
state.KEY                    the state at the fork; needs `--from`
tool_calls.3.result          another result of the third tool call
llm_calls.2.answer           another answer of the second LLM call
llm_calls.2.messages.0       another text of the first message that the second LLM call was sent
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from secondtake.runner.errors import UsageError
from secondtake.runner.events import Policy
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.replay.options import MessageEdit, ReplayOptions, ToolRule
from secondtake.runner.replay.recording import Recording
from secondtake.runner.workflows.explain import did_you_mean
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.source import parse_value

SECTIONS: Final = (
    "concurrency", "description", "edges", "inputs", "limits", "llm_calls", "max_tokens", "model",
    "nodes", "output", "parameters", "seed", "state", "system", "temperature", "tool_calls", "tools", "top_p",
)  # fmt: skip
SHORT: Final = ("temperature", "seed", "top_p", "max_tokens")
"""Parameters that may be named without `parameters.`."""
OFF: Final = "off"


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What is to be different, sorted by who sees to it."""

    definition: tuple[str, ...] = ()
    """`PATH=VALUE` texts of the workflow's definition and inputs."""
    tools_off: frozenset[str] = frozenset()
    descriptions: Mapping[str, str] = field(default_factory=dict[str, str])
    """What models are told of a tool, by its name."""
    options: ReplayOptions = field(default_factory=ReplayOptions)


def read_changes(
    texts: Sequence[str],
    recording: Recording,
    *,
    llm: Policy = "auto",
    tools: Policy = "auto",
    from_node: str | None = None,
) -> Changes:
    """Sort `PATH=VALUE` texts, and check those that are about what was recorded.

    Raises:
        UsageError: a path is unknown, a value does not fit, or nothing of that number was recorded.
    """
    reader = _Reader(recording)
    for text in texts:
        reader.read(text)
    if reader.state and from_node is None:
        key = next(iter(reader.state))
        raise UsageError(f"--set state.{key}: say from which node on, with --from NODE.")
    options = ReplayOptions(
        llm=llm,
        tools=tools,
        from_node=from_node,
        tool_rules=reader.rules,
        tool_results=reader.results,
        answers=reader.answers,
        messages=tuple(reader.messages),
        state=reader.state,
        overrides=reader.told,
    )
    return Changes(
        definition=tuple(reader.definition),
        tools_off=frozenset(reader.tools_off),
        descriptions=reader.descriptions,
        options=options,
    )


def sampling(changes: Changes) -> Changes:
    """Return the same for a repeat: executed from the first LLM call that may answer otherwise."""
    return replace(changes, options=replace(changes.options, samples=True))


class _Reader:
    """Takes one text after the other."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.definition: list[str] = []
        self.tools_off: set[str] = set()
        self.descriptions: dict[str, str] = {}
        self.rules: dict[str, ToolRule] = {}
        self.results: dict[int, Any] = {}
        self.answers: dict[int, str] = {}
        self.messages: list[MessageEdit] = []
        self.state: dict[str, Any] = {}
        self.told: dict[str, Any] = {}

    def read(self, text: str) -> None:
        path, sign, value = text.partition("=")
        path = path.strip()
        if not sign or not path:
            raise UsageError(f"--set {text}: write PATH=VALUE, for example --set model=sim/weak.")
        section, *rest = path.split(".")
        if section not in SECTIONS:
            raise UsageError(f"--set {path}: no `{section}`; {did_you_mean(section, SECTIONS)}")
        self.told[path] = value
        if section == "tools":
            self._tool(path, rest, value)
        elif section == "tool_calls":
            self._tool_call(path, rest, value)
        elif section == "llm_calls":
            self._llm_call(path, rest, value)
        elif section == "state" and len(rest) == 1:
            is_text = self._type_of_state(rest[0]) == "string"
            self.state[rest[0]] = value if is_text else parse_value(value, flag=f"--set {path}")
        elif section in SHORT:
            self.definition.append(f"parameters.{path}={value}")
        else:
            self.definition.append(f"{path}={value}")

    def _tool(self, path: str, rest: list[str], value: str) -> None:
        name, field_name = [*rest, "", ""][:2]
        known = self._known_tools()
        if name not in known:
            cure = did_you_mean(name, known, none="the run had no tools")
            raise UsageError(f"--set {path}: no tool `{name}`; {cure}")
        if not field_name:
            if value != OFF:
                raise UsageError(f"--set {path}={value}: a tool can only be switched `off`.")
            self.tools_off.add(name)
        elif field_name == "description":
            self.descriptions[name] = value
        elif field_name == "on_miss" and value in ("error", "live"):
            self.rules[name] = ToolRule(on_miss="live" if value == "live" else "error")
        elif field_name == "on_miss":
            raise UsageError(f"--set {path}={value}: write `error` or `live`.")
        elif field_name == "result":
            result = parse_value(value, flag=f"--set {path}")
            self.rules[name] = ToolRule(on_miss="static", result=result)
        else:
            fields = ("description", "on_miss", "result")
            cure = did_you_mean(field_name, fields)
            raise UsageError(f"--set {path}: a tool has no `{field_name}`; {cure}")

    def _type_of_state(self, key: str) -> Any:
        """Return the declared type of a state key; None when it is not known."""
        found: Any = self._recording.start.config
        for name in ("definition", "state", key):
            found = found.get(name) if is_object(found) else None
        return found.get("type") if is_object(found) else found

    def _known_tools(self) -> set[str]:
        offered = {
            str(tool["function"].get("name"))
            for tools in self._recording.tool_definitions.values()
            for tool in tools
            if is_object(tool.get("function"))
        }
        called = {call.tool for call in self._recording.tool_calls if call.span_kind != "other"}
        return offered | called

    def _tool_call(self, path: str, rest: list[str], value: str) -> None:
        number = self._number(path, rest, count=len(self._recording.tool_calls), what="tool call")
        if rest[1:] != ["result"]:
            raise UsageError(f"--set {path}: write tool_calls.{number}.result=VALUE.")
        recorded = self._recording.tool_calls[number - 1].result
        literal = isinstance(recorded, str)
        self.results[number] = value if literal else parse_value(value, flag=f"--set {path}")

    def _llm_call(self, path: str, rest: list[str], value: str) -> None:
        number = self._number(path, rest, count=len(self._recording.llm_calls), what="LLM call")
        if rest[1:] == ["answer"]:
            self.answers[number] = value
            return
        if len(rest) < 3 or rest[1] != "messages" or rest[3:] not in ([], ["content"]):
            raise UsageError(
                f"--set {path}: write llm_calls.{number}.answer=TEXT or "
                f"llm_calls.{number}.messages.INDEX=TEXT."
            )
        sent = self._recording.prompt_of(self._recording.llm_calls[number - 1])
        if not rest[2].isdigit() or int(rest[2]) >= len(sent):
            raise UsageError(
                f"--set {path}: LLM call {number} was sent {len(sent)} messages; the first is 0."
            )
        self.messages.append(MessageEdit(call=number, index=int(rest[2]), content=value))

    def _number(self, path: str, rest: list[str], *, count: int, what: str) -> int:
        given = rest[0] if rest else ""
        if not given.isdigit() or not 1 <= int(given) <= count:
            raise UsageError(
                f"--set {path}: no {what} {given or '?'}; the run has {count}, the first is 1."
            )
        return int(given)


def without_tools(
    data: Mapping[str, Any],
    nested: Mapping[str, Workflow],
    off: frozenset[str],
    *,
    within: str = "",
) -> list[str]:
    """Return the `PATH=VALUE` texts that take tools away from the nodes of a definition.

    Args:
        data: the definition.
        nested: the workflows inside it, by node.
        off: names of tools.
        within: path of the workflow that is nested: `nodes.triage.`.

    Raises:
        UsageError: a node is nothing but the call of such a tool.
    """
    texts: list[str] = []
    for name, node in _nodes(data):
        if (tool := _plain_name(node.get("tool"))) in off:
            raise UsageError(
                f"--set tools.{tool}=off: node `{name}` does nothing but call it; "
                f"give it a result with --set tools.{tool}.result=VALUE."
            )
        tools: Any = node.get("tools")
        if is_list(tools) and any(_plain_name(tool) in off for tool in tools):
            kept = [str(tool) for tool in tools if _plain_name(tool) not in off]
            texts.append(f"{within}nodes.{name}.tools=[{', '.join(map(json.dumps, kept))}]")
    for name, inner in nested.items():
        below = f"{within}nodes.{name}."
        texts += without_tools(inner.data, inner.nested, off, within=below)
    return texts


def check_named(
    data: Mapping[str, Any], nested: Mapping[str, Workflow], off: frozenset[str]
) -> None:
    """Raise when no node names a tool that is to be switched off: its own name may be another."""
    unnamed = sorted(off - _named_tools(data, nested))
    if unnamed:
        raise UsageError(
            f"--set tools.{unnamed[0]}=off: no node names a tool like this; say which tools are "
            "left with --set nodes.NODE.tools=[...]."
        )


def _named_tools(data: Mapping[str, Any], nested: Mapping[str, Workflow]) -> set[str]:
    names = {_plain_name(node.get("tool")) for _, node in _nodes(data)}
    for _, node in _nodes(data):
        tools: Any = node.get("tools")
        names |= {_plain_name(tool) for tool in (tools if is_list(tools) else [])}
    for inner in nested.values():
        names |= _named_tools(inner.data, inner.nested)
    return names


def _nodes(data: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    nodes = data.get("nodes")
    found = nodes.items() if is_object(nodes) else ()
    return [(name, node) for name, node in found if is_object(node)]


def _plain_name(tool: Any) -> str:
    """Return what models call a tool that a node names, as far as its name tells."""
    return str(tool).rpartition(":")[2]
