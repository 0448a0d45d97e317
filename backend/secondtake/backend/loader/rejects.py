"""Keeps the lines that could not become rows: `<home>/rejected/<segment>.ndjson`.

One JSON object a line: `file`, `line` (counted from 1, as editors do), `reason` and `text`, which
is clipped and has its secrets taken out.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import orjson

TEXT_CHARACTERS_MAX: Final = 1_000_000


class RejectsFile:
    """Collects the rejected lines of one segment; takes its name when complete."""

    def __init__(self, folder: Path, segment_file: str, redact: Callable[[str], str]) -> None:
        self.count = 0
        self._path = folder / segment_file
        self._hidden = folder / f".{segment_file}"
        self._file_name = segment_file
        self._redact = redact
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put the file in its place, on disk, or away when there is nothing in it."""
        if kind is not None or self.count == 0:
            self._file.close()
            self._hidden.unlink(missing_ok=True)
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._hidden.replace(self._path)
        sync_folder(self._path.parent)

    def add(self, line_number: int, line: bytes, reason: str) -> None:
        """Keep one line and why it was refused."""
        text = line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
        entry = {
            "file": self._file_name,
            "line": line_number,
            "reason": self._redact(reason),
            # Redacted before the clip, which could cut a secret in two.
            "text": self._redact(text[: 2 * TEXT_CHARACTERS_MAX])[:TEXT_CHARACTERS_MAX],
        }
        self._file.write(orjson.dumps(entry) + b"\n")
        self.count += 1


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last, where the file system can do that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
