"""Reads what a run called: nodes, models, tools, and all of them as spans.

Rows are found by the run's id alone. Bounding them by the run's time window as well would hide
rows whose clock jumped.
"""

from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.records import NodeTiming
from secondtake.backend.store.children import list_rows
from secondtake.backend.store.live import QUESTION_TEXT
from secondtake.backend.store.long_texts import short_id, short_name
from secondtake.backend.store.rows import fetch

_PREVIEW: Final = 120
_SHORT: Final = {
    name: short_name(name)
    for name in ("span_kind", "node_path", "node_kind", "error_type", "error_message")
}
_IDS: Final = f"{short_id('span_id')} AS span_id, {short_id('parent_span_id')} AS parent_span_id"


def list_node_timings(
    con: DuckDBPyConnection, run_id: UUID, *, max_chars: int | None = None
) -> list[NodeTiming]:
    """Return the executions of nodes, in the order in which they began."""
    return list_rows(con, NodeTiming, "node_timings", run_id, max_chars=max_chars)


def list_spans(con: DuckDBPyConnection, run_id: UUID) -> list[dict[str, Any]]:
    """Return all spans of a run with what a tree shows of each, in order of time.

    Names, errors and ids are cut when they are long: the row of the span has them whole.
    """
    short = _SHORT
    about = f"{short['node_path']} AS node_path, started_at, ended_at, duration_ms"
    error = f"{short['error_type']} AS error_type, {short['error_message']} AS error_message"
    served = short_name("served_from")
    return fetch(
        con,
        f"""
        SELECT * FROM (
            SELECT seq, {_IDS}, {short["span_kind"]} AS span_kind, {short_name("node")} AS name,
                   {about}, {error},
                   NULL::BIGINT AS input_tokens, NULL::BIGINT AS output_tokens,
                   NULL::DECIMAL(18, 9) AS cost_usd, NULL::VARCHAR AS served_from,
                   {short["node_kind"]} AS node_kind, visit, attempt,
                   NULL::DOUBLE AS time_to_first_token_ms,
                   NULL::BOOLEAN AS simulated, left({QUESTION_TEXT}, {_PREVIEW}) AS preview
            FROM node_timings WHERE run_id = $run_id
            UNION ALL
            SELECT seq, {_IDS}, 'llm', {short_name("coalesce(model, served_model)")},
                   {about}, {error}, input_tokens, output_tokens, cost_usd,
                   {served}, NULL, NULL, attempt, time_to_first_token_ms, simulated, NULL
            FROM llm_calls WHERE run_id = $run_id
            UNION ALL
            SELECT seq, {_IDS}, {short["span_kind"]}, {short_name("tool")},
                   {about}, {error},
                   NULL, NULL, cost_usd, {served}, NULL, NULL, attempt, NULL, simulated,
                   left(arguments::VARCHAR, {_PREVIEW})
            FROM tool_calls WHERE run_id = $run_id
        )
        ORDER BY started_at NULLS LAST, seq NULLS LAST, span_id
        """,
        {"run_id": run_id},
    )
