"""Runs: the list, what a name means, one run whole, its tree of spans."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.errors import AmbiguousError, NotFoundError
from secondtake.backend.models.runs import RunDetail, RunFacts, RunPage, RunQuery, SpanTree
from secondtake.backend.services.spans import RunTimes, span_tree
from secondtake.backend.store import calls, memory, messages, runs
from secondtake.backend.store.run_ids import read_digits
from secondtake.backend.store.snapshot import snapshot

LAST: Final = "last"
CANDIDATES_SHOWN: Final = 5


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
            f"{name!r} is not a run's id; see the ids with `secondtake runs`, or write `last`."
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


def get_run(con: DuckDBPyConnection, name: str, *, max_chars: int | None = None) -> RunDetail:
    """Return a run and every row of it, long values cut after `max_chars` characters.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    with snapshot(con):
        run_id = resolve_run(con, name)
        return RunDetail(
            summary=_facts(con, run_id, max_chars),
            messages=messages.list_messages(con, run_id, max_chars=max_chars),
            tool_calls=calls.list_tool_calls(con, run_id, max_chars=max_chars),
            llm_calls=calls.list_llm_calls(con, run_id, max_chars=max_chars),
            node_timings=calls.list_node_timings(con, run_id, max_chars=max_chars),
            memory=memory.list_memory(con, run_id, max_chars=max_chars),
            evaluations=memory.list_evaluations(con, run_id, max_chars=max_chars),
            tool_definitions=messages.list_tool_definitions(con, run_id, max_chars=max_chars),
        )


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
    with snapshot(con):
        run_id = resolve_run(con, name)
        times = RunTimes(**runs.run_times(con, run_id))
        rows = calls.list_spans(con, run_id)
    return span_tree(run_id, rows, times, now=now or datetime.now(UTC))


def whole_runs(con: DuckDBPyConnection, run_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the runs that the store has with their end."""
    return runs.whole_runs(con, run_ids)


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
