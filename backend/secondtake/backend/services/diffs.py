"""The difference of any two runs: their rows, as `secondtake.evals` compares them."""

import re
from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.errors import NotFoundError
from secondtake.backend.models.diffs import RunDiff
from secondtake.backend.models.records import ToolDefinitionsRow
from secondtake.backend.models.runs import StateQuery
from secondtake.backend.services.diff_sides import configuration_of, side_of
from secondtake.backend.services.diff_steps import Noted, read_calls, steps_of
from secondtake.backend.services.diff_values import VALUE_CHARS, comparable_value, cut_note
from secondtake.backend.services.runs import resolve_run
from secondtake.backend.services.state import fold_state
from secondtake.backend.store import diffs, runs
from secondtake.backend.store.children import list_rows
from secondtake.backend.store.patience import patient
from secondtake.backend.store.snapshot import snapshot
from secondtake.evals.diffs.compare import diff_runs as compare
from secondtake.evals.diffs.model import DiffInput, Step

_CALL: Final = re.compile(r"call\[(\d+)\]")
"""The node of a stepwise replay in which a call of the source is asked again."""


def diff_runs(con: DuckDBPyConnection, a: str, b: str) -> RunDiff:
    """Return what differs between two runs, A the baseline and B the candidate.

    Args:
        con: the store.
        a: name of a run: its id, a unique prefix of it, or `last`.
        b: name of a run; it may be the same.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    run_a, run_b = resolve_run(con, a), resolve_run(con, b)
    first, second = read_input(con, run_a), read_input(con, run_b)
    if _asks_each_call_of(con, run_b, run_a):
        first, second = _call_by_call(first, second)
    return compare(first, second)


def _asks_each_call_of(con: DuckDBPyConnection, run_id: UUID, source: UUID) -> bool:
    """Tell whether a run is a stepwise replay of another."""
    replay = diffs.read_replay(con, run_id)
    return (
        replay is not None
        and replay["replay_kind"] == "stepwise"
        and replay["source_run_id"] == source
    )


def _call_by_call(source: DiffInput, replay: DiffInput) -> tuple[DiffInput, DiffInput]:
    """Put each call of a stepwise replay where it was in the source, whose tools were not asked."""
    asked = [step for step in source.steps if step.kind == "llm"]
    places = {step.number: step for step in asked}
    again: list[Step] = []
    for step in replay.steps:
        found = _CALL.match(step.node_path or "")
        place = places.get(int(found[1])) if found else None
        if place is None:
            again.append(step)
        else:
            again.append(step.model_copy(update={"node": place.node, "number": place.number}))
    again.sort(key=lambda step: step.number)
    asked.sort(key=lambda step: step.number)
    return (
        source.model_copy(update={"steps": asked}),
        replay.model_copy(update={"steps": again}),
    )


@patient
def read_input(con: DuckDBPyConnection, run_id: UUID) -> DiffInput:
    """Return what is compared of a run.

    Raises:
        NotFoundError: the run is gone.
    """
    with snapshot(con):
        run = runs.get_run(con, run_id, max_chars=VALUE_CHARS)
        if run is None:
            raise NotFoundError(f"The run {run_id} is gone; see the others with `secondtake runs`.")
        count = (run.llm_call_count or 0) + (run.tool_call_count or 0)
        noted = Noted(con, run_id)
        run = noted.run(run)
        calls = read_calls(con, run_id, call_count=count)
        definitions = list_rows(
            con, ToolDefinitionsRow, "tool_definitions", run_id, max_chars=VALUE_CHARS
        )
        replay = diffs.read_replay(con, run_id)
    return DiffInput(
        side=side_of(run, replay),
        steps=steps_of(calls),
        inputs=comparable_value(run.inputs),
        output=comparable_value(run.output),
        state=comparable_value(_final_state(con, run_id)),
        configuration=comparable_value(configuration_of(run, calls, definitions, replay)),
    )


def _final_state(con: DuckDBPyConnection, run_id: UUID) -> Any:
    state = fold_state(con, StateQuery(run=str(run_id), max_chars=VALUE_CHARS))
    if not any(step.keys for step in state.steps):
        return None
    digests = diffs.state_digests(con, run_id, list(state.clipped)) if state.clipped else {}
    notes = {
        key: cut_note(total, VALUE_CHARS, digests.get(key, "unknown"))
        for key, total in state.clipped.items()
    }
    return {
        key: f"{value}{notes[key]}" if key in notes else value
        for key, value in state.values.items()
    }
