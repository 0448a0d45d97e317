"""Reads files of one JSON value a line, where one bad line does not spoil the others."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondtake.backend.importers.files import read_bytes, sha256_of
from secondtake.runner.errors import UsageError
from secondtake.runner.jsonable import to_json_value


@dataclass(frozen=True)
class BrokenLine:
    """A line that is no JSON; it takes the place of the record that it should have been."""

    problem: str


@dataclass(frozen=True, kw_only=True)
class JsonText:
    """The JSON values of a file."""

    values: list[Any]
    """By the rules of `jsonable`; a `BrokenLine` where a line is no JSON."""
    is_whole: bool
    """True: the file is one value, and not one a line."""
    sha256: str


def read_json_or_lines(path: Path) -> JsonText:
    """Read a file that is one JSON value, or one a line; plain or gzipped.

    Raises:
        UsageError: it is missing, empty, broken, no text, or holds no JSON at all.
    """
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; name a JSON file.") from error
    sha256 = sha256_of(data)
    try:
        return JsonText(values=[to_json_value(json.loads(text))], is_whole=True, sha256=sha256)
    except RecursionError as error:
        raise UsageError(f"{path} is nested too deeply to be a recording.") from error
    except json.JSONDecodeError as error:
        first = error
    # Not `splitlines`: JSON texts may hold line separators of Unicode.
    values = list(_values(text.split("\n")))
    if all(isinstance(value, BrokenLine) for value in values):
        raise UsageError(
            f"{path}:{first.lineno}:{first.colno}: not JSON ({first.msg}); "
            "was the file cut off? Fetch or write it again."
        ) from first
    return JsonText(values=values, is_whole=False, sha256=sha256)


def _values(lines: Iterable[str]) -> Iterable[Any]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield to_json_value(json.loads(line))
        except json.JSONDecodeError as error:
            yield BrokenLine(f"line {number} is no JSON ({error.msg}); was the file cut off?")
        except RecursionError:
            yield BrokenLine(f"line {number} is nested too deeply")
