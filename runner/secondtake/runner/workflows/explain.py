"""From pydantic's errors to problems with a place in the file and a cure."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.workflows.schema import NODE_KINDS, Definition
from secondtake.runner.workflows.source import Keys, Source

WANTED: Final = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "a mapping",
    "model_attributes": "a mapping",
    "string": "a text",
}


def did_you_mean(name: str, known: Iterable[str], *, none: str = "") -> str:
    """Return the cure of a wrong name: the one that was meant, else all that there are."""
    names = sorted(known)
    lowered = {each.lower(): each for each in names}
    if close := get_close_matches(name.lower(), lowered, n=1, cutoff=0.6):
        return f"did you mean `{lowered[close[0]]}`?"
    return f"there are: {', '.join(f'`{each}`' for each in names)}" if names else none


def report_validation(source: Source, error: ValidationError) -> None:
    """Note every error of pydantic as a problem of the file."""
    reported: set[Keys] = set()
    for problem in error.errors(include_url=False):
        keys = _file_keys(source.data, problem["loc"])
        text, of_key = _explain(source.data, keys, problem)
        if problem["type"] == "union_tag_invalid":
            keys = (*keys, "kind")
        # Each member of a union complains of the same value: once is enough.
        if keys not in reported or of_key:
            source.report(keys, text, of_key=of_key)
        reported.add(keys)


def _file_keys(data: Any, loc: tuple[Any, ...]) -> Keys:
    """Drop what is in pydantic's location but not in the file: names of union members."""
    keys: list[str | int] = []
    if loc[:1] == ("nodes",) and len(loc) > 2:
        loc = (*loc[:2], *loc[3:])  # the kind, which may also be a key of the node: `tool`
    for position, part in enumerate(loc):
        in_list = is_list(data) and type(part) is int and part < len(data)
        if in_list or (is_object(data) and part in data):
            data = data[part]
        elif position < len(loc) - 1 or not is_object(data):
            continue
        keys.append(part)
    return tuple(keys)


def _explain(data: Any, keys: Keys, problem: Mapping[str, Any]) -> tuple[str, bool]:
    kind = str(problem["type"])
    name = keys[-1] if keys else "the workflow"
    context: Mapping[str, Any] = problem.get("ctx", {})
    if kind == "missing":
        return f"`{name}` is missing; add `{name}:`", False
    if kind == "extra_forbidden":
        return f"unknown key `{name}`; {did_you_mean(str(name), _known_keys(data, keys))}", True
    if kind == "union_tag_not_found":
        kinds = ", ".join(NODE_KINDS)
        return f"node `{name}` has no `kind`; add `kind:` with one of {kinds}", True
    if kind == "union_tag_invalid":
        tag = str(context.get("tag"))
        return f"node `{name}` has the unknown kind `{tag}`; {did_you_mean(tag, NODE_KINDS)}", False
    if kind == "literal_error":
        return f"`{name}` cannot be {problem['input']!r}; write {context['expected']}", False
    if kind in ("too_short", "string_too_short"):
        return f"`{name}` is empty; write something, or leave it out", False
    if kind.endswith("_type"):
        wanted = WANTED.get(kind.removesuffix("_type"), kind.removesuffix("_type"))
        return f"`{name}` is {_shown(problem['input'])}; write {wanted}", False
    message = str(problem["msg"])
    return f"`{name}` is {_shown(problem['input'])}; {message[0].lower()}{message[1:]}", False


def _known_keys(data: Any, keys: Keys) -> list[str]:
    """Return the keys that are allowed beside the one at `keys` and are not there yet."""
    model = model_at(data, keys[:-1])
    if model is None:
        return []
    here = data
    for key in keys[:-1]:
        here = here[key]
    return [name for name in names_of(model) if name not in here]


def names_of(model: type[BaseModel]) -> list[str]:
    """Return the keys of a part of the file, as users write them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def model_at(data: Any, keys: Keys) -> type[BaseModel] | None:
    """Return the model of the mapping at `keys`; None where any key is allowed."""
    from secondtake.runner.workflows import schema

    if not keys:
        return Definition
    sections: dict[str, type[BaseModel]] = {"inputs": schema.Input, "state": schema.StateKey}
    if keys == ("limits",):
        return schema.RunLimits
    if len(keys) == 2 and keys[0] in sections:
        return sections[str(keys[0])]
    if len(keys) == 2 and keys[0] == "edges":
        return schema.Edge
    if keys[0] == "nodes" and len(keys) == 3 and keys[2] == "retry":
        return schema.Retry
    if keys[0] == "nodes" and len(keys) == 2:
        node = data["nodes"][keys[1]]
        return NODE_KINDS.get(str(node.get("kind"))) if is_object(node) else None
    return None


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if is_object(value):
        return "a mapping"
    if is_list(value):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value).lower()
    return text if len(text) <= 40 else f"{text[:40]}..."
