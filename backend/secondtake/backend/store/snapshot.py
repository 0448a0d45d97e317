"""Several queries that see one state of the store, while another thread loads into it."""

import contextlib
from collections.abc import Generator
from contextlib import contextmanager

import duckdb
from duckdb import DuckDBPyConnection


@contextmanager
def snapshot(con: DuckDBPyConnection) -> Generator[None]:
    """Hold a transaction that only reads; `con` is outside of one, and no other thread uses it."""
    con.execute("BEGIN TRANSACTION READ ONLY")
    try:
        yield
    finally:
        with contextlib.suppress(duckdb.Error):  # a failed query has ended it already
            con.execute("ROLLBACK")
