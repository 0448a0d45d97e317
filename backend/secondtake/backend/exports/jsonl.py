"""Exports runs as JSON, one a line, with every row of each: what `exports.rows` reads back."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from secondtake.backend.exports.frame import Exporter, Writer, Written
from secondtake.backend.exports.target import new_file


class _Lines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines = 0

    def add(self, line: str) -> None:
        """Write one run, as it came."""
        self._file.write(line.encode())
        self._file.write(b"\n")
        self._lines += 1

    def written(self) -> Written:
        """Return how many lines there are."""
        return Written(items=self._lines)


@contextmanager
def _opened(target: Path, force: bool) -> Generator[Writer]:
    with new_file(target, force=force) as file:
        yield _Lines(file)


EXPORTER: Final = Exporter(
    format="jsonl",
    help="one run a line, with every row of every table",
    item="line",
    is_folder=False,
    tables=(),
    open=_opened,
)
"""What the registry holds."""
