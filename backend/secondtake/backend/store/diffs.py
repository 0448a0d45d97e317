"""Reads what a diff needs besides the rows of a run."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.store.children import CHILDREN
from secondtake.backend.store.long_texts import LONG_TEXTS, short_id
from secondtake.backend.store.rows import fetch


def digests(
    con: DuckDBPyConnection, rows: str, run_id: UUID, field: str, keys: Sequence[str]
) -> dict[str, str]:
    """Return what tells long values apart of which only the beginnings were read.

    Args:
        con: the store.
        rows: a name of `LONG_TEXTS`.
        run_id: the run.
        field: a column that was clipped.
        keys: of the rows, as text and as they are when they are clipped; of the run itself "".

    Returns:
        By key 32 hexadecimal digits, the MD5 of the whole value.
    """
    place = LONG_TEXTS[rows]
    assert field in place.fields, "the column may be long"
    key = "''" if place.key is None else f"{place.key}::VARCHAR"
    if place.key is not None and place.fields.get(place.key) == "ID":
        key = short_id(place.key)
    found = fetch(
        con,
        f"""
        SELECT {key} AS key, md5({field}::VARCHAR) AS digest
        FROM {place.table}
        WHERE run_id = $run_id AND {key} IN (SELECT unnest($keys::VARCHAR[]))
        """,
        {"run_id": run_id, "keys": list(keys)},
    )
    return {row["key"]: row["digest"] for row in found}


def state_digests(con: DuckDBPyConnection, run_id: UUID, keys: Sequence[str]) -> dict[str, str]:
    """Return what tells long values of the final state apart.

    Args:
        con: the store.
        run_id: the run.
        keys: of the state, as they are when they are clipped.

    Returns:
        By key the MD5 of the changes that make up the value, the last that replaced it first.
    """
    found = fetch(
        con,
        f"""
        WITH changes AS (
            SELECT {short_id("key")} AS name, operation IN ('init', 'set') AS replaces,
                   md5(value::VARCHAR) AS digest,
                   row_number() OVER (ORDER BY {CHILDREN["memory"].order}) AS place
            FROM memory_snapshots
            WHERE run_id = $run_id AND scope = 'state' AND operation <> 'read'
              AND {short_id("key")} IN (SELECT unnest($keys::VARCHAR[]))
        ), begun AS (
            SELECT name, max(place) FILTER (replaces) AS place FROM changes GROUP BY name
        )
        SELECT name AS key, md5(string_agg(digest, '' ORDER BY changes.place)) AS digest
        FROM changes JOIN begun USING (name)
        WHERE changes.place >= coalesce(begun.place, 0)
        GROUP BY name
        """,
        {"run_id": run_id, "keys": list(keys)},
    )
    return {row["key"]: row["digest"] for row in found}


def read_replay(con: DuckDBPyConnection, run_id: UUID) -> dict[str, Any] | None:
    """Return how a run that is a replay was asked for; None of any other, and before its end."""
    found = fetch(
        con,
        """
        SELECT overrides, from_node, llm_policy, tool_policy, replay_kind, source_run_id
        FROM replays WHERE run_id = ?
        """,
        [run_id],
    )
    return found[0] if found else None
