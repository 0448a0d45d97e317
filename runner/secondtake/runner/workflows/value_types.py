"""The types of inputs and state: `string`, `integer`, `list[string]`, ...

All values of a workflow are JSON values, so that each can be recorded, shown and restored.
"""

import copy
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from secondtake.runner.narrow import is_list, is_object

SIMPLE: Final = ("any", "boolean", "integer", "list", "number", "object", "string")
LIST_OF: Final = re.compile(r"^list\[(?P<item>.+)\]$")

Reducer = Literal["replace", "append", "add", "merge"]
"""How a node's value joins what a key holds."""

OPERATIONS: Final[dict[str, Literal["set", "append", "add", "merge"]]] = {
    "replace": "set",
    "append": "append",
    "add": "add",
    "merge": "merge",
}
"""The recorded operation of each reducer."""


@dataclass(frozen=True)
class ValueType:
    """A type of values."""

    name: str
    item: "ValueType | None" = None
    """Type of the items when this is `list[...]`."""

    def __str__(self) -> str:
        return f"list[{self.item}]" if self.item else self.name

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with `value`, or None when it fits."""
        if not self._fits(value):
            return f"{_described(value)} is not {_article(str(self))}"
        if self.name in ("any", "object", "list") and not is_json(value):
            return "it holds something that JSON has not"
        if self.item:
            for index, entry in enumerate(value):
                if found := self.item.problem(entry):
                    return f"item {index + 1}: {found}"
        return None

    def _fits(self, value: Any) -> bool:
        if self.name == "any":
            return True
        if isinstance(value, bool):
            return self.name == "boolean"
        kinds: dict[str, Any] = {
            "boolean": bool, "integer": int, "list": list, "number": (int, float),
            "object": dict, "string": str,
        }  # fmt: skip
        return isinstance(value, kinds[self.name])


ANY: Final = ValueType("any")


def parse_type(text: str) -> ValueType:
    """Parse `string`, `list[string]`, `list[list[number]]`, ...

    Raises:
        ValueError: there is no such type.
    """
    text = text.strip()
    if text in SIMPLE:
        return ValueType(text)
    if found := LIST_OF.match(text):
        return ValueType("list", parse_type(found["item"]))
    raise ValueError(f"unknown type {text!r}")


def is_json(value: Any, depth: int = 0) -> bool:
    """Say whether a value is made of JSON's types only."""
    if depth > 100:
        return False
    if value is None or isinstance(value, str | bool | int | float):
        return True
    if is_list(value):
        return all(is_json(item, depth + 1) for item in value)
    if is_object(value):
        return all(type(k) is str and is_json(v, depth + 1) for k, v in value.items())
    return False


def change_for(value: Any, kind: ValueType, reducer: Reducer) -> Any:
    """Return `value` as the reducer takes it: an item to append becomes a list of one.

    Raises:
        ValueError: the value does not fit the type; the text says how.
    """
    if reducer != "append":
        if problem := kind.problem(value):
            raise ValueError(problem)
        return value
    item = kind.item or ANY
    if item is ANY or item.name == "any":
        return value if is_list(value) else [value]
    problem = item.problem(value)
    if problem is None:
        return [value]
    if is_list(value):
        if problem := kind.problem(value):
            raise ValueError(problem)
        return value
    raise ValueError(problem)


def reduce(current: Any, change: Any, reducer: Reducer) -> Any:
    """Return what a key holds after a change; `current` stays as it is. None counts as empty."""
    if reducer == "append":
        return [*(current or []), *copy.deepcopy(change)]
    if reducer == "add":
        return (current or 0) + change
    if reducer == "merge":
        before: dict[str, Any] = current or {}
        return {**before, **copy.deepcopy(change)}
    return copy.deepcopy(change)


def _described(value: Any) -> str:
    names: dict[Any, str] = {str: "the text", bool: "the boolean", int: "the number", float: "the number",
             list: "a list", dict: "an object", type(None): "null"}  # fmt: skip
    name = names.get(type(value), f"a Python {type(value).__name__}")
    if isinstance(value, str):
        return f"{name} {value[:40]!r}"
    if isinstance(value, bool | int | float):
        return f"{name} {str(value).lower()}"
    return name


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aio' else 'a'} {name}"
