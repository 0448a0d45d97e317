"""Conversations without a program, with something changed: a model answers what is new."""

from pathlib import Path

import pytest
from tests.support.replaying import verdict_of
from tests.support.talking import Message, Program, result, told_twice, user, wants

from secondtake.runner.events import Policy
from secondtake.runner.providers.scripted import ScriptedModel, tool_call
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.loop import replay_loop
from secondtake.runner.replay.player import BEYOND_MAX
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.workflow import Replayed
from secondtake.runner.settings import load_settings


def loop(recording: Recording, *texts: str, llm: Policy = "auto") -> Replayed:
    changes = read_changes(texts, recording, llm=llm)
    return replay_loop(recording, changes, settings=load_settings())


@pytest.fixture
def tea(home: Path) -> Recording:
    program = Program(home)
    told_twice(program)
    return program.recording


def test_another_model_gets_recorded_results_and_the_users_next_message(tea: Recording) -> None:
    outputs = ["Which tea?", tool_call("price", kind="green"), "It is 3.20."]
    with ScriptedModel(outputs) as model:
        replayed = loop(tea, f"model={model.name}")

    assert replayed.result.output == "It is 3.20."
    assert dict(replayed.live_by_node) == {"conversation": 3}
    assert replayed.recorded_calls == 1
    assert [message["content"] for message in model.requests[1].messages] == [
        "You sell tea.", "One tea please.", "Which tea?", "And black tea?",
    ]  # fmt: skip
    assert model.requests[2].messages[-1]["content"] == "3.20"
    assert verdict_of(replayed)[1].startswith("Diverged at LLM call 1: its model is another one.")
    assert replayed.extra["loop"]["user_turns_after_a_change"] == 1


def test_new_arguments_end_the_replay_with_the_cure(tea: Recording) -> None:
    with ScriptedModel([tool_call("price", kind="red")]) as model:
        replayed = loop(tea, f"model={model.name}")

    assert (replayed.result.status, replayed.result.error_type) == ("error", "ReplayDiverged")
    assert "--set tools.price.result=VALUE" in (replayed.result.error_message or "")
    assert dict(replayed.live_by_node) == {"conversation": 1}


def test_a_result_for_new_arguments_lets_it_go_on(tea: Recording) -> None:
    outputs = [tool_call("price", kind="red"), "None.", "None either."]
    with ScriptedModel(outputs) as model:
        replayed = loop(tea, f"model={model.name}", "tools.price.result=sold out")

    assert replayed.result.status == "ok"
    assert model.requests[1].messages[-1]["content"] == "sold out"
    assert replayed.result.output == "None either."


def test_a_model_that_only_calls_tools_is_stopped(tea: Recording) -> None:
    with ScriptedModel([tool_call("price", kind="red")] * 100) as model:
        replayed = loop(tea, f"model={model.name}", "tools.price.result=sold out")

    assert replayed.result.error_type == "ReplayDiverged"
    assert "goes on calling tools" in (replayed.result.error_message or "")
    assert len(model.requests) <= len(tea.llm_calls) + BEYOND_MAX


def test_a_changed_system_message_is_sent_with_every_request(tea: Recording) -> None:
    with ScriptedModel(["Hello.", "Bye."]) as model:
        loop(tea, f"model={model.name}", "system=You sell coffee.", "temperature=0.25")

    assert [request.messages[0]["content"] for request in model.requests] == [
        "You sell coffee.", "You sell coffee.",
    ]  # fmt: skip
    assert [request.parameters["temperature"] for request in model.requests] == [0.25, 0.25]


def test_a_system_message_is_put_first_where_there_was_none(home: Path) -> None:
    program = Program(home)
    with program.running():
        program.ask([user("Hello")], "Hi.")
    with ScriptedModel(["Ho."]) as model:
        loop(program.recording, f"model={model.name}", "system=Be kind.",
             "llm_calls.1.messages.0=Hello you")  # fmt: skip

    assert [message["content"] for message in model.requests[0].messages] == [
        "Be kind.", "Hello you",
    ]  # fmt: skip


def test_an_edited_message_is_carried_by_later_requests(home: Path) -> None:
    with ScriptedModel(["Two.", "Three."]) as model:
        program = Program(home, model=model.name)
        with program.running():
            sent: list[Message] = [user("One?")]
            sent += [program.ask(sent, "1."), user("Two?")]
            sent += [program.ask(sent, "2."), user("Three?")]
            program.ask(sent, "3.")
        replayed = loop(program.recording, "llm_calls.2.messages.2=Two, in words?")

    said = [[message["content"] for message in each.messages] for each in model.requests]
    assert said[0] == ["One?", "1.", "Two, in words?"]
    assert said[1] == ["One?", "1.", "Two, in words?", "Two.", "Three?"]
    assert dict(replayed.live_by_node) == {"conversation": 2}
    assert replayed.recorded_calls == 1


def test_offered_tools_can_be_switched_off_and_told_otherwise(home: Path) -> None:
    tools = [
        {"type": "function", "function": {"name": name, "description": "Old.", "parameters": {}}}
        for name in ("look", "buy")
    ]
    program = Program(home)
    with program.running():
        program.ask([user("Hello")], "Hi.", tools=tools)
    with ScriptedModel(["Ho."]) as model:
        loop(program.recording, f"model={model.name}", "tools.buy=off",
             "tools.look.description=New.")  # fmt: skip

    [offered] = [request.tools for request in model.requests]
    assert [tool["function"]["name"] for tool in offered] == ["look"]
    assert offered[0]["function"]["description"] == "New."


def test_a_live_failure_is_the_end_of_the_run(home: Path) -> None:
    program = Program(home)
    with program.running():
        sent: list[Message] = [user("Hello")]
        sent.append(program.ask(sent, wants("look", "{}", "a")))
        sent.append(result(program.tool("look", {}, "X", "a"), "a"))
        program.ask(sent, "X.")
    with ScriptedModel([ValueError("no")]) as model:
        replayed = loop(program.recording, f"model={model.name}")

    assert replayed.result.status == "error"
    assert verdict_of(replayed)[0] == "diverged"


def test_a_request_that_the_source_has_not_leaves_other_conversations_their_answers(
    home: Path,
) -> None:
    with ScriptedModel([tool_call("price", kind="red"), "None.", "Bye."]) as model:
        program = Program(home, model=model.name)
        with program.running():
            first: list[Message] = [user("Green tea?")]
            first.append(program.ask(first, wants("price", '{"kind": "green"}', "a")))
            first.append(result(program.tool("price", {"kind": "green"}, "3.20", "a"), "a"))
            program.ask(first, "That is 3.20.")
            second: list[Message] = [user("Black tea?")]
            second.append(program.ask(second, "None left."))
            program.ask([*second, user("White?")], "None left either.")
        replayed = loop(program.recording, "tool_calls.1.result=4", "tools.price.result=sold out")

    assert dict(replayed.live_by_node) == {"conversation": 2}
    assert replayed.recorded_calls == 4
    assert replayed.result.output == "None left either."
