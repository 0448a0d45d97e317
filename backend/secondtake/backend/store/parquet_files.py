"""Writes rows of runs as Parquet files, one a table, from the lines that `exporting` makes.

The rows are collected in a store of their own, which lies beside the files until these are written:
a Parquet file cannot grow. Memory is that of any store, whatever the number of rows.
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
ROWS_AT_ONCE: Final = 10_240
"""Rows of a group are held in memory until it is whole; messages are long."""
_LINES: Final = "lines.ndjson"


class ParquetFiles:
    """The files of one folder, and the store that they are made from."""

    def __init__(self, folder: Path) -> None:
        """Begin with empty tables.

        Args:
            folder: an empty one; holds the files alone after `finish` and `close`.
        """
        self._folder = folder
        self._con = open_store(folder)
        self._types = event_columns(self._con).types

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
            rows = sum(self._insert(table) for table in EXPORT_TABLES)
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
            for table in EXPORT_TABLES:
                target = str(self._folder / f"{table}.parquet").replace("'", "''")
                self._con.execute(
                    f"COPY {table} TO '{target}' (FORMAT parquet, COMPRESSION zstd, "
                    f"ROW_GROUP_SIZE {ROWS_AT_ONCE})"
                )
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

    def _insert(self, table: str) -> int:
        columns = list(self._types[table])
        source = f"SELECT {RUN_MEMBER} AS r FROM staged"
        if table != RUNS:
            source = f"SELECT unnest({table}) AS r FROM staged"
        found = self._con.execute(
            f"""
            INSERT INTO {table} ({quoted(columns)})
            SELECT {quoted(columns, "r.")} FROM ({source})
            """
        ).fetchone()
        return int(found[0]) if found else 0


def _struct(types: Mapping[str, str]) -> str:
    members = ", ".join(f"{quoted([name])} {kind}" for name, kind in types.items())
    return f"STRUCT({members})"


def _cannot_write(error: Exception) -> StoreError:
    reason = str(error).splitlines()[0].rstrip(".")
    return StoreError(f"Cannot write the tables: {reason}. Is the disk full? Nothing was made.")
