"""What of a run can be different in its replay: typed paths with what they were. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeGuard

from secondtake.backend.models.records import LlmCallRow, MessageRow, ToolCallRow
from secondtake.backend.models.runs import RunFacts
from secondtake.studio.run_page.data import RunView

Form = Literal["text", "line", "json", "switch"]
"""How a value is written: many lines, one line, JSON, or not at all: it is one fixed value."""

TEXT_KEYS: Final = ("prompt", "system", "question")
LINE_KEYS: Final = ("model", "max_steps", "max_visits", "timeout_s")
JSON_KEYS: Final = ("tools", "arguments", "parameters", "schema", "choices")
NODE_KEYS: Final = ("prompt", "system", "model", "parameters", "tools", "arguments", "question",
                    "choices", "schema", "max_steps", "max_visits", "timeout_s")  # fmt: skip
"""Of a node's definition, those that one wants different, the most likely first."""
ASKING: Final = ("llm", "agent")
"""Kinds of nodes that ask a model."""
PARAMETERS: Final = ("temperature", "max_tokens", "top_p", "seed")
ROLES_OF_MESSAGES: Final = ("system", "user", "assistant", "tool", "developer")
MESSAGES_MAX: Final = 60
"""Of one call; the ones after it are as many in the terminal."""

_STEP: Final = re.compile(r"(?P<node>.+?)\[[^\]]*\]")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something that can be different."""

    path: str
    label: str
    """In a word or two."""
    was: str | None
    """What it was, as text; None when nothing was said of it."""
    form: Form = "text"
    switched_to: str = ""
    """Of a switch: its one value."""
    whole_chars: int | None = None
    """Set when `was` is only the beginning of a text that is too long to be edited on a page."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Targets that belong together."""

    title: str
    targets: tuple[Target, ...]


def nodes_of(node_path: str | None) -> tuple[str, ...]:
    """Return the names of the nodes of a path, the outermost first, without visits and branches."""
    steps = (node_path or "").split("/") if node_path else []
    found = (_STEP.fullmatch(step) for step in steps)
    return tuple(match["node"] if match else step for match, step in zip(found, steps, strict=True))


def whole_run(view: RunView) -> list[Group]:
    """Return what concerns the whole run: model, parameters, inputs, tools."""
    run = view.detail.summary
    models = [
        Target(path="model", label="model", was=usual_model(run), form="line",
               note="of all nodes that name none"),
        *(Target(path=name, label=name, was=_parameter(run, name), form="line",
                 note="of all nodes that name none") for name in PARAMETERS),
    ]  # fmt: skip
    if not is_workflow(run):
        models.insert(1, Target(path="system", label="system text", was=_system_of(view)))
    inputs = [
        _value(f"inputs.{name}", name, value)
        for name, value in (run.inputs.items() if is_workflow(run) and _is_map(run.inputs) else ())
    ]
    groups = [("All nodes", models), ("Inputs", inputs)]
    return _grouped(groups) + tools(view, names=tool_names(view))


def node(view: RunView, names: tuple[str, ...]) -> list[Group]:
    """Return what concerns one node, in the definition of which it is a part."""
    definition = _definition(view.detail.summary, names)
    if definition is None:
        return []
    path = ".".join(f"nodes.{name}" for name in names)
    targets: list[Target] = []
    asks = definition.get("kind") in ASKING
    for key in NODE_KEYS:
        if key in definition:
            targets.append(_of_node(f"{path}.{key}", key, definition[key]))
        elif asks and key in ("system", "model"):
            was = usual_model(view.detail.summary) if key == "model" else None
            form: Form = "line" if key == "model" else "text"
            targets.append(Target(path=f"{path}.{key}", label=key, was=was, form=form))
    offered = definition.get("tools")
    named = [str(each).rpartition(":")[2] for each in offered] if isinstance(offered, list) else []
    return _grouped([(f"Node {names[-1]}", targets)]) + tools(view, names=named)


def tools(view: RunView, *, names: list[str]) -> list[Group]:
    """Return what can be different about tools."""
    groups: list[Group] = []
    told = _descriptions(view)
    for name in names:
        was = told.get(name)
        groups.append(
            Group(
                title=f"Tool {name}",
                targets=(
                    Target(path=f"tools.{name}", label="switch off", was="on", form="switch",
                           switched_to="off", note="no node is offered it"),
                    Target(path=f"tools.{name}.on_miss", label="allow new calls", was="error",
                           form="switch", switched_to="live",
                           note="execute it when its arguments are new"),
                    Target(path=f"tools.{name}.description", label="description", was=was),
                    Target(path=f"tools.{name}.result", label="result of new calls", was=None,
                           form="json"),
                ),
            )
        )  # fmt: skip
    return groups


def state(values: Mapping[str, Any], clipped: Mapping[str, int]) -> list[Group]:
    """Return the state at the fork."""
    targets = [
        _value(f"state.{key}", key, value, whole_chars=clipped.get(key))
        for key, value in values.items()
    ]
    return _grouped([("State at the fork", targets)])


def llm_call(view: RunView, number: int, call: LlmCallRow) -> list[Group]:
    """Return what concerns one LLM call: its answer, and each message that it was sent."""
    answers = [view.messages.get(each) for each in call.output_message_ids or ()]
    said = next((each for each in answers if each is not None), None)
    answer = _of_message(f"llm_calls.{number}.answer", "answer", said)
    sent = [
        _of_message(
            f"llm_calls.{number}.messages.{index}",
            f"{index} {message.role if message.role in ROLES_OF_MESSAGES else 'message'}",
            message,
        )
        for index, message in enumerate(sent_messages(view, call)[:MESSAGES_MAX])
    ]
    return _grouped([(f"LLM call {number}", [answer]), ("Messages sent", sent)])


def tool_call(view: RunView, number: int, call: ToolCallRow) -> list[Group]:
    """Return what concerns one tool call: its result, and the tool."""
    whole = (call.clipped or {}).get("result")
    result = _value(f"tool_calls.{number}.result", "result", call.result, whole_chars=whole)
    named = [call.tool] if call.tool and call.span_kind != "other" else []
    return _grouped([(f"Tool call {number}", [result])]) + tools(view, names=named)


def sent_messages(view: RunView, call: LlmCallRow) -> list[MessageRow]:
    """Return the messages that a call was sent, the first one first; of those that are known."""
    found: list[MessageRow] = []
    seen: set[Any] = set()
    message_id = call.input_message_id
    while message_id is not None and message_id not in seen:
        seen.add(message_id)
        message = view.messages.get(message_id)
        if message is None:
            break
        found.append(message)
        message_id = message.parent_id
    return found[::-1]


def is_workflow(run: RunFacts) -> bool:
    """Return whether the definition of a workflow was recorded."""
    return _is_map(run.config) and _is_map(run.config.get("definition"))


def usual_model(run: RunFacts) -> str | None:
    """Return the model of all nodes that name none."""
    if _is_map(run.config):
        definition = run.config.get("definition")
        named = definition.get("model") if _is_map(definition) else None
        found = named or run.config.get("model")
        if isinstance(found, str):
            return found
    return run.models[0] if run.models else None


def top_nodes(view: RunView) -> set[str]:
    """Return the nodes at which a replay can fork: those of the outermost workflow."""
    if not is_workflow(view.detail.summary):
        return set()
    return {
        name
        for row in view.detail.node_timings
        for name in nodes_of(row.node_path)
        if len(nodes_of(row.node_path)) == 1
    }


def tool_names(view: RunView) -> list[str]:
    """Return the tools of a run: offered or called."""
    called = [row.tool for row in view.detail.tool_calls if row.tool and row.span_kind != "other"]
    return list(dict.fromkeys([*_descriptions(view), *called]))


def as_text(value: Any) -> str:
    """Return a value as one writes it: a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    line = json.dumps(value, ensure_ascii=False, default=str)
    return line if len(line) <= 80 else json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _of_node(path: str, key: str, value: Any) -> Target:
    form: Form = "text" if key in TEXT_KEYS else "line" if key in LINE_KEYS else "json"
    return Target(path=path, label=key, was=as_text(value), form=form)


def _value(path: str, label: str, value: Any, *, whole_chars: int | None = None) -> Target:
    form: Form = "text" if isinstance(value, str) else "json"
    return Target(path=path, label=label, was=as_text(value), form=form, whole_chars=whole_chars)


def _of_message(path: str, label: str, message: MessageRow | None) -> Target:
    if message is None:
        return Target(path=path, label=label, was=None)
    whole = (message.clipped or {}).get("content")
    return Target(path=path, label=label, was=message.content or "", whole_chars=whole)


def _definition(run: RunFacts, names: tuple[str, ...]) -> dict[str, Any] | None:
    config: Any = run.config
    for name in names[:-1]:
        nested = config.get("nested") if _is_map(config) else None
        config = nested.get(name) if _is_map(nested) else None
    data = config.get("definition") if _is_map(config) else None
    nodes = data.get("nodes") if _is_map(data) else None
    found = nodes.get(names[-1]) if _is_map(nodes) and names else None
    return found if _is_map(found) else None


def _descriptions(view: RunView) -> dict[str, str | None]:
    """Return what models were told of each tool."""
    found: dict[str, str | None] = {}
    for function in _functions(view):
        name, told = function.get("name"), function.get("description")
        if isinstance(name, str):
            found.setdefault(name, told if isinstance(told, str) else None)
    return found


def _functions(view: RunView) -> Iterator[dict[str, Any]]:
    for row in view.detail.tool_definitions:
        for tool in row.definitions if isinstance(row.definitions, list) else ():
            function = tool.get("function") if _is_map(tool) else None
            if _is_map(function):
                yield function


def _parameter(run: RunFacts, name: str) -> str | None:
    definition = run.config.get("definition") if _is_map(run.config) else None
    parameters = definition.get("parameters") if _is_map(definition) else None
    value = parameters.get(name) if _is_map(parameters) else None
    return None if value is None else as_text(value)


def _system_of(view: RunView) -> str | None:
    for message in view.detail.messages:
        if message.role == "system":
            return message.content
    return None


def _grouped(groups: list[tuple[str, list[Target]]]) -> list[Group]:
    return [Group(title=title, targets=tuple(found)) for title, found in groups if found]


def _is_map(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
