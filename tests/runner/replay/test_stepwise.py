"""Each recorded call asked again by itself."""

from pathlib import Path

import pytest
from tests.support.replaying import event_of, first_run, recording_of, verdict_of
from tests.support.talking import Program, altered, told_twice, user

from secondtake.runner.errors import UsageError
from secondtake.runner.events import Policy
from secondtake.runner.providers.scripted import ScriptedModel, ScriptedRequest, tool_call
from secondtake.runner.replay.changes import read_changes, sampling
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.stepwise import replay_stepwise
from secondtake.runner.replay.workflow import Replayed
from secondtake.runner.settings import load_settings


def stepwise(
    recording: Recording, *texts: str, llm: Policy = "auto", repeats: bool = False
) -> Replayed:
    changes = read_changes(texts, recording, llm=llm)
    changes = sampling(changes) if repeats else changes
    return replay_stepwise(recording, changes, settings=load_settings())


def outcomes(replayed: Replayed) -> list[str]:
    return [step["outcome"] for step in replayed.extra["steps"]]


def by_length(request: ScriptedRequest) -> str:
    """Answer as recorded in the places that say something, else otherwise."""
    return {4: "That is 3.20.", 8: "That is 280."}.get(len(request.messages), "Well.")


@pytest.fixture
def tea(home: Path) -> Recording:
    program = Program(home)
    told_twice(program)
    return program.recording


def test_an_unchanged_call_is_answered_by_the_recording(home: Path, tea: Recording) -> None:
    replayed = stepwise(tea)

    assert verdict_of(replayed) == ("exact", "All 4 calls were answered as recorded.")
    assert dict(replayed.live_by_node) == {}
    assert replayed.recorded_calls == 4
    assert event_of(home, replayed).replay_kind == "stepwise"


def test_each_call_is_made_in_a_node_of_its_own(home: Path, tea: Recording) -> None:
    again = recording_of(home, stepwise(tea).result.run_id)

    paths = {call.node_path or "": call for call in again.llm_calls}
    assert sorted(paths) == ["call[1]", "call[2]", "call[3]", "call[4]"]
    for number, call in enumerate(tea.llm_calls, start=1):
        assert again.prompt_of(paths[f"call[{number}]"]) == tea.prompt_of(call)


def test_what_each_call_came_to_is_told(tea: Recording) -> None:
    with ScriptedModel([by_length] * 4) as model:
        replayed = stepwise(tea, f"model={model.name}")

    expected = ["other_tool_calls", "same", "other_tool_calls", "other_answer"]
    assert outcomes(replayed) == expected
    assert replayed.extra["step_counts"] == {
        "same": 1, "other_tool_calls": 2, "other_answer": 1,
    }  # fmt: skip
    assert dict(replayed.live_by_node) == {"call": 4}
    verdict, reason = verdict_of(replayed)
    assert verdict == "diverged"
    assert reason == (
        "3 of 4 calls were not answered as recorded; the first is LLM call 1: it called other "
        "tools."
    )
    for step in replayed.extra["steps"]:
        assert step["served_from"] == "live"
        assert step["input_tokens"] > 0
        assert step["duration_ms"] >= 0


def test_the_same_answers_to_changed_requests_are_the_same_output(home: Path) -> None:
    program = Program(home)
    with program.running():
        program.ask([user("Hello")], "Hi.")
    with ScriptedModel(["Hi."]) as model:
        replayed = stepwise(program.recording, f"model={model.name}", "system=Be brief.")

    assert verdict_of(replayed)[0] == "same_output"
    assert model.requests[0].messages[0] == {"role": "system", "content": "Be brief."}


def test_a_call_that_fails_does_not_keep_the_others_from_being_made(tea: Recording) -> None:
    def answer(request: ScriptedRequest) -> str:
        if len(request.messages) == 2:
            raise ValueError("no")
        return by_length(request)

    with ScriptedModel([answer] * 12) as model:
        replayed = stepwise(tea, f"model={model.name}")

    assert replayed.result.status == "ok"
    assert outcomes(replayed)[:2] == ["failed", "same"]
    assert "no" in replayed.extra["steps"][0]["why"]


def test_when_all_fail_the_replay_has_failed(tea: Recording) -> None:
    def answer(_: ScriptedRequest) -> str:
        raise ValueError("no")

    with ScriptedModel([answer] * 12) as model:
        replayed = stepwise(tea, f"model={model.name}")

    assert replayed.result.status == "error"
    assert verdict_of(replayed)[0] == "diverged"


def test_an_edited_message_changes_its_call_alone(home: Path) -> None:
    with ScriptedModel(["Ho."]) as model:
        program = Program(home, model=model.name)
        told_twice(program)
        replayed = stepwise(program.recording, "llm_calls.2.messages.1=Two teas please.")

    [request] = model.requests
    assert request.messages[1]["content"] == "Two teas please."
    assert outcomes(replayed) == ["same", "other_answer", "same", "same"]


def test_repeats_ask_again(home: Path) -> None:
    with ScriptedModel([tool_call("price", kind="green")] * 4) as model:
        program = Program(home, model=model.name)
        told_twice(program)
        replayed = stepwise(program.recording, repeats=True)

    assert dict(replayed.live_by_node) == {"call": 4}
    assert outcomes(replayed)[0] == "same"


def test_an_altered_request_is_not_answered_by_the_recording(tea: Recording) -> None:
    message = list(tea.messages.values())[3]
    replayed = stepwise(altered(tea, message, content="9.99"), llm="recorded")

    assert replayed.result.error_type == "ReplayDiverged"
    assert verdict_of(replayed)[0] == "diverged"


def test_a_run_of_a_workflow_is_asked_again_stepwise(home: Path) -> None:
    with ScriptedModel(["Plan.", "Text."]) as model:
        recording = first_run(
            home,
            f"""\
            name: w
            model: {model.name}
            state: {{plan: {{type: string}}, text: {{type: string}}}}
            nodes:
              plan: {{kind: llm, prompt: Plan., output: plan}}
              write: {{kind: llm, prompt: "Write {{{{ plan }}}}", output: text}}
            edges: [{{from: START, to: plan}}, {{from: plan, to: write}}, {{from: write, to: END}}]
            output: text
            """,
        )
    assert verdict_of(stepwise(recording))[0] == "exact"


@pytest.mark.parametrize(
    ("texts", "llm", "sentence"),
    [
        (("tool_calls.1.result=1",), "auto", "no call builds on another"),
        (("tools.price.result=1",), "auto", "no call builds on another"),
        (("llm_calls.1.answer=1",), "auto", "no call builds on another"),
        (("model=sim/weak",), "recorded", "--llm recorded: a recording has no answers"),
    ],
)
def test_what_would_change_nothing_is_refused(
    tea: Recording, texts: tuple[str, ...], llm: Policy, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        stepwise(tea, *texts, llm=llm)


def test_an_unknown_model_has_to_be_named(home: Path) -> None:
    program = Program(home, model="")
    told_twice(program)

    with pytest.raises(UsageError, match="--set model=NAME"):
        stepwise(program.recording, "temperature=1")
