"""Reads of a run what has come since: for those who watch it."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.records import (
    EvaluationRow,
    LlmCallRow,
    MemoryRow,
    MessageRow,
    NodeTiming,
    Row,
    ToolCallRow,
)
from secondtake.backend.store.long_texts import LONG_TEXTS, fetch_clipped, select_list
from secondtake.backend.store.rows import fetch

WATCHED: Final[dict[str, type[Row]]] = {
    "node_timings": NodeTiming,
    "messages": MessageRow,
    "llm_calls": LlmCallRow,
    "tool_calls": ToolCallRow,
    "memory": MemoryRow,
    "evaluations": EvaluationRow,
}
"""By the names of `LONG_TEXTS`, in the order in which rows without a place are told."""


def read_marks(con: DuckDBPyConnection, run_id: UUID) -> tuple[tuple[int, int], ...]:
    """Return something that is another whenever a row of the run has come or was completed."""
    counts = " UNION ALL ".join(
        f"SELECT count(*), {'count(ended_at)' if name == 'node_timings' else '0'}, {number} "
        f"FROM {LONG_TEXTS[name].table} WHERE run_id = $run_id"
        for number, name in enumerate(WATCHED)
    )
    rows = fetch(
        con,
        f"SELECT * FROM ({counts}) AS marks(present, ended, place) ORDER BY place",
        {"run_id": run_id},
    )
    return tuple((row["present"], row["ended"]) for row in rows)


def new_rows(
    con: DuckDBPyConnection,
    run_id: UUID,
    name: str,
    *,
    after: int,
    changing: Sequence[int] = (),
    max_chars: int,
) -> list[Row]:
    """Return rows of one table: those behind a place, those without one, and some that change.

    Args:
        con: the store.
        run_id: the run.
        name: one of `WATCHED`.
        after: a `seq`; -1 for all rows.
        changing: the `seq` of earlier rows that are wanted again.
        max_chars: of each long text.
    """
    model = WATCHED[name]
    sql = f"""
        SELECT {select_list(model, name, max_chars)} FROM {LONG_TEXTS[name].table}
        WHERE run_id = $run_id
          AND (seq IS NULL OR seq > $after OR seq IN (SELECT unnest($changing::BIGINT[])))
        ORDER BY seq NULLS LAST, recorded_at, rowid
    """
    parameters = {"run_id": run_id, "after": after, "changing": list(changing)}
    return fetch_clipped(con, model, sql, parameters)
