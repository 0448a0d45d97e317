"""How recorded values, which may hold anything, become text on a screen."""

import json
from typing import Any, Final

from secondtake.backend.formats import one_line, visible

TEXT_CHARACTERS: Final = 20_000
"""A single text is cut here; `--json` has the whole."""
INDENT: Final = "  "


def text_of(value: Any) -> str:
    """Return a JSON value as readable text: texts as they are, the rest as indented JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=2, ensure_ascii=False)


def one_line_value(value: Any) -> str:
    """Return a JSON value in one line, safe to print."""
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def clip(text: str, limit: int = TEXT_CHARACTERS) -> str:
    """Return at most `limit` characters, and say how many more there are."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit:,} more characters: --json)"


def indented(text: str, indent: str = INDENT) -> list[str]:
    """Return foreign text as indented lines, safe to print."""
    return [(indent + line).rstrip() for line in visible(clip(text)).split("\n")]
