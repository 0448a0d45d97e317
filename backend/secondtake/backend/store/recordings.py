"""Reads every row of a run that an event made, by column, the values as they are stored."""

from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.store.columns import event_models, quoted
from secondtake.backend.store.rows import fetch
from secondtake.runner.events import TABLES

NOT_COLUMNS: Final = {"kind", "seq"}
"""`kind` is the table; of a run's beginning and end no `seq` is kept."""


def list_event_rows(con: DuckDBPyConnection, run_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a run by table, each list in the order in which it happened.

    `runs` has one row, with `status`; each list is empty for a run that is not stored.
    """
    fields: dict[str, dict[str, None]] = {}
    for kind, model in event_models():
        fields.setdefault(TABLES[kind], {}).update(dict.fromkeys(model.model_fields))
    return {table: _rows(con, table, list(names), run_id) for table, names in fields.items()}


def _rows(
    con: DuckDBPyConnection, table: str, names: list[str], run_id: UUID
) -> list[dict[str, Any]]:
    columns = [name for name in names if name != "kind"]
    order = "seq NULLS LAST, recorded_at, rowid"
    if table == "runs":
        columns = [name for name in names if name not in NOT_COLUMNS]
        order = "rowid"
    sql = f"SELECT {quoted(columns)} FROM {table} WHERE run_id = ? ORDER BY {order}"
    return fetch(con, sql, [run_id])
