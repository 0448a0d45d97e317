"""Writes rows of runs as Parquet files, one a table, from the lines that `exporting` makes.

A Parquet file cannot grow: each batch of lines becomes a piece of each table, and at the end the
pieces of a table are put together. Nothing is kept in memory but a batch, and a group of rows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb

from secondtake.backend.models.exports import EXPORT_TABLES
from secondtake.backend.store.columns import event_columns, quoted
from secondtake.backend.store.connection import open_store
from secondtake.backend.store.exporting import RUN_MEMBER, RUNS
from secondtake.runner.errors import StoreError
from secondtake.runner.home import database_path

OBJECT_BYTES_MIN: Final = 1 << 20
"""DuckDB reserves twice the longest line for each thread; its own default is 16 times this."""
MEMORY_LIMIT: Final = "256MB"
ROWS_AT_ONCE: Final = 10_240
"""Rows of a group are held in memory until it is whole; messages are long."""
_LINES: Final = "lines.ndjson"


class ParquetFiles:
    """The files of one folder."""

    def __init__(self, folder: Path) -> None:
        """Begin without a row.

        Args:
            folder: an empty one; holds the files alone after `finish` and `close`.
        """
        self._folder = folder
        # An empty store: it knows the columns, and can write into its own folder alone.
        self._con = open_store(folder, memory_limit=MEMORY_LIMIT)
        self._types = event_columns(self._con).types
        self._pieces: dict[str, list[str]] = {table: [] for table in EXPORT_TABLES}

    def add(self, lines: Sequence[str]) -> int:
        """Add the rows of runs; return how many there are.

        Raises:
            StoreError: the disk refuses.
        """
        path = self._folder / _LINES
        data = [line.encode() for line in lines]
        path.write_bytes(b"\n".join(data))
        longest = max(map(len, data))
        try:
            self._con.execute(self._staging(longest), {"path": str(path)})
            rows = sum(self._write_piece(table) for table in EXPORT_TABLES)
            self._con.execute("DROP TABLE staged")
            return rows
        except duckdb.Error as error:
            raise _cannot_write(error) from error
        finally:
            path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Write the files.

        Raises:
            StoreError: the disk refuses.
        """
        try:
            for table, pieces in self._pieces.items():
                listed = ", ".join(map(_quoted, pieces))
                source = f"read_parquet([{listed}])" if pieces else table
                self._copy(f"FROM {source}", self._folder / f"{table}.parquet")
                for piece in pieces:
                    Path(piece).unlink()
        except duckdb.Error as error:
            raise _cannot_write(error) from error

    def close(self) -> None:
        """Close the store, and take away what is no Parquet file."""
        self._con.close()
        database = database_path(self._folder)
        for path in self._folder.glob(f"{database.name}*"):
            path.unlink(missing_ok=True)

    def _staging(self, longest_bytes: int) -> str:
        members = {
            (RUN_MEMBER if table == RUNS else table): (
                _struct(self._types[table]) + ("" if table == RUNS else "[]")
            )
            for table in EXPORT_TABLES
        }
        declared = ", ".join(f"'{name}': '{kind}'" for name, kind in members.items())
        return f"""
            CREATE OR REPLACE TEMP TABLE staged AS
            SELECT * FROM read_json($path, format = 'newline_delimited', columns = {{{declared}}},
                maximum_object_size = {max(longest_bytes + 1024, OBJECT_BYTES_MIN)})
        """

    def _write_piece(self, table: str) -> int:
        """Write the staged rows of a table; return how many there are."""
        source = f"SELECT unnest({table}) AS r FROM staged"
        if table == RUNS:
            source = f"SELECT {RUN_MEMBER} AS r FROM staged"
        pieces = self._pieces[table]
        path = self._folder / f"{table}-{len(pieces):06}.piece"
        columns = quoted(self._types[table], "r.")
        rows = self._copy(f"SELECT {columns} FROM ({source})", path)
        if rows:
            pieces.append(str(path))
        else:
            path.unlink()
        return rows

    def _copy(self, query: str, path: Path) -> int:
        found = self._con.execute(
            f"""
            COPY ({query}) TO {_quoted(str(path))}
            (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_AT_ONCE})
            """
        ).fetchone()
        return int(found[0]) if found else 0


def _struct(types: Mapping[str, str]) -> str:
    members = ", ".join(f"{quoted([name])} {kind}" for name, kind in types.items())
    return f"STRUCT({members})"


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def _cannot_write(error: Exception) -> StoreError:
    reason = str(error).splitlines()[0].rstrip(".")
    return StoreError(f"Cannot write the tables: {reason}. Is the disk full? Nothing was made.")
