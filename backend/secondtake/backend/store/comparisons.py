"""Reads the runs of a comparison: all that share an experiment's id."""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.store.long_texts import cut, whole_length
from secondtake.backend.store.rows import fetch

COMPARISON: Final = "comparison"
"""The key in a run's `extra` under which the plan of the whole is."""
_ERROR_CHARS: Final = 2000
_ROWS_AT_ONCE: Final = 50
_OF: Final = "experiment_id = $experiment_id"


def experiment_ids(con: DuckDBPyConnection, prefix: str, *, limit: int) -> list[str]:
    """Return at most `limit` experiments whose id begins so; an exact one comes first."""
    rows = fetch(
        con,
        """
        SELECT experiment_id FROM runs
        WHERE starts_with(experiment_id, $prefix)
        GROUP BY experiment_id
        ORDER BY experiment_id != $prefix, experiment_id
        LIMIT $limit
        """,
        {"prefix": prefix, "limit": limit},
    )
    return [row["experiment_id"] for row in rows]


def list_comparisons(con: DuckDBPyConnection, *, limit: int) -> list[dict[str, Any]]:
    """Return what comparisons there are, newest first, with the plan of each."""
    return fetch(
        con,
        f"""
        SELECT experiment_id,
               any_value(coalesce(workflow, name)) AS name,
               any_value(extra->'{COMPARISON}') AS plan,
               list(DISTINCT variant ORDER BY variant) AS variants,
               count(DISTINCT case_id) AS case_count,
               count(*) FILTER (status != 'running') AS ended_runs,
               count(*) FILTER (status NOT IN ('ok', 'running', 'cancelled')) AS failed_runs,
               count(*) FILTER (status = 'running') AS running_runs,
               min(started_at) AS started_at,
               sum(cost_usd) AS cost_usd,
               coalesce(sum(unpriced_calls), 0)::BIGINT AS unpriced_calls,
               coalesce(bool_or(simulated), false) AS simulated
        FROM runs
        WHERE experiment_id IS NOT NULL AND (extra->'{COMPARISON}') IS NOT NULL
        GROUP BY experiment_id
        ORDER BY max(coalesce(started_at, recorded_at)) DESC, experiment_id DESC
        LIMIT $limit
        """,
        {"limit": limit},
    )


def last_comparison(con: DuckDBPyConnection) -> str | None:
    """Return the comparison that has the newest run."""
    rows = fetch(
        con,
        f"""
        SELECT experiment_id FROM runs
        WHERE experiment_id IS NOT NULL AND (extra->'{COMPARISON}') IS NOT NULL
        ORDER BY coalesce(started_at, recorded_at) DESC, run_id DESC LIMIT 1
        """,
    )
    return rows[0]["experiment_id"] if rows else None


def run_facts(con: DuckDBPyConnection, experiment_id: str) -> list[dict[str, Any]]:
    """Return the runs without their texts, in the order in which they began."""
    return fetch(
        con,
        f"""
        SELECT run_id, coalesce(variant, '') AS variant, coalesce(case_id, '') AS case_id, repeat,
               status, coalesce(workflow, name) AS name, (extra->'{COMPARISON}') AS plan,
               started_at, ended_at, duration_ms, cost_usd, unpriced_calls, simulated,
               input_tokens, output_tokens, llm_call_count, tool_call_count,
               error_type, left(error_message, {_ERROR_CHARS}) AS error_message
        FROM runs WHERE {_OF}
        ORDER BY coalesce(started_at, recorded_at), run_id
        """,
        {"experiment_id": experiment_id},
    )


def error_classes(con: DuckDBPyConnection, experiment_id: str) -> dict[UUID, str]:
    """Return for each run that did not end well how its last failed call to a model failed."""
    rows = fetch(
        con,
        f"""
        SELECT c.run_id, arg_max(c.error_class, c.seq) AS error_class
        FROM llm_calls c
        WHERE c.error_class IS NOT NULL AND c.run_id IN (
            SELECT run_id FROM runs WHERE {_OF} AND status != 'ok'
        )
        GROUP BY c.run_id
        """,
        {"experiment_id": experiment_id},
    )
    return {row["run_id"]: row["error_class"] for row in rows}


def outputs(con: DuckDBPyConnection, experiment_id: str) -> Iterator[tuple[UUID, str]]:
    """Yield the output of each run that ended well, as JSON, a few at a time.

    No other query may use `con` meanwhile.
    """
    con.execute(
        f"""
        SELECT run_id, output::VARCHAR FROM runs
        WHERE {_OF} AND status = 'ok' AND output IS NOT NULL
        """,
        {"experiment_id": experiment_id},
    )
    while rows := con.fetchmany(_ROWS_AT_ONCE):
        yield from rows


def texts(
    con: DuckDBPyConnection,
    experiment_id: str,
    field: str,
    case_ids: Sequence[str],
    *,
    max_chars: int | None,
) -> list[dict[str, Any]]:
    """Return a JSON column of the runs of some cases: `value`, and `total_chars` when clipped.

    Args:
        con: the store.
        experiment_id: the comparison.
        field: `inputs` or `output`.
        case_ids: whose runs.
        max_chars: longer values are cut there; None for whole ones.
    """
    assert field in ("inputs", "output"), field
    value, length = field, "NULL::BIGINT"
    if max_chars is not None:
        value, length = cut(field, "JSON", max_chars), whole_length(field, "JSON", max_chars)
    return fetch(
        con,
        f"""
        SELECT run_id, case_id, {value} AS value, {length} AS total_chars
        FROM runs
        WHERE {_OF} AND {field} IS NOT NULL AND case_id IN (SELECT unnest($case_ids::VARCHAR[]))
        ORDER BY run_id
        """,
        {"experiment_id": experiment_id, "case_ids": list(case_ids)},
    )
