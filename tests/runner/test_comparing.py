"""Executing models x inputs x repeats: each a run that says where it stands."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.journal import recorded

from secondtake.runner.comparing import (
    Case,
    ComparisonPlan,
    Executed,
    PlannedRun,
    check_models,
    check_reached,
    execute_runs,
    of_prompt,
    of_workflow,
)
from secondtake.runner.errors import RunCancelled, UsageError
from secondtake.runner.result import RunResult
from secondtake.runner.run import start_run
from secondtake.runner.settings import Settings, load_settings
from secondtake.runner.supervise import OnStart
from secondtake.runner.workflows.load import Workflow, load_workflow

WITHIN_S = 20.0
ASKING = """\
name: ask
state: {answer: {type: string}}
nodes:
  approve: {kind: human, question: "Go on?", choices: ["yes", "no"], output: answer}
  say: {kind: llm, prompt: "Say {{ answer }}.", output: answer}
edges: [{from: START, to: approve}, {from: approve, to: say}, {from: say, to: END}]
output: answer
"""


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings({"home": home})


def workflow_of(text: str) -> Workflow:
    path = Path("flow.yaml")
    path.write_text(text, encoding="utf-8")
    return load_workflow(path, settings=load_settings())


def cases(count: int) -> Iterator[Case]:
    for number in range(1, count + 1):
        yield Case(case_id=str(number), inputs={})


def test_each_run_says_where_it_stands(settings: Settings) -> None:
    plan = ComparisonPlan(models=["sim/strong", "sim/weak"], case_count=1, repeats=2)
    execute = of_prompt("What is 17 * 23?", settings=settings)
    done = execute_runs(plan.runs(cases(1)), execute, parallel=2)
    assert (done.ended, done.ok, done.is_cancelled, done.refusal) == (4, 4, False, None)
    starts = recorded(settings.home, "run_started")
    assert {start["experiment_id"] for start in starts} == {plan.experiment_id}
    places = sorted((start["variant"], start["case_id"], start["repeat"]) for start in starts)
    assert places == [
        ("sim/strong", "1", 1),
        ("sim/strong", "1", 2),
        ("sim/weak", "1", 1),
        ("sim/weak", "1", 2),
    ]
    about = {"models": ["sim/strong", "sim/weak"], "case_count": 1, "repeats": 2}
    assert all(start["extra"] == {"comparison": about} for start in starts)
    models = {call["model"] for call in recorded(settings.home, "llm_call")}
    assert models == {"sim/strong", "sim/weak"}


def test_the_models_take_turns_case_by_case() -> None:
    plan = ComparisonPlan(models=["a", "b"], case_count=2, repeats=2)
    order = [(r.place.case_id, r.place.repeat, r.model) for r in plan.runs(cases(2))]
    assert plan.run_count == len(order) == 8
    assert order[:4] == [("1", 1, "a"), ("1", 1, "b"), ("1", 2, "a"), ("1", 2, "b")]


def recording(settings: Settings, planned: PlannedRun, on_start: OnStart, body: Any) -> RunResult:
    """Record a run around what a test does."""
    with start_run(planned.model, settings=settings, on_start=on_start) as run:
        body(run)
    return run.result()


def test_no_more_runs_at_a_time_than_asked_for_and_inputs_are_read_as_there_is_room(
    settings: Settings,
) -> None:
    at_once: list[int] = []
    inside: set[int] = set()
    read: list[int] = []
    both = threading.Barrier(3, timeout=WITHIN_S)

    def endless() -> Iterator[Case]:
        for number in range(1, 10):
            read.append(number)
            yield Case(case_id=str(number), inputs={})

    def execute(planned: PlannedRun, on_start: OnStart) -> RunResult:
        def body(_: Any) -> None:
            inside.add(threading.get_ident())
            at_once.append(len(inside))
            both.wait()
            assert len(read) <= 2 * 3 + 3
            inside.discard(threading.get_ident())

        return recording(settings, planned, on_start, body)

    plan = ComparisonPlan(models=["a"], case_count=9)
    assert execute_runs(plan.runs(endless()), execute, parallel=3).ok == 9
    assert max(at_once) == 3


def test_a_model_that_fails_does_not_stop_the_others(settings: Settings) -> None:
    seen: list[int] = []

    def ended(so_far: Executed) -> None:
        seen.append(so_far.ended)

    plan = ComparisonPlan(models=["no-such-model", "sim/weak"], case_count=1, repeats=2)
    execute = of_prompt("Hello", settings=settings)
    done = execute_runs(plan.runs(cases(1)), execute, parallel=1, on_end=ended)
    assert (done.ended, done.ok) == (4, 2)
    assert seen == [1, 2, 3, 4]


def test_what_is_refused_before_there_is_a_run_stops_the_rest(settings: Settings) -> None:
    plan = ComparisonPlan(models=["sim/weak", "sim/strong"], case_count=50)
    execute = of_prompt("Hello", tools=["no_such_tool"], settings=settings)
    done = execute_runs(plan.runs(cases(50)), execute, parallel=2)
    assert isinstance(done.refusal, UsageError)
    assert done.ended == 0


def test_inputs_that_turn_out_wrong_end_the_comparison_after_the_runs_before(
    settings: Settings,
) -> None:
    def wrong() -> Iterator[Case]:
        yield Case(case_id="1", inputs={})
        raise UsageError("line 2 has changed")

    plan = ComparisonPlan(models=["sim/weak"], case_count=2)
    done = execute_runs(plan.runs(wrong()), of_prompt("Hello", settings=settings), parallel=1)
    assert (done.ended, str(done.refusal)) == (1, "line 2 has changed")


def test_ctrl_c_ends_the_runs_and_begins_no_more(settings: Settings) -> None:
    begun: list[str] = []
    blocked = threading.Event()

    def execute(planned: PlannedRun, on_start: OnStart) -> RunResult:
        def body(_: Any) -> None:
            begun.append(planned.place.case_id)
            if len(begun) == 2:
                os.kill(os.getpid(), signal.SIGINT)
            blocked.wait(WITHIN_S)  # as a call that never looks whether it shall end

        return recording(settings, planned, on_start, body)

    before = signal.getsignal(signal.SIGINT)
    plan = ComparisonPlan(models=["a"], case_count=9)
    done = execute_runs(plan.runs(cases(9)), execute, parallel=2)
    blocked.set()
    assert signal.getsignal(signal.SIGINT) is before
    assert (done.is_cancelled, done.ended, done.ok) == (True, 2, 0)
    ends = recorded(settings.home, "run_finished")
    assert [(end["status"], end["error_message"]) for end in ends] == [
        ("cancelled", "ended by SIGINT")
    ] * 2


def test_a_run_that_asks_a_person_ends_and_says_how_to_answer(settings: Settings) -> None:
    workflow = workflow_of(ASKING)
    plan = ComparisonPlan(models=["sim/weak"], case_count=1)
    done = execute_runs(plan.runs(cases(1)), of_workflow(workflow, settings=settings), parallel=1)
    assert (done.ended, done.ok, done.is_cancelled) == (1, 0, False)
    (end,) = recorded(settings.home, "run_finished")
    assert end["status"] == "cancelled"
    assert end["error_type"] == RunCancelled.__name__
    assert "give the answer beforehand with --answer approve=VALUE" in end["error_message"]
    answered = of_workflow(workflow, answers={"approve": ["yes"]}, settings=settings)
    assert execute_runs(plan.runs(cases(1)), answered, parallel=1).ok == 1


@pytest.mark.parametrize(
    ("names", "told"),
    [([], "no name"), (["a", " "], "no name"), (["a", "b", "a "], "named twice")],
)
def test_models_are_named_once_each(names: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        check_models(names)


@pytest.mark.usefixtures("home")
def test_a_workflow_whose_nodes_name_their_models_is_refused() -> None:
    check_reached(workflow_of(ASKING))
    own = ASKING.replace("kind: llm,", "kind: llm, model: sim/fast,")
    with pytest.raises(UsageError, match="No node of ask asks the model of the run"):
        check_reached(workflow_of(own))
