"""Rules of the house that no linter has."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.repository import REPOSITORY, ROOMS, named, project_files, python_files

STORE: Final = "backend/secondtake/backend/store/"
OTHER_DATABASES: Final = ("runner/secondtake/runner/tools/sql_query.py",)
"""A tool asks files of the user's by SQLite; the store is not in it."""
TARGETS: Final = ["setup", "check", "test", "e2e", "demo", "up", "bench", "help"]

_SQL: Final = re.compile(
    r"^\s*(?:SELECT|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|MERGE\s+INTO|CREATE\s+\w+"
    r"|ALTER\s+TABLE|DROP\s+\w+|ATTACH|COPY|PRAGMA)\b|\bSELECT\b[\s\S]*\bFROM\b"
)
_SQL_METHODS: Final = ("execute", "executemany", "sql")

# Put together here, so that this file does not hold what it forbids.
_HOSTS: Final = ("pypi" + ".org", "python" + "hosted", "registry." + "npmjs", "find-" + "links")
_MACHINE_PATHS: Final = ("/" + "work/", "/" + "root/", "/" + "opt/", "/tmp/" + "x/")
_LOCK_ORIGINS: Final = ("://", "index-url", "file:")


def sql_strings(path: Path) -> Iterator[str]:
    """Yield what looks like SQL in a file: by its text, or by the method that it is given to."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _SQL.search(node.value):
                yield f"{named(path)}:{node.lineno}: {node.value.strip()[:60]}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            text = isinstance(node.args[0], ast.JoinedStr) or (
                isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
            )
            if node.func.attr in _SQL_METHODS and text:
                yield f"{named(path)}:{node.lineno}: .{node.func.attr}(...)"


def test_sql_is_in_the_store_alone() -> None:
    found = [
        text
        for path in python_files(*ROOMS)
        if not named(path).startswith((STORE, *OTHER_DATABASES))
        for text in sql_strings(path)
    ]
    assert found == []


def test_the_search_for_sql_finds_it(tmp_path: Path) -> None:
    store = [text for path in python_files("backend") for text in sql_strings(path)]
    assert any(text.startswith(STORE) for text in store)


def test_no_init_file_hides_the_other_rooms() -> None:
    assert list(REPOSITORY.glob("*/secondtake/__init__.py")) == []


def test_no_file_names_a_package_host_or_a_machines_folder() -> None:
    found = [
        f"{named(path)}: {word}"
        for path in project_files()
        for word in (*_HOSTS, *_MACHINE_PATHS)
        if word.encode() in path.read_bytes()
    ]
    assert found == []


def test_the_lock_has_hashes_and_no_download_addresses() -> None:
    text = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==[^\s;\\]+", text, flags=re.MULTILINE)
    hashed = re.findall(
        r"^([A-Za-z0-9._-]+)==[^\n]*\\\n +--hash=sha256:[0-9a-f]{64}", text, flags=re.MULTILINE
    )
    assert len(pinned) > 50
    assert pinned == hashed
    assert [word for word in _LOCK_ORIGINS if word in text] == []


def test_make_has_eight_targets_and_help_tells_each_in_one_line() -> None:
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (setup .*)$", text, flags=re.MULTILINE)
    told = subprocess.run(
        ["make", "--no-print-directory"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert phony is not None
    assert phony[1].split() == TARGETS
    assert [line.split()[1] for line in told] == TARGETS
    assert all(len(line.split()) > 3 for line in told)
