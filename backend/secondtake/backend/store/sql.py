"""Runs a user's own SELECT: checked first, read-only, bounded in rows, size and time."""

import base64
import contextlib
import json
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import duckdb
from duckdb import DuckDBPyConnection

from secondtake.backend.errors import SqlFailedError
from secondtake.backend.models.system import SqlColumn, SqlResult
from secondtake.backend.store.rows import in_utc
from secondtake.backend.store.sql_policy import check_query
from secondtake.runner.narrow import is_list, is_object

T = TypeVar("T")

INTERRUPT_AGAIN_S: Final = 0.05
CHUNK_ROWS: Final = 256
ZONED: Final = " WITH TIME ZONE"
RESULT_CHARACTERS_MAX: Final = 64_000_000
"""A result is cut when its texts are longer than this together."""


def run_sql(con: DuckDBPyConnection, text: str, *, max_rows: int, timeout_s: float) -> SqlResult:
    """Return the first `max_rows` rows of one SELECT over our tables.

    Raises:
        SqlRefusedError: the query is anything else.
        SqlFailedError: it has a mistake, or took longer than `timeout_s`.
    """
    check_query(con, text)
    begun = time.perf_counter()
    con.execute("BEGIN TRANSACTION READ ONLY")
    try:
        columns, rows, truncated = _bounded(
            con, lambda: _collect(con, text, max_rows), timeout_s=timeout_s
        )
    finally:
        with contextlib.suppress(duckdb.TransactionException):  # an error has ended it already
            con.execute("ROLLBACK")
    return SqlResult(
        columns=columns,
        rows=rows,
        truncated=truncated,
        duration_ms=(time.perf_counter() - begun) * 1000,
    )


def _bounded(con: DuckDBPyConnection, work: Callable[[], T], *, timeout_s: float) -> T:
    """Do `work` in a thread and interrupt it when its time is up, or Ctrl-C comes.

    In this thread DuckDB would hear no signal while it computes.
    """
    outcome: Future[T] = Future()
    done = threading.Event()  # join() would take a thread for ended when Ctrl-C hits it
    thread = threading.Thread(
        target=lambda: _settle(outcome, work, done), name="secondtake-sql", daemon=True
    )
    thread.start()
    try:
        late = not done.wait(timeout_s)
    finally:
        while not done.is_set():
            con.interrupt()  # again and again: one that comes between two statements is lost
            done.wait(INTERRUPT_AGAIN_S)
    try:
        return outcome.result()
    except duckdb.Error as error:
        raise _explained(error, late=late, timeout_s=timeout_s) from error


def _settle(outcome: Future[T], work: Callable[[], T], done: threading.Event) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
        outcome.set_exception(error)
    finally:
        done.set()


def _collect(
    con: DuckDBPyConnection, text: str, max_rows: int
) -> tuple[list[SqlColumn], list[list[Any]], bool]:
    con.execute(text)
    columns = [
        SqlColumn(name=str(name), type=str(kind)) for name, kind, *_ in con.description or ()
    ]
    fetchmany: Callable[[int], list[Any]] = con.fetchmany
    if any(ZONED in column.type for column in columns):
        fetchmany = _without_zones(con, text, columns, max_rows)
    convert = [json_value if column.type != "JSON" else json.loads for column in columns]
    rows: list[list[Any]] = []
    characters = 0
    while len(rows) <= max_rows and characters <= RESULT_CHARACTERS_MAX:
        chunk = fetchmany(min(CHUNK_ROWS, max_rows + 1 - len(rows)))
        if not chunk:
            return columns, rows, False
        for row in chunk:
            characters += sum(len(value) for value in row if isinstance(value, str))
            rows.append(
                [
                    None if value is None else to_json(value)
                    for value, to_json in zip(row, convert, strict=True)
                ]
            )
    return columns, rows[:max_rows], True


def _without_zones(
    con: DuckDBPyConnection, text: str, columns: list[SqlColumn], max_rows: int
) -> Callable[[int], list[Any]]:
    """Run the query again with its zoned columns made plain, and return what reads its rows.

    DuckDB hands zoned values to Python through pytz, which is not a dependency of ours.
    """
    casts = [
        f"#{place}" + ("::TIMESTAMP" if column.type == f"TIMESTAMP{ZONED}" else "::VARCHAR")
        if ZONED in column.type
        else f"#{place}"
        for place, column in enumerate(columns, start=1)
    ]
    return con.sql(text).limit(max_rows + 1).project(", ".join(casts)).fetchmany


def _explained(error: duckdb.Error, *, late: bool, timeout_s: float) -> SqlFailedError:
    if late:
        return SqlFailedError(
            f"The query was stopped after {timeout_s:g} s; "
            "narrow it with WHERE or LIMIT, or allow it more time."
        )
    reason = " ".join(str(error).partition("\nLINE ")[0].split())
    return SqlFailedError(f"The query failed: {reason}")


def json_value(value: Any) -> Any:
    """Return any of DuckDB's values as a JSON value; exact ones that JSON lacks become text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return in_utc(value).isoformat().replace("+00:00", "Z")
    if is_object(value):
        return {_key(key): json_value(item) for key, item in value.items()}
    if isinstance(value, tuple):  # an ARRAY; a LIST is a list
        value = list(cast("tuple[Any, ...]", value))
    if is_list(value):
        return [json_value(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(bytes(value)).decode()
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, date | time_of_day):
        return value.isoformat()
    if isinstance(value, timedelta | Decimal | UUID):
        return str(value)
    raise TypeError(f"DuckDB returned a {type(value).__name__}, which has no JSON form")


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(json_value(key))
