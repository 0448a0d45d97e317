"""Runs: the list, what a name means, one run whole, its tree of spans."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson
from duckdb import DuckDBPyConnection
from pydantic import TypeAdapter

from secondtake.backend.errors import AmbiguousError, NotFoundError
from secondtake.backend.models.base import read_json
from secondtake.backend.models.runs import (
    RUN_PARTS,
    RunDetail,
    RunFacts,
    RunPage,
    RunPart,
    RunQuery,
    SpanTree,
)
from secondtake.backend.services.spans import RunTimes, tree_fields
from secondtake.backend.store import calls, runs
from secondtake.backend.store.children import list_rows_as_json
from secondtake.backend.store.patience import patient
from secondtake.backend.store.run_ids import read_digits
from secondtake.backend.store.snapshot import snapshot

LAST: Final = "last"
CANDIDATES_SHOWN: Final = 5
NAME_CHARS: Final = 100


@patient
def list_runs(con: DuckDBPyConnection, query: RunQuery) -> RunPage:
    """Return the runs that fit the query, newest first.

    Raises:
        UsageError: the cursor is none of ours.
    """
    with snapshot(con):
        return runs.list_runs(con, query)


def resolve_run(con: DuckDBPyConnection, name: str) -> UUID:
    """Return the run that `name` means: an id with or without hyphens, a prefix, or `last`.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    if name == LAST:
        return _last(con)
    digits = read_digits(name)
    if digits is None:
        raise NotFoundError(
            f"{_shown(name)} is not a run's id; see the ids with `secondtake runs`, or write `last`."
        )
    found = runs.runs_with_prefix(con, digits, limit=CANDIDATES_SHOWN + 1)
    if not found:
        raise NotFoundError(f"There is no run {name!r}; see the ids with `secondtake runs`.")
    if len(found) > 1:
        shown = ", ".join(str(run_id) for run_id in found[:CANDIDATES_SHOWN])
        more = ", ..." if len(found) > CANDIDATES_SHOWN else ""
        raise AmbiguousError(
            f"More than one run begins with {name!r}: {shown}{more}; write more characters."
        )
    return found[0]


def get_run(
    con: DuckDBPyConnection,
    name: str,
    *,
    max_chars: int | None = None,
    parts: Sequence[RunPart] | None = None,
) -> RunDetail:
    """Return a run and its rows; the arguments are those of `get_run_as_json`.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    text = get_run_as_json(con, name, max_chars=max_chars, parts=parts)
    return read_json(_detail_reader(), text)


@patient
def get_run_as_json(
    con: DuckDBPyConnection,
    name: str,
    *,
    max_chars: int | None = None,
    parts: Sequence[RunPart] | None = None,
) -> bytes:
    """Return a run and its rows as the JSON of a `RunDetail`.

    Rows become JSON in the database, and no objects on the way: a run may have thousands.

    Args:
        con: the store.
        name: of the run.
        max_chars: long values are cut after as many characters; None for whole ones.
        parts: the lists of rows that are wanted; None for all.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    wanted = [part for part in RUN_PARTS if parts is None or part in parts]
    with snapshot(con):
        run_id = resolve_run(con, name)
        facts = _facts(con, run_id, max_chars)
        lists: dict[str, str] = {
            part: list_rows_as_json(con, part, run_id, max_chars=max_chars)
            if part in wanted
            else "[]"
            for part in RUN_PARTS
        }
    summary = facts.model_dump_json()
    fields: dict[str, str] = {"summary": summary, **lists, "parts": json.dumps(wanted)}
    pairs = ",".join(f'"{name}":{text}' for name, text in fields.items())
    return f"{{{pairs}}}".encode()


def run_spans(con: DuckDBPyConnection, name: str, *, now: datetime | None = None) -> SpanTree:
    """Return the spans of a run as a tree, with its critical path.

    Args:
        con: the store.
        name: of the run.
        now: where the time of a running run ends; by default the clock.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    return SpanTree.model_validate(_tree(con, name, now))


def run_spans_as_json(con: DuckDBPyConnection, name: str) -> bytes:
    """Return the spans of a run as the JSON of a `SpanTree`.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    tree = _tree(con, name, None)
    return orjson.dumps(tree, default=str, option=orjson.OPT_UTC_Z)  # money as text


@patient
def _tree(con: DuckDBPyConnection, name: str, now: datetime | None) -> dict[str, Any]:
    with snapshot(con):
        run_id = resolve_run(con, name)
        times = RunTimes(**runs.run_times(con, run_id))
        rows = calls.list_spans(con, run_id)
    return tree_fields(run_id, rows, times, now=now or datetime.now(UTC))


@cache
def _detail_reader() -> TypeAdapter[RunDetail]:
    return TypeAdapter(RunDetail)


def whole_runs(con: DuckDBPyConnection, run_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the runs that the store has with their end."""
    return runs.whole_runs(con, run_ids)


def _shown(name: str) -> str:
    """Return a name as it may stand in a sentence, whatever somebody wrote."""
    return repr(name if len(name) <= NAME_CHARS else f"{name[:NAME_CHARS]}...")


def _last(con: DuckDBPyConnection) -> UUID:
    run_id = runs.last_run_id(con)
    if run_id is None:
        raise NotFoundError("There are no runs yet; record one with `secondtake run WORKFLOW`.")
    return run_id


def _facts(con: DuckDBPyConnection, run_id: UUID, max_chars: int | None) -> RunFacts:
    facts = runs.get_run(con, run_id, max_chars=max_chars)
    if facts is None:
        raise NotFoundError(f"The run {run_id} is gone; see the others with `secondtake runs`.")
    return facts
