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
from secondtake.backend.store.rows import fetch, naive_utc
from secondtake.runner.errors import UsageError

SHORT_ID_LENGTH: Final = 13
"""`xxxxxxxx-xxxx`: the first 48 bits, which in a UUIDv7 are its millisecond."""
ID_DIGITS: Final = 32

# What the list is ordered by; never NULL, so that it can be a place to go on from.
_SORT_AT: Final = "coalesce(started_at, recorded_at, TIMESTAMP '1970-01-01')"
_MADE: Final = {
    "short_id": "''",
    "error_message": "left(error_message, 300)",
    "inputs_preview": "left(inputs::VARCHAR, 200)",
    "output_preview": "left(output::VARCHAR, 200)",
}
_SUMMARY: Final = ", ".join(
    f"{_MADE[name]} AS {name}" if name in _MADE else name for name in RunSummary.model_fields
)


def list_runs(con: DuckDBPyConnection, query: RunQuery) -> RunPage:
    """Return the runs that fit, newest first.

    Pages are cut by key and not by number, so runs that arrive meanwhile move nothing.

    Raises:
        UsageError: the cursor is none of ours.
    """
    where, parameters = _conditions(query)
    total = fetch(con, f"SELECT count(*) AS n FROM runs WHERE {where}", parameters)[0]["n"]
    if query.cursor is not None:
        sort_at, run_id = _read_cursor(query.cursor)
        where += f" AND ({_SORT_AT}, run_id) < ($cursor_at::TIMESTAMP, $cursor_id::UUID)"
        parameters |= {"cursor_at": sort_at, "cursor_id": run_id}
    rows = fetch(
        con,
        f"""
        SELECT {_SUMMARY}, {_SORT_AT} AS sort_at
        FROM runs
        WHERE {where}
        ORDER BY sort_at DESC, run_id DESC
        LIMIT {query.limit + 1}
        """,
        parameters,
    )
    page = rows[: query.limit]
    short = short_ids(con, [row["run_id"] for row in page])
    places = [(row.pop("sort_at"), row["run_id"]) for row in page]
    return RunPage(
        items=[RunSummary.model_validate(row | {"short_id": short[row["run_id"]]}) for row in page],
        total_count=total,
        next_cursor=_write_cursor(*places[-1]) if len(rows) > query.limit else None,
    )


def get_run(con: DuckDBPyConnection, run_id: UUID) -> RunFacts | None:
    """Return one run with its texts, or None when the store has no such run."""
    made = _MADE | {"error_message": "error_message"}
    columns = ", ".join(
        f"{made[name]} AS {name}" if name in made else name for name in RunFacts.model_fields
    )
    rows = fetch(con, f"SELECT {columns} FROM runs WHERE run_id = ?", [run_id])
    if not rows:
        return None
    return RunFacts.model_validate(rows[0] | {"short_id": short_ids(con, [run_id])[run_id]})


def last_run_id(con: DuckDBPyConnection) -> UUID | None:
    """Return the run that the list shows first, or None when there is none."""
    rows = fetch(con, f"SELECT run_id FROM runs ORDER BY {_SORT_AT} DESC, run_id DESC LIMIT 1")
    return rows[0]["run_id"] if rows else None


def runs_with_prefix(con: DuckDBPyConnection, digits: str, *, limit: int) -> list[UUID]:
    """Return at most `limit` runs whose id begins with these hexadecimal digits, newest first."""
    low, high = (UUID(hex=digits.ljust(ID_DIGITS, fill)) for fill in "0f")
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


def short_ids(con: DuckDBPyConnection, run_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return for each id its shortest prefix, of at least 13 characters, unique in the store."""
    if not run_ids:
        return {}
    rows = fetch(
        con,
        f"""
        SELECT run_id FROM runs
        WHERE left(run_id::VARCHAR, {SHORT_ID_LENGTH}) IN (SELECT unnest($prefixes::VARCHAR[]))
        ORDER BY run_id
        """,
        {"prefixes": [str(run_id)[:SHORT_ID_LENGTH] for run_id in run_ids]},
    )
    return _shortest({str(row["run_id"]) for row in rows} | {str(r) for r in run_ids})


def _shortest(texts: set[str]) -> dict[UUID, str]:
    ordered = sorted(texts)
    short: dict[UUID, str] = {}
    for place, text in enumerate(ordered):
        neighbours = ordered[max(place - 1, 0) : place] + ordered[place + 1 : place + 2]
        shared = max((_shared_length(text, other) for other in neighbours), default=0)
        short[UUID(text)] = text[: max(shared + 1, SHORT_ID_LENGTH)]
    return short


def _shared_length(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))


def _conditions(query: RunQuery) -> tuple[str, dict[str, Any]]:
    """Return what follows WHERE, and its parameters."""
    tests = ["true"]
    parameters: dict[str, Any] = {}
    simple = {
        "status": ("status = $status", query.status),
        "workflow": ("coalesce(workflow, name) = $workflow", query.workflow),
        "model": (
            "len(list_filter(models, lambda m: m = $model OR ends_with(m, '/' || $model))) > 0",
            query.model,
        ),
        "since": (f"{_SORT_AT} >= $since", query.since and naive_utc(query.since)),
        "session_id": ("session_id = $session_id", query.session_id),
        "user_id": ("user_id = $user_id", query.user_id),
    }
    for name, (test, value) in simple.items():
        if value is not None:
            tests.append(test)
            parameters[name] = value
    for number, (key, value) in enumerate(query.tags.items()):
        tests.append(f"map_extract_value(tags, $key_{number}) = $value_{number}")
        parameters |= {f"key_{number}": key, f"value_{number}": value}
    return " AND ".join(tests), parameters


def _write_cursor(sort_at: datetime, run_id: UUID) -> str:
    place = json.dumps([naive_utc(sort_at).isoformat(), str(run_id)])
    return base64.urlsafe_b64encode(place.encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        sort_at, run_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return datetime.fromisoformat(sort_at), UUID(run_id)
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{cursor!r} is not a cursor; pass `next_cursor` of the page before, as it came."
        ) from error
