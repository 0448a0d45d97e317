"""Reads state, long-term memory and scores of a run."""

from typing import Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.records import EvaluationRow, MemoryRow
from secondtake.backend.store.rows import columns_of, fetch_models

_MEMORY: Final = columns_of(MemoryRow)
_EVALUATIONS: Final = columns_of(EvaluationRow)


def list_memory(
    con: DuckDBPyConnection, run_id: UUID, *, scope: str | None = None
) -> list[MemoryRow]:
    """Return what was read and changed, in order; of one scope when that is given."""
    sql = f"""
        SELECT {_MEMORY} FROM memory_snapshots
        WHERE run_id = $run_id AND ($scope IS NULL OR scope = $scope)
        ORDER BY seq NULLS LAST, recorded_at
    """
    return fetch_models(con, MemoryRow, sql, {"run_id": run_id, "scope": scope})


def list_evaluations(con: DuckDBPyConnection, run_id: UUID) -> list[EvaluationRow]:
    """Return the scores of a run and of its spans."""
    sql = f"""
        SELECT {_EVALUATIONS} FROM evaluations WHERE run_id = ?
        ORDER BY seq NULLS LAST, recorded_at, name, evaluation_id
    """
    return fetch_models(con, EvaluationRow, sql, [run_id])
