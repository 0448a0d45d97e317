"""Inputs of many runs as text: one JSON object a line, in a file or pasted."""

import json
from typing import Any, Final

from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object

BYTE_ORDER_MARK: Final = "\ufeff"
"""Some editors begin a file so."""


def cases_of(text: str, *, name: str) -> list[dict[str, Any]]:
    """Return the inputs that a text holds; empty lines are none.

    Args:
        text: one JSON object a line.
        name: what refusals call the text.

    Raises:
        UsageError: a line is wrong; the sentence begins with `name:line`.
    """
    # Not `splitlines`: a JSON text may hold the other signs that it takes for an end of line.
    lines = text.removeprefix(BYTE_ORDER_MARK).split("\n")
    return [
        object_of(line, place=f"{name}:{number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]


def object_of(line: str | bytes, *, place: str) -> dict[str, Any]:
    """Return the inputs that a line holds.

    Args:
        line: JSON.
        place: where it stands, for the refusal.

    Raises:
        UsageError: it is no JSON object.
    """
    try:
        value = json.loads(line.rstrip())
    except UnicodeDecodeError:
        raise UsageError(f"{place}: is not UTF-8 text.") from None
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or "it is nested too deeply"
        column = f":{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"{place}{column}: no JSON ({reason}); write one object a line.") from None
    if not is_object(value):
        raise UsageError(
            f'{place}: {_kind(value)}; write an object of inputs, like {{"topic": "heat pumps"}}.'
        )
    return value


def _kind(value: Any) -> str:
    if is_list(value):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return "nothing" if value is None else "a number or a truth value"
