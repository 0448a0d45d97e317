"""Exports runs as tables: a folder with one Parquet file for each table that has rows of runs.

Names, types and rows are those of the store, so that DuckDB, pandas and the like read them as they
are. Files of tables without a row are there too.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from secondtake.backend.exports.frame import Exporter, Writer, Written
from secondtake.backend.exports.target import new_folder

BATCH_CHARS: Final = 8 << 20
"""Lines are given to the database together, so many or one that is longer."""


class _Tables:
    def __init__(self, folder: Path) -> None:
        from secondtake.backend.store.parquet_files import ParquetFiles  # imports duckdb

        self._files = ParquetFiles(folder)
        self._waiting: list[str] = []
        self._chars = 0
        self._rows = 0

    def add(self, line: str) -> None:
        """Take one run; it is written with others."""
        self._waiting.append(line)
        self._chars += len(line)
        if self._chars >= BATCH_CHARS:
            self._flush()

    def written(self) -> Written:
        """Write the tables; return how many rows they have."""
        self._flush()
        self._files.finish()
        return Written(items=self._rows)

    def close(self) -> None:
        """Give back what is held."""
        self._files.close()

    def _flush(self) -> None:
        self._rows += self._files.add(self._waiting) if self._waiting else 0
        self._waiting, self._chars = [], 0


@contextmanager
def _opened(target: Path, force: bool) -> Generator[Writer]:
    with new_folder(target, force=force) as folder:
        tables = _Tables(folder)
        try:
            yield tables
        finally:
            tables.close()


EXPORTER: Final = Exporter(
    format="parquet",
    help="a folder with every table as a Parquet file",
    item="row",
    is_folder=True,
    tables=(),
    open=_opened,
)
"""What the registry holds."""
