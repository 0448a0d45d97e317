"""Reads runs: the list, one run, and what a piece of an id means."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.runs import RunFacts, RunPage, RunQuery, RunSummary
from secondtake.backend.store.json_rows import rows_as_json
from secondtake.backend.store.live import add_live_facts
from secondtake.backend.store.long_texts import LONG_TEXTS, cut
from secondtake.backend.store.rows import fetch, naive_utc
from secondtake.backend.store.run_filter import RUN_AT, conditions
from secondtake.backend.store.run_ids import id_range, short_ids
from secondtake.runner.errors import UsageError

# What the list is ordered by; never NULL, so that it can be a place to go on from.
_SORT_AT: Final = f"coalesce({RUN_AT}, TIMESTAMP '1970-01-01')"
_ERROR_CHARS: Final = 300
_MADE: Final = {
    "short_id": "''",
    "inputs_preview": "left(inputs::VARCHAR, 200)",
    "output_preview": "left(output::VARCHAR, 200)",
}
_LIVE: Final = ("current_node", "question", "scores")
"""Fields that are no columns of `runs`."""


def _listed(name: str) -> str:
    kind = LONG_TEXTS["runs"].fields.get(name)
    value = _MADE.get(name) or (name if kind is None else cut(name, kind, _ERROR_CHARS))
    return f"{value} AS {name}"


_SUMMARY: Final = ", ".join(_listed(name) for name in RunSummary.model_fields if name not in _LIVE)


def list_runs(con: DuckDBPyConnection, query: RunQuery) -> RunPage:
    """Return the runs that fit, newest first.

    Pages are cut by key and not by number, so runs that arrive meanwhile move nothing.

    Raises:
        UsageError: the cursor is none of ours.
    """
    where, parameters = conditions(query)
    total = fetch(con, f"SELECT count(*) AS n FROM runs WHERE {where}", parameters)[0]["n"]
    if query.cursor is not None:
        sort_at, run_id = _read_cursor(query.cursor)
        where += f" AND ({_SORT_AT}, run_id) < ($cursor_at::TIMESTAMP, $cursor_id::UUID)"
        parameters |= {"cursor_at": sort_at, "cursor_id": run_id}
    # First which ones, by two columns: then the wide rows of these alone are read.
    rows = fetch(
        con,
        f"""
        SELECT {_SUMMARY}, {_SORT_AT} AS sort_at
        FROM runs
        WHERE rowid IN (
            SELECT rowid FROM runs WHERE {where}
            ORDER BY {_SORT_AT} DESC, run_id DESC LIMIT {query.limit + 1}
        )
        ORDER BY sort_at DESC, run_id DESC
        """,
        parameters,
    )
    page = rows[: query.limit]
    short = short_ids(con, [row["run_id"] for row in page])
    places = [(row.pop("sort_at"), row["run_id"]) for row in page]
    add_live_facts(con, page)
    return RunPage(
        items=[RunSummary.model_validate(row | {"short_id": short[row["run_id"]]}) for row in page],
        total_count=total,
        next_cursor=_write_cursor(*places[-1]) if len(rows) > query.limit else None,
    )


def get_run(
    con: DuckDBPyConnection, run_id: UUID, *, max_chars: int | None = None
) -> RunFacts | None:
    """Return one run with its texts, or None when the store has no such run."""
    text = rows_as_json(
        con,
        RunFacts,
        "runs",
        where="run_id = $run_id",
        order="run_id",
        parameters={"run_id": run_id},
        max_chars=max_chars,
        made={**_MADE, **dict.fromkeys(_LIVE, "NULL")},
    )
    found: list[dict[str, Any]] = json.loads(text)
    if not found:
        return None
    facts = found[0] | {"run_id": run_id}
    add_live_facts(con, [facts])
    return RunFacts.model_validate(facts | {"short_id": short_ids(con, [run_id])[run_id]})


def run_times(con: DuckDBPyConnection, run_id: UUID) -> dict[str, Any]:
    """Return status, beginning and end of a run that is stored."""
    sql = "SELECT status, started_at, ended_at FROM runs WHERE run_id = ?"
    return fetch(con, sql, [run_id])[0]


def run_config(con: DuckDBPyConnection, run_id: UUID) -> Any:
    """Return the configuration of a run that is stored."""
    return fetch(con, "SELECT config FROM runs WHERE run_id = ?", [run_id])[0]["config"]


def statuses_of(con: DuckDBPyConnection, run_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the status of each of the runs that the store has."""
    rows = fetch(
        con,
        """
        SELECT run_id, status FROM runs WHERE run_id IN (SELECT unnest($run_ids::UUID[]))
        """,
        {"run_ids": [str(run_id) for run_id in run_ids]},
    )
    return {row["run_id"]: row["status"] for row in rows}


def last_run_id(con: DuckDBPyConnection) -> UUID | None:
    """Return the run that the list shows first, or None when there is none."""
    rows = fetch(con, f"SELECT run_id FROM runs ORDER BY {_SORT_AT} DESC, run_id DESC LIMIT 1")
    return rows[0]["run_id"] if rows else None


def runs_with_prefix(con: DuckDBPyConnection, digits: str, *, limit: int) -> list[UUID]:
    """Return at most `limit` runs whose id begins with these hexadecimal digits, newest first."""
    low, high = id_range(digits)
    rows = fetch(
        con,
        f"""
        SELECT run_id FROM runs WHERE run_id BETWEEN ? AND ?
        ORDER BY {_SORT_AT} DESC, run_id DESC LIMIT {limit}
        """,
        [low, high],
    )
    return [row["run_id"] for row in rows]


def whole_runs(con: DuckDBPyConnection, run_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the runs that the store has with their end."""
    rows = fetch(
        con,
        """
        SELECT run_id FROM runs
        WHERE run_id IN (SELECT unnest($run_ids::UUID[]))
          AND status NOT IN ('running', 'interrupted')
        """,
        {"run_ids": [str(run_id) for run_id in run_ids]},
    )
    return {row["run_id"] for row in rows}


def _write_cursor(sort_at: datetime, run_id: UUID) -> str:
    place = json.dumps([naive_utc(sort_at).isoformat(), str(run_id)])
    return base64.urlsafe_b64encode(place.encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        sort_at, run_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return datetime.fromisoformat(sort_at), UUID(run_id)
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{cursor[:100]!r} is not a cursor; pass `next_cursor` of the page before, as it came."
        ) from error
