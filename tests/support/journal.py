"""Reads what was recorded straight from the journal, without the loader."""

from pathlib import Path
from typing import Any

import orjson


def recorded_lines(home: Path) -> list[dict[str, Any]]:
    """Return every event line of every segment, in the order of the files and lines.

    A segment that is sealed meanwhile has another name then; all are read again.
    """
    while True:
        try:
            lines = _read_all(home)
        except FileNotFoundError:
            continue
        break
    return [line for line in lines if line["kind"] not in ("segment", "seal")]


def recorded(home: Path, kind: str) -> list[dict[str, Any]]:
    """Return the events of one kind."""
    return [line for line in recorded_lines(home) if line["kind"] == kind]


def all_bytes(home: Path) -> bytes:
    """Return the bytes and names of every file below `home`."""
    return b"\n".join(
        str(path).encode() + b"\n" + path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file()
    )


def _read_all(home: Path) -> list[dict[str, Any]]:
    segments = sorted((home / "journal").glob("*-*"), key=_number)
    texts = [path.read_bytes() for path in segments if not path.name.startswith(".")]
    return [orjson.loads(line) for text in texts for line in text.splitlines()]


def _number(path: Path) -> tuple[str, int]:
    writer, _, number = path.stem.rpartition("-")
    return writer, int(number)
