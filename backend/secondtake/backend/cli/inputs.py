"""Inputs of a run as a user gives them: `name=value`, `name=@FILE`, `name=@-`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from secondtake.runner.errors import UsageError

FROM_FILE: Final = "@"
STDIN: Final = "-"


def read_inputs(given: Mapping[str, str]) -> dict[str, str]:
    """Return each input as text; the workflow says what type it has.

    `@@text` is the text `@text`.

    Raises:
        UsageError: a file cannot be read as text.
    """
    return {name: _read(name, text) for name, text in given.items()}


def _read(name: str, text: str) -> str:
    if text.startswith(FROM_FILE * 2):
        return text[1:]
    if not text.startswith(FROM_FILE):
        return text
    place = text[1:]
    try:
        if place == STDIN:
            return sys.stdin.read()
        return Path(place).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"Input `{name}`: cannot read {place} ({error.strerror}); "
            f"for a text that begins with @ write `{name}=@@...`."
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"Input `{name}`: {place} is not UTF-8 text; name a text file.") from error
