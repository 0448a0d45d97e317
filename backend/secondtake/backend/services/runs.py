"""Runs: the list, one whole run, its tree of spans."""

import re
from typing import Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.errors import AmbiguousError, NotFoundError
from secondtake.backend.models.runs import RunDetail, RunFacts, RunPage, RunQuery, SpanTree
from secondtake.backend.services.spans import build_tree
from secondtake.backend.store import calls, memory, messages, runs

LAST: Final = "last"
CANDIDATES_SHOWN: Final = 5

_ID: Final = re.compile(r"[0-9a-f]{1,32}")


def list_runs(con: DuckDBPyConnection, query: RunQuery) -> RunPage:
    """Return the runs that fit the query, newest first.

    Raises:
        UsageError: the cursor is none of ours.
    """
    return runs.list_runs(con, query)


def resolve_run(con: DuckDBPyConnection, name: str) -> UUID:
    """Return the run that `name` means: an id with or without hyphens, a prefix, or `last`.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    if name == LAST:
        return _last(con)
    digits = name.strip().lower().replace("-", "")
    if not _ID.fullmatch(digits):
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


def get_run(con: DuckDBPyConnection, name: str) -> RunDetail:
    """Return a run and every row of it.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    run_id = resolve_run(con, name)
    return RunDetail(
        summary=_facts(con, run_id),
        messages=messages.list_messages(con, run_id),
        tool_calls=calls.list_tool_calls(con, run_id),
        llm_calls=calls.list_llm_calls(con, run_id),
        node_timings=calls.list_node_timings(con, run_id),
        memory=memory.list_memory(con, run_id),
        evaluations=memory.list_evaluations(con, run_id),
    )


def run_spans(con: DuckDBPyConnection, name: str) -> SpanTree:
    """Return the spans of a run as a tree.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    run_id = resolve_run(con, name)
    return SpanTree(run_id=run_id, spans=build_tree(calls.list_spans(con, run_id)))


def _last(con: DuckDBPyConnection) -> UUID:
    run_id = runs.last_run_id(con)
    if run_id is None:
        raise NotFoundError("There are no runs yet; record one with `secondtake run WORKFLOW`.")
    return run_id


def _facts(con: DuckDBPyConnection, run_id: UUID) -> RunFacts:
    facts = runs.get_run(con, run_id)
    if facts is None:
        raise NotFoundError(f"The run {run_id} is gone; see the others with `secondtake runs`.")
    return facts
