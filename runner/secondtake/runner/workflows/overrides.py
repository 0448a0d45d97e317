"""Changing a workflow from outside: `--set nodes.plan.model=sim/fast`.

A path names a place of the definition, or an input (`inputs.topic=heat pumps`). Values are YAML,
so that `0.1`, `true` and `[a, b]` are what they look like; a text is taken literally where only a
text can stand. The changed definition is checked as a file is.
"""

import copy
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.settings import Settings
from secondtake.runner.workflows.explain import did_you_mean, model_at, names_of
from secondtake.runner.workflows.load import Workflow, check_source, nesting_of
from secondtake.runner.workflows.schema import Definition, WorkflowNode
from secondtake.runner.workflows.source import Keys, Source, parse_source, parse_value

OPEN_MAPPINGS = ("parameters", "schema", "arguments", "output")
"""Mappings in which any key may be set."""


@dataclass(frozen=True, kw_only=True)
class Override:
    """One `PATH=VALUE`."""

    path: str
    text: str
    within: str = ""
    """The path of the nested workflow that it changes: `nodes.triage.`."""

    @property
    def flag(self) -> str:
        """How the user wrote it."""
        return f"--set {self.within}{self.path}"


def parse_override(text: str, *, within: str = "") -> Override:
    """Split `PATH=VALUE`.

    Raises:
        UsageError: there is no `=`, or no path.
    """
    path, sign, value = text.partition("=")
    if not sign or not path.strip():
        raise UsageError(f"--set {text}: write PATH=VALUE, for example --set model=sim/fast.")
    return Override(path=path.strip(), text=value, within=within)


def apply_overrides(
    workflow: Workflow,
    overrides: Sequence[str],
    *,
    settings: Settings,
    tools: Sequence[str] = (),
    within: str = "",
) -> tuple[Workflow, dict[str, str]]:
    """Return the changed workflow, and the inputs that were set, as text.

    A path that goes on below a workflow node changes what is nested in it:
    `nodes.triage.nodes.classify.model`. `tools` are names of tools that there are beside the
    built-in ones; `within` is the path of a nested workflow, for the texts of errors.

    Raises:
        UsageError: a path does not exist; the text says which one may have been meant.
        WorkflowError: the changed definition has problems.
    """
    parsed = [parse_override(text, within=within) for text in overrides]
    inputs = {o.path.removeprefix("inputs."): o.text for o in parsed if _is_input(o, workflow)}
    others = [override for override in parsed if not _is_input(override, workflow)]
    below = {name: list[str]() for name in workflow.nested}
    changes: list[Override] = []
    for override in others:
        node, path = _below(override, workflow)
        if node:
            below[node].append(f"{path}={override.text}")
        else:
            changes.append(override)
    if changes:
        workflow = _changed(workflow, changes, settings=settings, tools=tools)
    for node, texts in below.items():
        if texts:
            place = f"{within}nodes.{node}."
            inner, _ = apply_overrides(
                workflow.nested[node], texts, settings=settings, tools=tools, within=place
            )
            told = {f"nodes.{node}.{path}": value for path, value in inner.overrides.items()}
            workflow = replace(
                workflow,
                nested={**workflow.nested, node: inner},
                overrides={**workflow.overrides, **told},
            )
    return workflow, inputs


def _below(override: Override, workflow: Workflow) -> tuple[str, str]:
    """Return the workflow node that a path goes on below, and the rest of the path."""
    section, _, rest = override.path.partition(".")
    node, _, path = rest.partition(".")
    key = path.partition(".")[0]
    own = names_of(WorkflowNode)
    if section != "nodes" or node not in workflow.nested or not key or key in own:
        return "", ""
    return (node, path) if key in names_of(Definition) else ("", "")


def _changed(
    workflow: Workflow, changes: Sequence[Override], *, settings: Settings, tools: Sequence[str]
) -> Workflow:
    source = _source_of(workflow)
    values: dict[str, Any] = {}
    for override in changes:
        keys = _resolve(source.data, override)
        values[override.path] = _set(source, keys, override)
    nesting = nesting_of(workflow, settings)
    definition, nested = check_source(source, nesting, tools=tools)
    return replace(
        workflow, definition=definition, data=source.data, overrides=values, nested=nested
    )


def _is_input(override: Override, workflow: Workflow) -> bool:
    section, _, name = override.path.partition(".")
    if section != "inputs" or "." in name:
        return False
    known = workflow.definition.inputs
    if name not in known:
        cure = did_you_mean(name, known, none="the workflow has no inputs")
        raise UsageError(f"{override.flag}: no input `{name}`; {cure}")
    return True


def _source_of(workflow: Workflow) -> Source:
    if not workflow.source:
        return Source(name=workflow.name, text="", data=copy.deepcopy(dict(workflow.data)))
    return parse_source(workflow.source, name=str(workflow.path or workflow.name))


def _resolve(data: Any, override: Override) -> Keys:
    """Return the keys of a path, checking each step."""
    keys: Keys = ()
    parts = override.path.split(".")
    for position, part in enumerate(parts):
        if any(key in OPEN_MAPPINGS for key in keys):
            return (*keys, *parts[position:])
        here = _get(data, keys)
        if is_list(here):
            keys = (*keys, _index(here, part, override))
            continue
        known = _known(data, keys, here)
        if known is not None and part not in known:
            raise UsageError(f"{override.flag}: {_unknown(keys, part, known)}")
        keys = (*keys, part)
    return keys


def _index(here: list[Any], part: str, override: Override) -> int:
    if not part.isdigit() or int(part) >= len(here):
        raise UsageError(
            f"{override.flag}: no item `{part}` in a list of {len(here)}; the first is 0"
        )
    return int(part)


def _known(data: Any, keys: Keys, here: Any) -> list[str] | None:
    model = model_at(data, keys)
    if model is not None:
        return names_of(model)
    return list(here) if is_object(here) else []


def _unknown(keys: Keys, part: str, known: Sequence[str]) -> str:
    what = {"nodes": "node", "state": "state key", "inputs": "input"}
    kind = what.get(str(keys[-1]), "key") if len(keys) == 1 else "key"
    where = f" in {'.'.join(map(str, keys))}" if kind == "key" and keys else ""
    cure = did_you_mean(part, known, none="nothing can be set below it")
    return f"no {kind} `{part}`{where}; {cure}"


def _set(source: Source, keys: Keys, override: Override) -> Any:
    value = _value(source.data, keys, override)
    _put(source.data, keys, value, flag=override.flag)
    source.origins[keys] = override.flag
    return value


def _put(here: Any, keys: Keys, value: Any, *, flag: str) -> None:
    """Set a value below `here`, making the mappings on the way to it."""
    key = keys[0]
    if len(keys) == 1:
        here[key] = value
        return
    below = here.setdefault(str(key), {}) if is_object(here) else here[key]
    if not (is_object(below) or is_list(below)):
        raise UsageError(f"{flag}: `{key}` is a value, nothing can be set below it")
    _put(below, keys[1:], value, flag=flag)


def _value(data: Any, keys: Keys, override: Override) -> Any:
    model = model_at(data, keys[:-1])
    if model is not None and _is_text_field(model, str(keys[-1])):
        return override.text
    return parse_value(override.text, flag=override.flag)


def _is_text_field(model: type[BaseModel], name: str) -> bool:
    for field_name, field in model.model_fields.items():
        if (field.alias or field_name) == name:
            annotation: Any = field.annotation
            if get_origin(annotation) in (Union, types.UnionType):
                annotation = [a for a in get_args(annotation) if a is not type(None)]
                annotation = annotation[0] if len(annotation) == 1 else None
            while hasattr(annotation, "__metadata__"):
                annotation = annotation.__origin__
            return annotation is str
    return False


def _get(data: Any, keys: Keys) -> Any:
    for key in keys:
        if is_list(data) and isinstance(key, int):
            data = data[key]
        elif is_object(data):
            data = data.get(str(key))
    return data


def convert_inputs(
    definition: Definition, given: Mapping[str, Any], texts: Mapping[str, str], *, where: str
) -> dict[str, Any]:
    """Return the value of every input, of the declared type, defaults filled in.

    Args:
        definition: The workflow.
        given: Values from code, or texts from the command line.
        texts: Values of `--set inputs.NAME=...`, which win.
        where: The command to type, for the cure of a missing input.

    Raises:
        UsageError: an input is unknown, missing, or has the wrong type.
    """
    from secondtake.runner.workflows.value_types import parse_type

    problems: list[str] = []
    values: dict[str, Any] = {}
    for name in given.keys() - definition.inputs.keys():
        cure = did_you_mean(name, definition.inputs, none="the workflow has no inputs")
        problems.append(f"No input `{name}`; {cure}")
    for name, described in definition.inputs.items():
        raw = texts.get(name, given.get(name))
        if name not in texts and name not in given:
            if described.required:
                problems.append(f"Input `{name}` is missing; {where.format(name=name)}")
            values[name] = described.default
            continue
        kind = parse_type(described.type)
        values[name] = _converted(raw, described.type, name)
        if problem := kind.problem(values[name]):
            problems.append(f"Input `{name}` must be {described.type}: {problem}.")
    if problems:
        raise UsageError("\n".join(sorted(problems)))
    return values


def _converted(raw: Any, type_name: str, name: str) -> Any:
    """Return a text from the command line as what it looks like; all else as it is."""
    if not isinstance(raw, str) or type_name == "string":
        return raw
    try:
        value = parse_value(raw, flag=f"input `{name}`")
    except UsageError:
        return raw
    if type_name == "list[string]" and is_list(value):
        return [item if isinstance(item, str) else str(item) for item in value]
    return value
