"""Reads the state of a run: what changed it, and the values that make it up."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.store.children import CHILDREN
from secondtake.backend.store.long_texts import cut, short_id, short_name, whole_length
from secondtake.backend.store.rows import fetch


def list_state_changes(
    con: DuckDBPyConnection, run_id: UUID, *, are_short: bool
) -> list[dict[str, Any]]:
    """Return the changes of the state in order, without their values.

    `place` is what `read_state_values` takes; `begins` the first character of the value as JSON,
    by which its kind is known.

    Args:
        con: the store.
        run_id: the run.
        are_short: whether long keys, paths and ids are cut, as they are in rows that are clipped.
    """
    names = (
        f"{short_id('key')} AS key, {short_id('span_id')} AS span_id, "
        f"{short_name('node_path')} AS node_path"
        if are_short
        else "key, span_id, node_path"
    )
    return fetch(
        con,
        f"""
        SELECT rowid AS place, operation, {names}, left(value::VARCHAR, 1) AS begins
        FROM memory_snapshots
        WHERE run_id = ? AND scope = 'state'
          AND operation IN ('init', 'set', 'append', 'add', 'merge')
        ORDER BY {CHILDREN["memory"].order}
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
    value, length = "value", "NULL"
    if max_chars is not None:
        value, length = cut(value, "JSON", max_chars), whole_length(value, "JSON", max_chars)
    rows = fetch(
        con,
        f"""
        SELECT rowid AS place, ({value})::JSON AS value, {length} AS whole_length
        FROM memory_snapshots
        WHERE run_id = $run_id AND rowid IN (SELECT unnest($places::BIGINT[]))
        """,
        {"run_id": run_id, "places": list(places)},
    )
    return {row["place"]: (row["value"], row["whole_length"]) for row in rows}
