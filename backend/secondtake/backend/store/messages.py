"""Reads the chat turns of a run, and the tools that its models were offered."""

from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.records import MessageRow, ToolDefinitionsRow
from secondtake.backend.store.long_texts import fetch_clipped, select_list


def list_messages(
    con: DuckDBPyConnection, run_id: UUID, *, max_chars: int | None = None
) -> list[MessageRow]:
    """Return the messages of a run, each after its parent."""
    sql = f"""
        SELECT {select_list(MessageRow, "messages", max_chars)} FROM messages WHERE run_id = ?
        ORDER BY seq NULLS LAST, recorded_at, depth, message_id
    """
    return fetch_clipped(con, MessageRow, sql, [run_id])


def list_tool_definitions(
    con: DuckDBPyConnection, run_id: UUID, *, max_chars: int | None = None
) -> list[ToolDefinitionsRow]:
    """Return what LLM calls refer to by their `tools_hash`."""
    columns = select_list(ToolDefinitionsRow, "tool_definitions", max_chars)
    sql = f"""
        SELECT {columns} FROM tool_definitions WHERE run_id = ?
        ORDER BY seq NULLS LAST, recorded_at, tools_hash
    """
    return fetch_clipped(con, ToolDefinitionsRow, sql, [run_id])
