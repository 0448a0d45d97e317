"""Runs that failed, were stopped, killed or asked somebody, executed again."""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.replaying import (
    SlowRecording,
    assert_exact,
    ending_of,
    first_run,
    recording_of,
    repeatedly,
    replay,
    verdict_of,
)

from secondtake.backend.prices.snapshot import ensure_snapshot
from secondtake.runner.events import LlmCall, NodeFinished, RunFinished
from secondtake.runner.providers.scripted import ScriptedModel, ScriptedRequest, tool_call
from secondtake.runner.replay.recording import Recording
from secondtake.runner.run import RunRecorder

Steps = Callable[[str], str]
TURNS = 15
STEPS = """
import random, time
def boom():
    time.sleep(0.02 + random.random() / 50)
    raise ValueError("boom")
def break_it(path: str) -> str:
    '''Break it.'''
    raise OSError("broken " + path)
"""
BESIDE = """\
name: beside
state: {notes: {type: "list[string]", reducer: append}}
nodes:
  boom: {kind: python, function: "MODULE:boom"}
  talk: {kind: agent, prompt: Talk., tools: [list_files], max_steps: 9, output: notes}
edges:
  - {from: START, to: boom}
  - {from: START, to: talk}
  - {from: boom, to: END}
  - {from: talk, to: END}
"""
RACING = """\
name: racing
inputs: {items: {type: "list[string]", default: [a, b, c, d]}}
state: {notes: {type: "list[string]", reducer: append}}
limits: {LIMIT}
nodes:
  talk: {kind: agent, prompt: "Talk about {{ item }}.", tools: [list_files], max_steps: 9, output: notes}
edges: [{from: START, to: talk, each: items, as: item}, {from: talk, to: END}]
output: notes
"""
ASK = """\
name: ask
state: {answer: {type: object}, found: {type: string}}
nodes:
  ask:
    kind: llm
    prompt: Hello.
    schema: {type: object, properties: {n: {type: integer}}, required: [n]}
    repair: true
    output: answer
edges: [{from: START, to: ask}, {from: ask, to: END}]
output: answer
"""


def busy(count: int) -> list[Callable[[ScriptedRequest], Any]]:
    """Return outputs that call a tool, each at a random time."""

    def output(number: int) -> Callable[[ScriptedRequest], Any]:
        def answer(_: ScriptedRequest) -> Any:
            time.sleep(random.random() / 60)
            return tool_call("list_files", pattern=f"{number}*")

        return answer

    return [output(number) for number in range(count)]


def assert_comes_again(source: Recording, *, turns: int = TURNS) -> None:
    """See that replays end as the source did, with every call that it had and no other."""
    end = ending_of(source)
    with ScriptedModel(["never"] * 100) as nobody:

        def once(_: int) -> None:
            again = replay(SlowRecording(source.events))
            assert_exact(again)
            assert again.result.status == end.status
            assert again.result.error_type == end.error_type

        repeatedly(turns, once)
        assert nobody.requests == []


def test_a_branch_beside_one_that_failed_comes_as_far_as_it_came(home: Path, steps: Steps) -> None:
    text = BESIDE.replace("MODULE", steps(STEPS))
    with ScriptedModel(busy(9)) as model:
        source = first_run(home, text, model=model.name)
    assert ending_of(source).error_type == "ValueError"
    assert source.llm_calls
    assert_comes_again(source)


@pytest.mark.parametrize("limit", ["calls: 6", "tokens: 500", "usd: 0.001"])
def test_a_limit_that_parallel_branches_used_up_ends_a_replay_at_the_same_call(
    home: Path, limit: str
) -> None:
    text = RACING.replace("LIMIT", limit)
    if "usd" in limit:
        ensure_snapshot(home)
        source = first_run(home, text, model="sim/strong", overrides=["concurrency=2"])
    else:
        with ScriptedModel(busy(40)) as model:
            source = first_run(home, text, model=model.name)
    assert ending_of(source).status == "budget_exceeded"
    assert_comes_again(source)


@pytest.mark.parametrize(
    ("concurrency", "collects", "limit"), [(8, False, 99), (2, True, 99), (2, True, 12)]
)
def test_nested_workflows_that_fail_in_a_fan_out_fail_at_the_same_calls(
    home: Path,
    tmp_path: Path,
    steps: Steps,
    monkeypatch: pytest.MonkeyPatch,
    concurrency: int,
    collects: bool,
    limit: int,
) -> None:
    folder = tmp_path / "workflows"
    folder.mkdir()
    inner = BESIDE.replace("MODULE", steps(STEPS)).replace("name: beside", "name: inner")
    (folder / "inner.yaml").write_text(inner)
    monkeypatch.setenv("SECONDTAKE_WORKFLOWS_ROOT", str(folder))
    on_error = "on_error: collect, errors_to: errors, " if collects else ""
    text = f"""\
        name: outer
        inputs: {{items: {{type: "list[string]", default: [a, b, c, d]}}}}
        state: {{errors: {{type: "list[object]", reducer: append}}, all: {{type: "list[any]", reducer: append}}}}
        concurrency: {concurrency}
        limits: {{calls: {limit}}}
        nodes: {{go: {{kind: workflow, workflow: inner, {on_error}output: all}}}}
        edges: [{{from: START, to: go, each: items, as: item}}, {{from: go, to: END}}]
        output: errors
        """
    with ScriptedModel(busy(200)) as model:
        source = first_run(home, text, model=model.name)
    expected = "budget_exceeded" if limit < 99 else "ok" if collects else "error"
    assert ending_of(source).status in (expected, "ok" if limit < 99 else expected)
    assert_comes_again(source, turns=8)


def test_a_replay_with_a_higher_limit_goes_on_where_its_source_was_stopped(home: Path) -> None:
    with ScriptedModel(busy(40)) as model:
        source = first_run(home, RACING.replace("LIMIT", "calls: 6"), model=model.name)
    with ScriptedModel(["Done."] * 4) as model:
        again = replay(source, "limits.calls=20")
        assert len(model.requests) == 4
    assert again.result.status == "ok"
    assert again.recorded_calls == len(source.llm_calls) + len(source.tool_calls)


def test_a_lower_limit_of_a_replay_holds_for_recorded_calls_too(home: Path) -> None:
    with ScriptedModel(busy(4)) as model:
        source = first_run(home, RACING.replace("LIMIT", "calls: 4"), model=model.name)
    again = replay(source, "limits.calls=2")
    assert again.result.status == "budget_exceeded"
    assert again.recorded_calls <= 4


def test_an_answer_that_did_not_fit_fails_the_node_again(home: Path) -> None:
    with ScriptedModel(["no json", "still none"]) as model:
        source = first_run(home, ASK, model=model.name)
    assert ending_of(source).error_type == "NodeError"
    assert_comes_again(source, turns=2)
    assert replay(source).result.error_message == ending_of(source).error_message


def test_an_answer_that_was_repaired_is_repaired_again(home: Path) -> None:
    with ScriptedModel(["no json", {"n": 3}]) as model:
        source = first_run(home, ASK, model=model.name)
    again = replay(source)
    assert_exact(again, calls=2)
    assert again.result.output == {"n": 3}


@pytest.mark.parametrize("collects", [True, False])
def test_a_tool_that_failed_fails_again_without_being_executed(
    home: Path, steps: Steps, collects: bool
) -> None:
    module = steps(STEPS)
    on_error = "on_error: collect, " if collects else ""
    text = f"""\
        name: tool
        inputs: {{items: {{type: "list[string]", default: [a, b]}}}}
        state: {{found: {{type: "list[string]", reducer: append}}, errors: {{type: "list[object]", reducer: append}}}}
        nodes:
          break: {{kind: tool, tool: "{module}:break_it", {on_error}retry: {{attempts: 2, backoff_s: 0.01}}, arguments: {{path: "{{{{ item }}}}"}}, output: found}}
        edges: [{{from: START, to: break, each: items, as: item}}, {{from: break, to: END}}]
        output: errors
        """
    source = first_run(home, text)
    again = replay(source)
    assert_exact(again)
    assert again.result.output == ending_of(source).output
    if collects:
        assert len(source.tool_calls) == 4
        kinds = [error["error_type"] for error in again.result.output]
        assert kinds == ["OSError", "OSError"]
    else:
        assert (again.result.error_type, again.result.error_message) == (
            "OSError",
            ending_of(source).error_message,
        )


HUMAN = """\
name: human
state: {colour: {type: string}, said: {type: string}}
nodes:
  ask: {kind: human, question: Which colour?, output: colour MORE}
  say: {kind: llm, prompt: "I like {{ colour }}.", output: said}
edges: [{from: START, to: ask}, {from: ask, to: say}, {from: say, to: END}]
output: [colour, said]
"""


@pytest.mark.parametrize(
    ("more", "answers"),
    [("", {"ask": ["red"]}), (", timeout_s: 0.2, default: green", None)],
    ids=["given", "late"],
)
def test_the_answer_of_a_person_comes_out_of_the_recording(
    home: Path, more: str, answers: dict[str, Sequence[Any]] | None
) -> None:
    text = HUMAN.replace(" MORE", more)
    with ScriptedModel(["So do I."]) as model:
        source = first_run(home, text, model=model.name, answers=answers)
    assert ending_of(source).status == "ok"
    again = replay(source)
    assert_exact(again, calls=2)
    assert again.result.output == ending_of(source).output


def test_another_question_is_put_again(home: Path) -> None:
    with ScriptedModel(["So do I."]) as model:
        text = HUMAN.replace(" MORE", "")
        source = first_run(home, text, model=model.name, answers={"ask": ["red"]})
    again = replay(source, "nodes.ask.question=Which colour, please?", answers={"ask": ["red"]})
    assert verdict_of(again) == (
        "same_output",
        (
            "The output is the same, by another way from tool call 1 (`human`) in `ask` on: its "
            "arguments changed."
        ),
    )
    assert dict(again.live_by_node) == {"ask": 1}


def killed(source: Recording, *, at: int) -> Recording:
    """Return what is left of a run whose process was killed after so many events."""
    return Recording.of(source.events[:at])


def test_a_killed_run_is_replayed_as_far_as_it_came_and_then_goes_on(home: Path) -> None:
    outputs = [tool_call("list_files", pattern="a*"), tool_call("list_files", pattern="b*"), "End."]
    text = RACING.replace("LIMIT", "calls: 20").replace("[a, b, c, d]", "[a]")
    with ScriptedModel(outputs) as model:
        source = first_run(home, text, model=model.name)
    for at, event in enumerate(source.events):
        if isinstance(event, RunFinished) or at == 0:
            continue
        left = killed(source, at=at)
        calls = len(left.llm_calls) + len(left.tool_calls)
        with ScriptedModel(["End."]) as model:
            again = replay(left)
        assert again.recorded_calls == calls
        if len(left.llm_calls) < 3:
            assert dict(again.live_by_node) == {"talk": 1 + (len(left.llm_calls) > calls / 2)}
            assert "the source was killed before it came to it" in verdict_of(again)[1]
            stuck = replay(left, llm="recorded", tools="recorded")
            assert stuck.result.error_type == "ReplayDiverged"
            assert dict(stuck.live_by_node) == {}
        else:
            assert verdict_of(again) == (
                "diverged",
                "All calls were as recorded, but the source was killed before its end.",
            )


def test_a_cancelled_run_goes_on_at_the_call_that_was_cut_off(home: Path) -> None:
    runs: list[RunRecorder] = []

    def cancel(_: ScriptedRequest) -> str:
        runs[0].request_stop("cancelled", "Somebody pressed Ctrl-C.")
        time.sleep(0.3)
        return "too late"

    with ScriptedModel([tool_call("list_files"), cancel]) as model:
        text = RACING.replace("LIMIT", "calls: 20").replace("[a, b, c, d]", "[a]")
        source = first_run(home, text, model=model.name, on_start=runs.append)
    assert ending_of(source).status == "cancelled"
    assert source.llm_calls[-1].error_type == "RunCancelled"
    with ScriptedModel(["In time."]) as model:
        again = replay(source)
    assert again.result.output == ["In time."]
    assert dict(again.live_by_node) == {"talk": 1}
    assert verdict_of(again)[1] == (
        "Diverged at LLM call 2 in `talk`: the source was stopped before it was answered."
    )
    stuck = replay(source, llm="recorded", tools="recorded")
    assert stuck.result.error_type == "ReplayDiverged"


def test_a_run_that_failed_can_go_on_when_the_cause_is_mended(home: Path, steps: Steps) -> None:
    module = steps(STEPS)
    text = f"""\
        name: mend
        state: {{found: {{type: string}}, said: {{type: string}}}}
        nodes:
          break: {{kind: tool, tool: "{module}:break_it", arguments: {{path: a}}, output: found}}
          say: {{kind: llm, prompt: "Found {{{{ found }}}}.", output: said}}
        edges: [{{from: START, to: break}}, {{from: break, to: say}}, {{from: say, to: END}}]
        output: said
        """
    source = first_run(home, text, model="scripted/model")
    with ScriptedModel(["Good."]) as model:
        again = replay(source, "tool_calls.1.result=gold")
        assert model.requests[0].messages[-1]["content"] == "Found gold."
    assert again.result.output == "Good."
    assert dict(again.live_by_node) == {"say": 1}


def test_nodes_of_a_failed_replay_have_ended_as_those_of_the_source(
    home: Path, steps: Steps
) -> None:
    text = BESIDE.replace("MODULE", steps(STEPS))
    with ScriptedModel(busy(9)) as model:
        source = first_run(home, text, model=model.name)

    def ends(recording: Recording) -> dict[str | None, str | None]:
        return {
            node.node_path: node.error_type
            for node in recording.nodes
            if isinstance(node, NodeFinished)
        }

    again = recording_of(home, replay(source).result.run_id)
    assert ends(again) == ends(source)
    assert {type(event) for event in again.events} >= {LlmCall}
