"""Reads state, long-term memory and scores of a run."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.records import EvaluationRow, MemoryRow
from secondtake.backend.store.long_texts import fetch_clipped, gather_clipped, select_list
from secondtake.backend.store.rows import fetch

_IN_ORDER: Final = "seq NULLS LAST, recorded_at, rowid"


def list_memory(
    con: DuckDBPyConnection, run_id: UUID, *, max_chars: int | None = None
) -> list[MemoryRow]:
    """Return what was read and changed, in order."""
    columns = select_list(MemoryRow, "memory", max_chars)
    sql = f"SELECT {columns} FROM memory_snapshots WHERE run_id = ? ORDER BY {_IN_ORDER}"
    return fetch_clipped(con, MemoryRow, sql, [run_id])


def list_state_changes(con: DuckDBPyConnection, run_id: UUID) -> list[dict[str, Any]]:
    """Return the changes of the state in order, without their values.

    `place` is what `read_state_values` takes; `begins` the first character of the value as JSON,
    by which its kind is known.
    """
    return fetch(
        con,
        f"""
        SELECT rowid AS place, operation, key, span_id, node_path,
               left(value::VARCHAR, 1) AS begins
        FROM memory_snapshots
        WHERE run_id = ? AND scope = 'state'
          AND operation IN ('init', 'set', 'append', 'add', 'merge')
        ORDER BY {_IN_ORDER}
        """,
        [run_id],
    )


def read_state_values(
    con: DuckDBPyConnection, run_id: UUID, places: Sequence[int], *, max_chars: int | None
) -> dict[int, tuple[Any, int | None]]:
    """Return the values of some changes, in the transaction that listed them.

    Returns:
        By place the value, and when only its first `max_chars` characters are here, its length.
    """
    columns = select_list(MemoryRow, "memory", max_chars, made=dict.fromkeys(("extra",), "NULL"))
    rows = fetch(
        con,
        f"""
        SELECT {columns}, rowid AS place FROM memory_snapshots
        WHERE run_id = $run_id AND rowid IN (SELECT unnest($places::BIGINT[]))
        """,
        {"run_id": run_id, "places": list(places)},
    )
    values: dict[int, tuple[Any, int | None]] = {}
    for row in map(gather_clipped, rows):
        values[row["place"]] = row["value"], row.get("clipped", {}).get("value")
    return values


def list_evaluations(
    con: DuckDBPyConnection, run_id: UUID, *, max_chars: int | None = None
) -> list[EvaluationRow]:
    """Return the scores of a run and of its spans."""
    columns = select_list(EvaluationRow, "evaluations", max_chars)
    sql = f"""
        SELECT {columns} FROM evaluations WHERE run_id = ?
        ORDER BY seq NULLS LAST, recorded_at, name, evaluation_id
    """
    return fetch_clipped(con, EvaluationRow, sql, [run_id])
