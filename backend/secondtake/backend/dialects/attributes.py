"""Reads attributes and remembers which were read, so that the others can be kept."""

import json
import math
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from secondtake.runner.event_scalars import INT64_MAX
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.narrow import is_list, is_object

T = TypeVar("T")

NANO_USD: Final = Decimal("1e-9")
USD_MAX: Final = Decimal(10) ** 9
"""Of a cost column: DECIMAL(18,9)."""
DEPTH_MAX: Final = 20
"""Of a flattened tree; no message is nested deeper."""


def count_of(value: Any) -> int | None:
    """Return a count, also one that is written as text; None when it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= INT64_MAX else None


def number_of(value: Any) -> float | None:
    """Return a finite number, also one that is written as text; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def usd_of(value: Any) -> Decimal | None:
    """Return US dollars as a cost column holds them, rounded to a billionth; else None.

    The decimal is that of the number's text, so 0.1 is 0.1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < USD_MAX:
        return None
    return amount.quantize(NANO_USD)


def text_of(value: Any) -> str | None:
    """Return a text that is not empty."""
    return value if isinstance(value, str) and value else None


def json_of(value: Any) -> Any:
    """Return the value that a text of JSON holds; what is no such text as it is."""
    if not isinstance(value, str) or not value.lstrip()[:1] in ("{", "[", '"'):
        return value
    try:
        return to_json_value(json.loads(value))
    except (ValueError, RecursionError):
        return value


class Attributes:
    """The attributes of one span; what is taken from here is not in `rest`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._taken: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def has(self, *prefixes: str) -> bool:
        """Tell whether an attribute's name begins with one of the prefixes."""
        return any(key.startswith(prefixes) for key in self._values)

    def raw(self, *keys: str) -> Any:
        """Take the first of the attributes that is there and not null."""
        for key in keys:
            value = self._values.get(key)
            if value is not None:
                self._taken.add(key)
                return value
        return None

    def json(self, *keys: str) -> Any:
        """Take the first of the attributes that is there, read as JSON when it is text of it."""
        return json_of(self.raw(*keys))

    def text(self, *keys: str) -> str | None:
        """Take the first of the attributes that is a text and not empty."""
        return self._first(text_of, keys)

    def count(self, *keys: str) -> int | None:
        """Take the first of the attributes that is a count."""
        return self._first(count_of, keys)

    def number(self, *keys: str) -> float | None:
        """Take the first of the attributes that is a finite number."""
        return self._first(number_of, keys)

    def usd(self, *keys: str) -> Decimal | None:
        """Take the first of the attributes that is an amount of dollars."""
        return self._first(usd_of, keys)

    def flag(self, *keys: str) -> bool | None:
        """Take the first of the attributes that is true or false, also as text."""
        return self._first(_flag_of, keys)

    def peek(self, prefix: str) -> dict[str, Any]:
        """Return all attributes below a prefix, by what follows it, and take none."""
        return {
            key.removeprefix(prefix): value
            for key, value in self._values.items()
            if key.startswith(prefix) and value is not None
        }

    def under(self, prefix: str) -> dict[str, Any]:
        """Take all attributes below a prefix, by what follows it."""
        found = self.peek(prefix)
        self._taken |= {prefix + key for key in found}
        return found

    def items(self, prefix: str) -> list[Any]:
        """Take a flattened list: `<prefix>.<index>.<field>...`, as it was before."""
        found = _listed(_unflattened(self.under(f"{prefix}.")))
        return found if is_list(found) else []

    def drop(self, *keys: str) -> None:
        """Say that attributes repeat what others said; they need not be kept."""
        self._taken |= {*keys}

    def rest(self) -> dict[str, Any]:
        """Return what nobody took."""
        return {
            key: value
            for key, value in self._values.items()
            if key not in self._taken and value is not None
        }

    def _first(self, read: Callable[[Any], T | None], keys: tuple[str, ...]) -> T | None:
        for key in keys:
            value = read(self._values.get(key))
            if value is not None:
                self._taken.add(key)
                return value
        return None


def _flag_of(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _unflattened(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tree that dotted names describe; where two contradict, the first one holds."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *path, last = key.split(".")
        if len(path) > DEPTH_MAX:
            continue
        place = tree
        for name in path:
            below = place.setdefault(name, {})
            if not is_object(below):
                break
            place = below
        else:
            place.setdefault(last, value)
    return tree


def _listed(tree: Any) -> Any:
    """Return a tree with each object whose keys are all indices as a list, in their order."""
    if is_list(tree) or not is_object(tree):
        return tree
    if tree and all(key.isascii() and key.isdigit() and len(key) < 7 for key in tree):
        return [_listed(tree[key]) for key in sorted(tree, key=int)]
    return {key: _listed(item) for key, item in tree.items()}
