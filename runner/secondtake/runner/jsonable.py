r"""How Python values become JSON, so that any value can be recorded, hashed and compared.

What JSON has is kept. What it has not is written by these rules:

    int beyond 64 bits      {"$int": "170141183460469231731687303715884105728"}
    NaN, Infinity           {"$float": "nan"}, {"$float": "inf"}, {"$float": "-inf"}
    bytes                   {"$bytes": "<base64>"}
    Decimal, UUID, Path     their text
    date, time, datetime    ISO 8601
    Enum                    its value
    set, frozenset          a list, sorted by its JSON text
    dataclass, pydantic     an object of its fields
    anything else           {"$repr": "<repr>"}
    lone surrogate in text  the six characters \udXXX
    key that is not text    its text
    a value inside itself   {"$cycle": true}
"""

import base64
import contextlib
import dataclasses
import datetime
import decimal
import enum
import math
import pathlib
import uuid
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, Final, cast

import orjson
from pydantic import BaseModel

CANONICAL: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS
INT64: Final = 1 << 63
UINT64: Final = 1 << 64
DEPTH_MAX: Final = 200
"""Deeper values are cut: DuckDB and most JSON readers refuse them."""


def canonical_bytes(value: Any) -> bytes:
    """Return JSON with sorted keys: equal values give equal bytes.

    `value` must be JSON already, see `to_json_value`.
    """
    return orjson.dumps(value, option=CANONICAL)


def to_json_value(value: Any) -> Any:
    """Return `value` as something that `orjson.dumps` takes, by the rules above. Never raises."""
    return _convert(value, depth=0, inside=())


def from_json_value(value: Any) -> Any:
    """Return what `to_json_value` was given where its result still tells: numbers and bytes."""
    if isinstance(value, list):
        return [from_json_value(item) for item in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    members = cast(dict[str, Any], value)
    if len(members) == 1:
        [(key, item)] = members.items()
        make = _FROM_JSON.get(key)
        if make is not None and isinstance(item, str):
            with contextlib.suppress(ValueError):  # somebody's own object that looks alike
                return make(item)
    return {key: from_json_value(item) for key, item in members.items()}


_FROM_JSON: Final[Mapping[str, Callable[[str], Any]]] = {
    "$int": int,
    "$float": float,
    "$bytes": partial(base64.b64decode, validate=True),
}


def clean_text(text: str) -> str:
    r"""Return `text` with each lone surrogate as the six characters `\udXXX`."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _convert(value: Any, *, depth: int, inside: tuple[int, ...]) -> Any:
    kind = cast(type[Any], type(value))
    if kind is str:
        return clean_text(value)
    if kind is bool or value is None:
        return value
    if kind is int:
        return value if -INT64 <= value < UINT64 else {"$int": str(value)}
    if kind is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if depth >= DEPTH_MAX:
        return {"$repr": "<deeper than 200 levels>"}
    if id(value) in inside:
        return {"$cycle": True}
    if isinstance(value, Mapping):
        mapping = cast(Mapping[Any, Any], value)
        return _convert_mapping(mapping, depth=depth, inside=(*inside, id(mapping)))
    if kind in (list, tuple):
        inside = (*inside, id(value))
        items = cast(list[Any], value)
        return [_convert(item, depth=depth + 1, inside=inside) for item in items]
    return _convert_object(value, depth=depth, inside=inside)


def _convert_mapping(value: Any, *, depth: int, inside: tuple[int, ...]) -> dict[str, Any]:
    return {
        clean_text(key if type(key) is str else _key_text(key)): _convert(
            item, depth=depth + 1, inside=inside
        )
        for key, item in value.items()
    }


def _key_text(key: Any) -> str:
    converted = _convert(key, depth=0, inside=())
    return converted if isinstance(converted, str) else canonical_bytes(converted).decode()


def _convert_object(value: Any, *, depth: int, inside: tuple[int, ...]) -> Any:
    try:
        plain = _as_plain(value)
    except Exception:  # noqa: BLE001 - a repr may do anything
        return {"$repr": f"<{type(value).__name__}>"}
    return _convert(plain, depth=depth + 1, inside=(*inside, id(value)))


def _as_plain(value: Any) -> Any:  # noqa: C901 - one line for each type, nothing nested
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(cast(bytes, value)).decode()}
    if isinstance(value, decimal.Decimal | uuid.UUID | pathlib.PurePath):
        return str(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, AbstractSet):
        members = cast(AbstractSet[Any], value)
        items = [_convert(item, depth=0, inside=()) for item in members]
        return sorted(items, key=canonical_bytes)
    if isinstance(value, list | tuple):
        return list(cast(list[Any], value))
    if isinstance(value, BaseModel):
        return value.model_dump(mode="python")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {"$repr": repr(value)}


def is_plain(value: Any) -> bool:
    """Tell whether a value is JSON as it is, so that it is the same when it is read again.

    A tuple counts as a list.
    """
    kind: Any = type(cast(object, value))
    if kind in (str, int, float, bool, type(None)):
        return True
    if kind in (list, tuple):
        return all(map(is_plain, value))
    if kind is dict:
        members = cast(dict[Any, Any], value)
        return all(type(key) is str and is_plain(item) for key, item in members.items())
    return False
