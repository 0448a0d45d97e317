"""Reads the chat turns of a run."""

from typing import Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.records import MessageRow
from secondtake.backend.store.rows import columns_of, fetch_models

_COLUMNS: Final = columns_of(MessageRow)


def list_messages(con: DuckDBPyConnection, run_id: UUID) -> list[MessageRow]:
    """Return the messages of a run, each after its parent."""
    sql = f"""
        SELECT {_COLUMNS} FROM messages WHERE run_id = ?
        ORDER BY seq NULLS LAST, recorded_at, depth, message_id
    """
    return fetch_models(con, MessageRow, sql, [run_id])
