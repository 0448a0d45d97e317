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
from secondtake.backend.store.json_rows import read_rows
from secondtake.backend.store.long_texts import LONG_TEXTS
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


RUNS: Final = "runs"
_RUN_MARK: Final = (
    "name, status, tags, started_at, ended_at, node_count, llm_call_count, tool_call_count, "
    "message_count, error_count, input_tokens, output_tokens, cost_usd, unpriced_calls"
)


def read_marks(con: DuckDBPyConnection, run_id: UUID) -> dict[str, tuple[int, int]]:
    """Return for each watched table, and for `runs`, what differs when something has changed.

    One query: this is asked again and again while nothing happens.

    Returns:
        Number of rows, and a number that changes when one of them was completed; no `runs` when
        the store has no such run.
    """
    ended = {"node_timings": "count(ended_at) + count(duration_ms)"}
    parts = [
        f"SELECT '{name}' AS name, count(*) AS present, ({ended.get(name, '0')})::UBIGINT AS mark "
        f"FROM {LONG_TEXTS[name].table} WHERE run_id = $run_id"
        for name in WATCHED
    ]
    parts.append(f"SELECT '{RUNS}', 1, hash(({_RUN_MARK})) FROM runs WHERE run_id = $run_id")
    rows = fetch(con, " UNION ALL ".join(parts), {"run_id": run_id})
    return {row["name"]: (row["present"], row["mark"]) for row in rows}


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
    return read_rows(
        con,
        WATCHED[name],
        name,
        where="run_id = $run_id AND (seq IS NULL OR seq > $after "
        "OR seq IN (SELECT unnest($changing::BIGINT[])))",
        order="seq NULLS LAST, recorded_at, rowid",
        parameters={"run_id": run_id, "after": after, "changing": list(changing)},
        max_chars=max_chars,
    )
