"""JSON values as text: in one line, and laid out. Pure: no page, no client."""

import json
from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.formats import one_line

LINE_CHARS: Final = 300
"""More of a value is not seen in a line."""
NAME_CHARS: Final = 200
LAID_OUT_CHARS: Final = 20_000
"""Longer text is not tried as JSON."""


def name_line(name: str, *, limit: int = NAME_CHARS) -> str:
    """Return a name in one line: a name may be as long as any text."""
    return in_one_line(name, limit=limit)


def in_one_line(value: Any, *, limit: int = LINE_CHARS) -> str:
    """Return a value in one line; text that holds JSON as it is."""
    text = value if isinstance(value, str) else _dumped(value)
    line = one_line(text[: 2 * limit])
    return line if len(line) <= limit else f"{line[:limit]}…"


def laid_out(value: Any) -> str:
    """Return a value for reading: text as it is, JSON (also such that stands in text) indented."""
    if not isinstance(value, str):
        return _dumped(value, indent=2)
    if len(value) <= LAID_OUT_CHARS and value.lstrip()[:1] in ("{", "["):
        try:
            return _dumped(json.loads(value), indent=2)
        except (ValueError, RecursionError):
            return value
    return value


def text_of(value: Any) -> str | None:
    """Return the only text in a value: the value itself, or that of an object with one member."""
    if isinstance(value, Mapping) and len(value) == 1:
        value = next(iter(value.values()))
    return value if isinstance(value, str) else None


def _dumped(value: Any, *, indent: int | None = None) -> str:
    separators = None if indent else (", ", ": ")
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators, default=str)
