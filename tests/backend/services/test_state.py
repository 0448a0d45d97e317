"""The state after any step, folded from what the nodes changed."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.support.stored import write_research_run

from secondtake.backend.errors import NotFoundError
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.runs import StateQuery
from secondtake.backend.services.state import Change, state_at
from secondtake.runner.settings import load_settings

RUN = uuid4()


def change(operation: str, key: str, value: Any, span: str | None) -> Change:
    return Change(
        place=0,
        operation=operation,
        key=key,
        value=value,
        span_id=span,
        node_path=span,
    )


ROWS = [
    change("init", "notes", ["a"], None),
    change("init", "total", 1, None),
    change("append", "notes", ["b"], "plan"),
    change("add", "total", 2.5, "plan"),
    change("merge", "facts", {"x": 1}, "look"),
    change("merge", "facts", {"y": 2}, "plan"),
    change("set", "notes", "done", "plan"),
]


def test_the_end_is_the_fold_of_every_change() -> None:
    state = state_at(RUN, ROWS, step=None)
    assert state.values == {"notes": "done", "total": 3.5, "facts": {"x": 1, "y": 2}}
    assert (state.step, len(state.steps), state.changed) == (3, 4, ["facts", "notes"])
    assert state.problems == []


def test_each_step_is_the_state_after_one_node() -> None:
    at = [state_at(RUN, ROWS, step=number).values for number in range(4)]
    assert at[0] == {"notes": ["a"], "total": 1}
    assert at[1] == {"notes": ["a", "b"], "total": 3.5}
    assert at[2] == {"notes": ["a", "b"], "total": 3.5, "facts": {"x": 1}}


def test_folding_changes_no_recorded_row() -> None:
    state_at(RUN, ROWS, step=None)
    assert ROWS[0].value == ["a"]
    assert ROWS[4].value == {"x": 1}


def test_a_change_that_does_not_fit_is_told_and_left_out() -> None:
    rows = [change("init", "n", "text", None), change("add", "n", 1, "plan")]
    state = state_at(RUN, rows, step=None)
    assert state.values == {"n": "text"}
    assert state.problems == ["step 1: `add` cannot join a number to 'n', which holds text"]


def test_a_step_that_there_is_not_is_told() -> None:
    with pytest.raises(NotFoundError, match="has no step 9; its last is 3"):
        state_at(RUN, ROWS, step=9)


def test_a_run_without_state_has_one_empty_step() -> None:
    state = state_at(RUN, [], step=None)
    assert (state.values, state.step, len(state.steps)) == ({}, 0, 1)


def test_the_state_of_a_stored_run(home: Path) -> None:
    run_id = write_research_run(home)
    backend = LocalBackend(load_settings())
    assert backend.fold_state(StateQuery(run=str(run_id), step=0)).values == {"notes": []}
    assert backend.fold_state(StateQuery(run="last")).values == {"notes": ["a fridge"]}
