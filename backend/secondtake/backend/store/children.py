"""Reads the rows that belong to a run, each list in the order in which it happened."""

from dataclasses import dataclass
from typing import Final, TypeVar
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
    ToolDefinitionsRow,
)
from secondtake.backend.store.json_rows import read_rows, rows_as_json

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, kw_only=True)
class Child:
    """One kind of row."""

    model: type[Row]
    order: str


# seq is the order of a source that has one; else time, as far as it is known.
_SPANS: Final = "seq NULLS LAST, started_at NULLS LAST, recorded_at, span_id"
_TOLD: Final = "seq NULLS LAST, recorded_at, "

CHILDREN: Final = {
    "messages": Child(model=MessageRow, order=f"{_TOLD}depth, message_id"),
    "tool_calls": Child(model=ToolCallRow, order=_SPANS),
    "llm_calls": Child(model=LlmCallRow, order=_SPANS),
    "node_timings": Child(model=NodeTiming, order=_SPANS),
    "memory": Child(model=MemoryRow, order=f"{_TOLD}rowid"),
    "evaluations": Child(model=EvaluationRow, order=f"{_TOLD}name, evaluation_id"),
    "tool_definitions": Child(model=ToolDefinitionsRow, order=f"{_TOLD}tools_hash"),
}
"""By the names of the lists that a run has."""

_WHERE: Final = "run_id = $run_id"


def list_rows(
    con: DuckDBPyConnection, model: type[R], rows: str, run_id: UUID, *, max_chars: int | None
) -> list[R]:
    """Return the rows of one kind as models; `model` is that of `rows`."""
    return read_rows(
        con,
        model,
        rows,
        where=_WHERE,
        order=CHILDREN[rows].order,
        parameters={"run_id": run_id},
        max_chars=max_chars,
    )


def list_rows_as_json(
    con: DuckDBPyConnection, rows: str, run_id: UUID, *, max_chars: int | None
) -> str:
    """Return the rows of one kind as a JSON array."""
    return rows_as_json(
        con,
        CHILDREN[rows].model,
        rows,
        where=_WHERE,
        order=CHILDREN[rows].order,
        parameters={"run_id": run_id},
        max_chars=max_chars,
    )
