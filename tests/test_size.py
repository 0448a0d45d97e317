"""A reader's time is the limit: functions of at most 60 lines, files of at most 400."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.repository import ROOMS, named, python_files

FUNCTION_LINES_MAX: Final = 60
FILE_LINES_MAX: Final = 400

EXCEPTIONS: Final[dict[str, str]] = {}
"""`path` or `path::function`, and why cutting it would make it worse."""


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and length in lines of each function, from `def` to its last line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield f"{named(path)}::{node.name}", node.end_lineno - node.lineno + 1


def test_no_function_is_longer_than_60_lines() -> None:
    lengths = {
        name: lines
        for path in python_files(*ROOMS, "tests")
        for name, lines in functions(path)
        if lines > FUNCTION_LINES_MAX
    }
    assert lengths.keys() - EXCEPTIONS.keys() == set(), lengths


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {
        named(path): lines
        for path in python_files(*ROOMS, "tests")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    }
    assert lengths.keys() - EXCEPTIONS.keys() == set(), lengths


def test_every_exception_is_still_needed() -> None:
    measured = {
        name: lines for path in python_files(*ROOMS, "tests") for name, lines in functions(path)
    }
    for name in EXCEPTIONS:
        limit = FUNCTION_LINES_MAX if "::" in name else FILE_LINES_MAX
        path = name.split("::")[0]
        files = {named(file): file for file in python_files(*ROOMS, "tests")}
        assert path in files, f"{name} is gone"
        lines = measured[name] if "::" in name else len(files[path].read_text().splitlines())
        assert lines > limit, f"{name} has {lines} lines now; take it off the list"
