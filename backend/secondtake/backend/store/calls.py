"""Reads what a run called: nodes, models, tools, and all of them as spans.

Rows are found by the run's id alone. Bounding them by the run's time window as well would hide
rows whose clock jumped.
"""

from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.records import LlmCallRow, NodeTiming, ToolCallRow
from secondtake.backend.store.live import QUESTION_TEXT
from secondtake.backend.store.long_texts import fetch_clipped, select_list
from secondtake.backend.store.rows import fetch

# seq is the order of a source that has one; else time, as far as it is known.
_NAME: Final = 300
_ERROR: Final = 2000
_PREVIEW: Final = 120

_IN_ORDER: Final = "seq NULLS LAST, started_at NULLS LAST, recorded_at, span_id"


def list_node_timings(
    con: DuckDBPyConnection, run_id: UUID, *, max_chars: int | None = None
) -> list[NodeTiming]:
    """Return the executions of nodes, in the order in which they began."""
    columns = select_list(NodeTiming, "node_timings", max_chars)
    sql = f"SELECT {columns} FROM node_timings WHERE run_id = ? ORDER BY {_IN_ORDER}"
    return fetch_clipped(con, NodeTiming, sql, [run_id])


def list_llm_calls(
    con: DuckDBPyConnection, run_id: UUID, *, max_chars: int | None = None
) -> list[LlmCallRow]:
    """Return the requests to models, each attempt one."""
    columns = select_list(LlmCallRow, "llm_calls", max_chars)
    sql = f"SELECT {columns} FROM llm_calls WHERE run_id = ? ORDER BY {_IN_ORDER}"
    return fetch_clipped(con, LlmCallRow, sql, [run_id])


def list_tool_calls(
    con: DuckDBPyConnection, run_id: UUID, *, max_chars: int | None = None
) -> list[ToolCallRow]:
    """Return the tool invocations."""
    columns = select_list(ToolCallRow, "tool_calls", max_chars)
    sql = f"SELECT {columns} FROM tool_calls WHERE run_id = ? ORDER BY {_IN_ORDER}"
    return fetch_clipped(con, ToolCallRow, sql, [run_id])


def list_spans(con: DuckDBPyConnection, run_id: UUID) -> list[dict[str, Any]]:
    """Return all spans of a run with what a tree shows of each, in order of time.

    Long names and errors are cut: the row of the span has them whole.
    """
    return fetch(
        con,
        f"""
        SELECT * FROM (
            SELECT seq, span_id, parent_span_id, span_kind, left(node, {_NAME}) AS name, node_path,
                   started_at, ended_at, duration_ms, error_type,
                   left(error_message, {_ERROR}) AS error_message,
                   NULL::BIGINT AS input_tokens, NULL::BIGINT AS output_tokens,
                   NULL::DECIMAL(18, 9) AS cost_usd, NULL::VARCHAR AS served_from,
                   node_kind, visit, attempt, NULL::DOUBLE AS time_to_first_token_ms,
                   NULL::BOOLEAN AS simulated, left({QUESTION_TEXT}, {_PREVIEW}) AS preview
            FROM node_timings WHERE run_id = $run_id
            UNION ALL
            SELECT seq, span_id, parent_span_id, 'llm', left(coalesce(model, served_model), {_NAME}),
                   node_path, started_at, ended_at, duration_ms, error_type,
                   left(error_message, {_ERROR}), input_tokens, output_tokens, cost_usd,
                   served_from, NULL, NULL, attempt, time_to_first_token_ms, simulated, NULL
            FROM llm_calls WHERE run_id = $run_id
            UNION ALL
            SELECT seq, span_id, parent_span_id, span_kind, left(tool, {_NAME}), node_path,
                   started_at, ended_at, duration_ms, error_type, left(error_message, {_ERROR}),
                   NULL, NULL, cost_usd, served_from, NULL, NULL, attempt, NULL, simulated,
                   left(arguments::VARCHAR, {_PREVIEW})
            FROM tool_calls WHERE run_id = $run_id
        )
        ORDER BY started_at NULLS LAST, seq NULLS LAST, span_id
        """,
        {"run_id": run_id},
    )
