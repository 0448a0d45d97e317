"""The rows of a run's state fold to the state that it had, at every step."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.replaying import recording_of

from secondtake.runner import context
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.session import ReplaySession
from secondtake.runner.run import start_run
from secondtake.runner.workflows.ledger import StateLedger
from secondtake.runner.workflows.schema import StateKey
from secondtake.runner.workflows.value_types import Reducer, reduce

KEYS = {
    name: StateKey.model_validate(key)
    for name, key in {
        "text": {"type": "string", "default": "begin"},
        "empty": {"type": "any"},
        "log": {"type": "list[any]", "reducer": "append"},
        "total": {"type": "number", "reducer": "add"},
        "seen": {"type": "object", "reducer": "merge"},
    }.items()
}
REDUCERS: dict[str, Reducer] = {"append": "append", "add": "add", "merge": "merge"}

values = st.one_of(st.none(), st.integers(-9, 9), st.text(max_size=5), st.booleans())
changes = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(max_size=5),
        "empty": values,
        "log": st.lists(values, max_size=3),
        "total": st.integers(-100, 100),
        "seen": st.dictionaries(st.sampled_from("abc"), values, max_size=3),
    },
)
steps = st.lists(st.lists(changes, max_size=4), max_size=5)


def folded(recording: Recording) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for change in recording.memory:
        how = REDUCERS.get(change.operation, "replace")
        state[change.key] = reduce(state.get(change.key), change.value, how)
    return state


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps, edits=changes, random=st.randoms(use_true_random=False))
def test_rows_fold_to_the_state_whatever_order_branches_end_in(
    home: Path, steps: list[list[dict[str, Any]]], edits: dict[str, Any], random: Any
) -> None:
    expected: dict[str, Any] = {}
    with start_run("fold") as run:
        ledger = StateLedger(KEYS, run)
        expected |= ledger.begin()
        paths: dict[str, dict[str, Any]] = {}
        for number, branches in enumerate(steps):
            order = list(enumerate(branches))
            random.shuffle(order)
            for place, branch in order:
                with context.node(f"n{number}_{place}") as where:
                    ledger.note(place, "same", where, branch)
                    assert where is not None
                    paths[str(where.node_path)] = branch
            assert ledger.commit() is None
            for branch in branches:
                for key, change in branch.items():
                    how = KEYS[key].reducer
                    held = key in expected
                    expected[key] = reduce(expected[key], change, how) if held else change
        for key, value in edits.items():
            ledger.replace(key, value)
            expected[key] = value
        assert ledger.state == expected

    recording = recording_of(home, run.run_id)
    state = folded(recording)
    assert {key: value for key, value in state.items() if key in expected} == expected
    assert all(value is None for key, value in state.items() if key not in expected)
    session = ReplaySession(recording, ReplayOptions())
    for path, branch in paths.items():
        assert session.recorded_changes(path) == branch


def test_nothing_is_known_of_a_node_that_did_not_run(home: Path) -> None:
    with start_run("none") as run:
        pass
    session = ReplaySession(recording_of(home, run.run_id), ReplayOptions())
    assert session.recorded_changes("write[1]") is None
    with pytest.raises(StopIteration):
        next(iter(session.recording.nodes))
