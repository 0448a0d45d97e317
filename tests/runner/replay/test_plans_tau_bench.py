"""Plans of real conversations that were imported, against what their replays then execute."""

import gzip
import json
from pathlib import Path

import pytest
from tests.support.planning import live_calls, loop_plan, reached
from tests.support.tau_records import events_of

from secondtake.runner.events import LlmCall
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.planning import plan_run
from secondtake.runner.replay.plans import Plan
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.stepwise import replay_stepwise
from secondtake.runner.settings import load_settings

FILE = "tau-bench/gpt-4o-airline.json.gz"
RUNS = 15
OVERRIDES = (
    ("model=sim/strong",),
    ("llm_calls.2.messages.0=You help travellers.",),
    ("tool_calls.1.result=Nothing was found.",),
)


@pytest.fixture
def recordings(home: Path, tmp_path: Path, shared_data: Path) -> list[Recording]:
    """Runs that made a tool call; what is asked again is asked of a simulated model."""
    whole = (shared_data / "trajectories" / FILE).read_bytes()
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(json.loads(gzip.decompress(whole))[: 2 * RUNS]), encoding="utf-8")
    found: list[Recording] = []
    for events in events_of(path, load_settings()):
        simulated = [
            event.model_copy(update={"model": "sim/weak"}) if isinstance(event, LlmCall) else event
            for event in events
        ]
        found.append(Recording.of(simulated))
    called = [each for each in found if each.tool_calls and len(each.llm_calls) > 2][:RUNS]
    assert len(called) == RUNS
    return called


@pytest.mark.parametrize("texts", OVERRIDES, ids=lambda texts: texts[0].partition("=")[0])
def test_what_is_certain_is_executed_and_nothing_but_what_is_possible_beside_it(
    recordings: list[Recording], texts: tuple[str, ...]
) -> None:
    surely = maybe = 0
    for recording in recordings:
        plan = loop_plan(recording, *texts)
        live = live_calls(recording, *texts)
        certain, possible = set(reached(plan, "executed")), set(reached(plan, "possible"))
        assert certain <= live <= certain | possible, recording.run_id
        assert plan.upper_usd is None, "the source does not say how many tokens its calls had"
        surely, maybe = surely + len(certain), maybe + len(possible)
    assert surely > RUNS
    assert maybe > RUNS


def test_a_stepwise_replay_asks_exactly_what_its_plan_says(recordings: list[Recording]) -> None:
    settings = load_settings()
    for recording in recordings[:5]:
        changes = read_changes(["llm_calls.2.messages.0=You help travellers."], recording)
        plan: Plan = plan_run(recording, changes, "stepwise", settings=settings)
        steps = replay_stepwise(recording, changes, settings=settings).extra["steps"]
        live = [step["call"] for step in steps if step.get("served_from") == "live"]
        assert reached(plan, "executed") == live
        assert reached(plan, "possible") == []
