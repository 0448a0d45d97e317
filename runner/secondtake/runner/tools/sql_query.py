"""The tool `sql_query`: one SELECT over a file, by SQLite, which can be stopped and locked.

A table of text is loaded into memory as `data`; a SQLite file is opened for reading alone. An
authorizer allows reading and nothing else; time, rows and the size of values are bounded.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

from pydantic import Field

from secondtake.runner.errors import ToolError
from secondtake.runner.tools.files import MAX_CHARACTERS, FileTools
from secondtake.runner.tools.tables import Table, number_of, read_table

TABLE: Final = "data"
MAX_ROWS: Final = 1_000
MAX_STATEMENT: Final = 10_000
MAX_LOADED_ROWS: Final = 2_000_000
MAX_VALUE_BYTES: Final = 10_000_000
TIMEOUT_S: Final = 10.0
OPCODES_BETWEEN_CHECKS: Final = 10_000
SQLITE_MAGIC: Final = b"SQLite format 3\x00"
_ALLOWED: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_REFUSED_FUNCTIONS: Final = frozenset({"load_extension", "readfile", "writefile", "edit"})


class SqlQuery:
    """Asks the data files that the file tools may read."""

    def __init__(self, files: FileTools) -> None:
        self._files = files

    def sql_query(
        self, path: str, sql: str, limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 100
    ) -> dict[str, Any]:
        """Ask a data file one SELECT; returns its columns and rows.

        Args:
            path: A CSV, TSV, JSON Lines, JSON or SQLite file, relative to the root of the files.
            sql: One SELECT in SQLite's SQL. The table of a text file is called data.
            limit: How many rows to return.
        """
        if len(sql) > MAX_STATEMENT:
            raise ToolError(f"The statement is longer than {MAX_STATEMENT:,} characters.")
        with closing(self._open(path)) as con:
            return _ask(con, sql, limit)

    def _open(self, path: str) -> sqlite3.Connection:
        real = self._files.resolve(path)
        if _is_database(real):
            address = f"file:{quote(str(real))}?mode=ro&immutable=1"
            return sqlite3.connect(address, uri=True, check_same_thread=False)
        con = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            with self._files.open_text(path) as file:
                _load(con, read_table(self._files, file, path), path)
        except BaseException:
            con.close()
            raise
        return con


def _is_database(path: Path) -> bool:
    try:
        # A FIFO would wait for its writer for ever.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError:
        return False  # the text reader says what is wrong with it


def _load(con: sqlite3.Connection, table: Table, path: str) -> None:
    columns = ", ".join(_quoted(name) for name in table.columns)  # each value keeps its own type
    con.execute(f"CREATE TABLE {TABLE} ({columns})")
    marks = ", ".join("?" * len(table.columns))
    rows = _storable(table.rows)
    con.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", islice(rows, MAX_LOADED_ROWS))
    if next(rows, None) is not None:
        raise ToolError(f"{path!r} has more than {MAX_LOADED_ROWS:,} rows; use a SQLite file.")
    con.commit()


def _storable(rows: Iterator[Sequence[Any]]) -> Iterator[list[Any]]:
    for row in rows:
        yield [_value(item) for item in row]


def _value(item: Any) -> Any:
    """Return what SQLite can hold: of a text that is a number the number, of a list its JSON."""
    if isinstance(item, str):
        number = number_of(item)
        return item if number is None else number
    if item is None or isinstance(item, float | bool) or (isinstance(item, int) and _fits(item)):
        return item
    return json.dumps(item)


def _fits(number: int) -> bool:
    return -(2**63) <= number < 2**63


def _ask(con: sqlite3.Connection, sql: str, limit: int) -> dict[str, Any]:
    deadline = time.monotonic() + TIMEOUT_S
    con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    con.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    con.execute("PRAGMA query_only = on")
    con.set_authorizer(_authorize)
    con.set_progress_handler(lambda: time.monotonic() > deadline, OPCODES_BETWEEN_CHECKS)
    try:
        cursor = con.execute(sql)
        rows = cursor.fetchmany(limit + 1)
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            raise ToolError(
                f"The query takes longer than {TIMEOUT_S:.0f} s; ask for less."
            ) from None
        raise ToolError(f"SQLite says: {error}. {_tables(con)}") from None
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
        raise ToolError(f"SQLite says: {error}.") from None
    if cursor.description is None:
        raise ToolError("The statement returns no rows; write one SELECT.")
    columns = [item[0] for item in cursor.description]
    shown = [[_shown(value) for value in row] for row in rows[:limit]]
    size = sum(len(str(value)) for row in shown for value in row)
    if size > MAX_CHARACTERS:
        raise ToolError(
            f"The rows have {size:,} characters, more than {MAX_CHARACTERS:,}; ask for less."
        )
    return {"columns": columns, "rows": shown, "more": len(rows) > limit}


def _authorize(action: int, first: str | None, second: str | None, *_: Any) -> int:
    function = (second or "").lower() if action == sqlite3.SQLITE_FUNCTION else ""
    allowed = action in _ALLOWED and function not in _REFUSED_FUNCTIONS
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _tables(con: sqlite3.Connection) -> str:
    """Return what tables and columns there are, for a model that guessed a name."""
    con.set_authorizer(None)
    con.set_progress_handler(None, 0)
    found: list[str] = []
    names = con.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') LIMIT 20")
    for (name,) in names.fetchall():
        columns = con.execute(f"SELECT name FROM pragma_table_info({_literal(name)}) LIMIT 50")
        found.append(f"{name} ({', '.join(column for (column,) in columns)})")
    return f"There are: {'; '.join(found)}." if found else "There are no tables in it."


def _shown(value: Any) -> Any:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else value


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""').replace("\0", "")
    return f'"{escaped}"'


def _literal(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
