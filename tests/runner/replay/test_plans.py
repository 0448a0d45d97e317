"""What a plan says is what happens: certain calls are executed, and none but possible ones beside."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.planning import live_calls, loop_plan, reached
from tests.support.replaying import first_run, replay
from tests.support.talking import Message, Program, altered, result, told_twice, user, wants

from secondtake.runner.errors import UsageError
from secondtake.runner.providers.scripted import ScriptedModel, tool_call
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.execute import way_of
from secondtake.runner.replay.planning import plan_run
from secondtake.runner.replay.plans import FREE, Plan
from secondtake.runner.replay.recording import Recording
from secondtake.runner.settings import load_settings

SEEDS = range(25)
TOOLS = [
    {"type": "function", "function": {"name": "price", "description": "", "parameters": {}}}
]  # fmt: skip
OVERRIDES = (
    ("llm_calls.1.messages.0=Tea?",),
    ("tool_calls.1.result=4.20",),
    ("tool_calls.2.result=4.20", "tools.price.result=sold out"),
    ("llm_calls.5.messages.0=Coffee?",),
    ("temperature=0.5",),
)


@pytest.fixture
def tea(home: Path) -> Recording:
    program = Program(home)
    told_twice(program)
    return program.recording


def sold(program: Program, **offered: Any) -> Recording:
    """Hold two conversations, the second one begun before the first one ends."""
    first: list[Message] = [user("Green tea?")]
    second: list[Message] = [user("Black tea?")]
    with program.running():
        first.append(program.ask(first, wants("price", '{"kind": "green"}', "a1"), **offered))
        first.append(result(program.tool("price", {"kind": "green"}, "3.20", "a1"), "a1"))
        first.append(program.ask(first, "That is 3.20.", **offered))
        first.append(user("And oolong?"))
        first.append(program.ask(first, wants("price", '{"kind": "oolong"}', "a2"), **offered))
        first.append(result(program.tool("price", {"kind": "oolong"}, "5", "a2"), "a2"))
        first.append(program.ask(first, "That is 5.", **offered))
        second.append(program.ask(second, "None left.", **offered))
        program.ask([*second, user("White?")], "None left either.", **offered)
        program.ask([*first, user("Thanks.")], "You are welcome.", **offered)
    return program.recording


def answers(random_of: random.Random, *, calls_tools: bool) -> list[Any]:
    """Return what a model might say to requests of `sold`, as recorded or otherwise."""
    said: list[Any] = ["That is 3.20.", "None left.", "Well."]
    if calls_tools:
        said += [tool_call("price", kind=kind) for kind in ("green", "oolong", "red")]
        if not random_of.randrange(5):
            return said[-1:] * 60
    return [random_of.choice(said) for _ in range(60)]


@pytest.mark.parametrize("texts", OVERRIDES, ids=lambda texts: texts[0].partition("=")[0])
@pytest.mark.parametrize("offered", [{"tools": TOOLS}, {}], ids=["tools", "no tools"])
def test_certain_calls_are_executed_and_none_but_possible_ones_beside_them(
    home: Path, texts: Sequence[str], offered: dict[str, Any]
) -> None:
    """Whatever the model says; without tools offered it calls none."""
    seen: list[set[int]] = []
    recording = sold(Program(home), **offered)
    plan = loop_plan(recording, *texts)
    certain, possible = set(reached(plan, "executed")), set(reached(plan, "possible"))
    for seed in SEEDS:
        said = answers(random.Random(seed), calls_tools=bool(offered))
        with ScriptedModel(said, name="one"):
            seen.append(live_calls(recording, *texts))
        assert certain <= seen[-1], f"seed {seed}"
        assert seen[-1] <= certain | possible, f"seed {seed}"
    assert certain == set.intersection(*seen), "what always happens is said to be certain"
    assert certain, "the change reaches something"


def test_without_a_change_all_is_answered_by_the_recording(tea: Recording) -> None:
    plan = loop_plan(tea)

    assert (plan.count("recorded"), plan.count("executed"), plan.count("possible")) == (6, 0, 0)
    assert (plan.lower_usd, plan.upper_usd, plan.unpriced) == (FREE, FREE, 0)


def test_another_result_reaches_what_was_sent_it_and_what_follows(tea: Recording) -> None:
    plan = loop_plan(tea, "tool_calls.1.result=4.20")

    assert reached(plan, "recorded") == [1]
    assert reached(plan, "executed") == [2, 3]
    assert reached(plan, "possible") == [4]
    assert {call.node for call in plan.calls} == {"conversation"}
    assert [call.reach for call in plan.calls if call.kind == "tool_call"] == ["recorded"] * 2


def test_a_tool_that_is_offered_leaves_nothing_certain_after_the_first_live_answer(
    home: Path,
) -> None:
    recording = sold(Program(home), tools=TOOLS)
    plan = loop_plan(recording, "model=sim/weak")

    assert reached(plan, "executed") == [1]
    assert reached(plan, "possible") == [2, 3, 4, 5, 6, 7]
    assert {call.name for call in plan.calls if call.kind == "llm_call"} == {"sim/weak"}


def test_another_answer_leaves_out_what_was_only_asked_because_of_it(tea: Recording) -> None:
    plan = loop_plan(tea, "llm_calls.1.answer=It is free.")

    assert reached(plan, "left_out") == [2]
    [left_out] = [call for call in plan.calls if call.kind == "llm_call" and call.why]
    assert left_out.why == "the conversation goes on without it"
    assert reached(plan, "executed") == [3]
    with ScriptedModel(["Well."], name="one"):
        assert live_calls(tea, "llm_calls.1.answer=It is free.") == {3}


def test_an_edited_history_is_sent_as_recorded_or_left_out(home: Path) -> None:
    program = Program(home)
    with program.running():
        program.ask([user("Tell me all.")], "A long story.")
        short = {"role": "assistant", "content": "(short)"}
        sent = [user("Tell me all."), short, user("And?")]
        said = program.ask(sent, "Done.")
        program.ask([*sent, said, user("Thanks.")], "Bye.")

    unchanged = loop_plan(program.recording)
    assert reached(unchanged, "recorded") == [1, 2, 3]
    assert "the history was edited" in (unchanged.calls[1].why or "")
    changed = loop_plan(program.recording, "model=sim/weak")
    assert reached(changed, "executed") == [1]
    assert reached(changed, "left_out") == [2, 3]
    assert "the history was edited" in (changed.calls[1].why or "")
    assert changed.calls[2].why == "it goes on from LLM call 2, which is not made again"
    assert live_calls(program.recording, "model=sim/weak") == {1}


def test_a_recording_that_contradicts_itself_ends_the_plan_where_it_ends_the_replay(
    tea: Recording,
) -> None:
    message = next(each for each in tea.messages.values() if each.tool_calls)
    calls = [{**message.tool_calls[0], "function": {"name": "price", "arguments": "{}"}}]
    plan = loop_plan(altered(tea, message, tool_calls=calls))

    assert "--set tools.price.result=VALUE" in (plan.stops or "")
    assert reached(plan, "recorded") == [1]
    assert {call.why for call in plan.calls if call.kind == "llm_call" and call.why} == {
        "the replay ends before it", "it goes on from LLM call 2, which is not made again",
        "it goes on from LLM call 3, which is not made again",
    }  # fmt: skip


def test_repeats_ask_all_again_and_the_figures_are_of_all(tea: Recording) -> None:
    changes = read_changes((), tea)
    plan = plan_run(tea, changes, "loop", settings=load_settings(), repeat=5)

    assert plan.repeat == 5
    assert reached(plan, "executed") == [1, 3]
    assert (plan.count("executed"), plan.count("possible"), plan.unpriced) == (10, 10, 20)


def test_a_plan_writes_nothing(home: Path, tea: Recording) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    before = files()
    loop_plan(tea, "model=sim/weak")
    assert files() == before


def test_what_no_replay_can_have_different_is_refused_by_its_plan_too(tea: Recording) -> None:
    with pytest.raises(UsageError, match="the run is none of a workflow"):
        loop_plan(tea, "nodes.write.prompt=x")


def test_a_program_of_its_own_has_no_plan(home: Path) -> None:
    program = Program(home)
    with program.running(source="sdk"):
        program.ask([user("Hello")], "Hi.")
    recording = program.recording
    assert way_of(recording, stepwise=False) == "program"

    with pytest.raises(UsageError) as refused:
        plan_run(recording, read_changes((), recording), "program", settings=load_settings())
    said = str(refused.value)
    assert "there is no plan" in said
    assert "--stepwise --plan" in said
    assert "--llm recorded --tools recorded -- COMMAND" in said


AGENT = """\
name: w
model: {model}
state: {{found: {{type: string}}, text: {{type: string}}}}
nodes:
  find: {{kind: agent, prompt: Add., tools: [calculator], output: found}}
  write: {{kind: llm, prompt: "Write {{{{ found }}}}", output: text}}
edges: [{{from: START, to: find}}, {{from: find, to: write}}, {{from: write, to: END}}]
output: text
"""


@pytest.mark.parametrize(
    "said", [["Two.", "Text."], [tool_call("calculator", expression="2+2"), "Four.", "Text."]]
)
def test_what_an_agent_asks_after_a_live_answer_is_possible(home: Path, said: list[Any]) -> None:
    first = [tool_call("calculator", expression="1+1"), "Two.", "Text."]
    with ScriptedModel(first) as model:
        recording = first_run(home, AGENT.format(model=model.name))
    with ScriptedModel(said, name="other") as other:
        texts = [f"model={other.name}"]
        plan: Plan = plan_run(
            recording, read_changes(texts, recording), "workflow", settings=load_settings()
        )
        replayed = replay(recording, *texts)

    assert reached(plan, "executed") == [1, 3]
    assert reached(plan, "possible") == [2]
    counts = {
        node: [sum(call.reach == reach and call.node == node for call in plan.calls)
               for reach in ("executed", "possible")]
        for node in ("find", "write")
    }  # fmt: skip
    for node, (certain, possible) in counts.items():
        live = replayed.live_by_node[node]
        assert certain <= live <= certain + possible
