"""What a cut-off piece of JSON says, in one line for a person.

The list has only the first characters of inputs and output, as JSON: a string without its end, an
object without its last keys.
"""

import json
from typing import Any, Final

from secondtake.backend.formats import one_line

TELLING_CHARS: Final = 20
"""A text of at least this length says more than the names and numbers around it."""

_CLOSING: Final = {"{": "}", "[": "]"}


def said(preview: str | None) -> str | None:
    """Return what inputs or output say: the longest text in them, else each key with its value."""
    if preview is None:
        return None
    value, whole = _read(preview)
    text = _told(value) if value is not None or whole else preview
    return one_line(text if whole else f"{text}…")


def _told(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        texts = [text for text in value.values() if isinstance(text, str)]
        longest = max(texts, key=len, default="")
        if len(longest) >= TELLING_CHARS or (len(value) == 1 and texts):
            return longest
        return " · ".join(f"{name} {_short(each)}" for name, each in value.items())
    return _short(value)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(preview: str) -> tuple[Any, bool]:
    """Return the value, and whether it is whole; None and False for what cannot be made whole."""
    try:
        return json.loads(preview), True
    except ValueError:
        pass
    # A key without its value, half an escape or half a number at the end: go back a little.
    for end in range(len(preview), max(len(preview) - 40, 0), -1):
        try:
            return json.loads(_closed(preview[:end])), False
        except ValueError:
            continue
    return None, False


def _closed(text: str) -> str:
    """Return JSON with the quote and brackets that are open at its end."""
    opened: list[str] = []
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in _CLOSING:
            opened.append(_CLOSING[character])
        elif character in "}]" and opened:
            opened.pop()
    return text + ('"' if in_string else "") + "".join(reversed(opened))
