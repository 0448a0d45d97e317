"""Runs without a program are held again, each request made of what was said before it."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.replaying import assert_exact, event_of, recording_of, verdict_of
from tests.support.talking import (
    Message,
    Program,
    altered,
    result,
    told_twice,
    user,
    wants,
)

from secondtake.runner.errors import UsageError
from secondtake.runner.events import LlmCall, Policy
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.loop import replay_loop
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.workflow import Replayed
from secondtake.runner.settings import load_settings


def loop(
    recording: Recording, *texts: str, llm: Policy = "recorded", tools: Policy = "auto", **more: Any
) -> Replayed:
    changes = read_changes(texts, recording, llm=llm, tools=tools, **more)
    return replay_loop(recording, changes, settings=load_settings())


@pytest.fixture
def program(home: Path) -> Program:
    return Program(home)


@pytest.fixture
def tea(program: Program) -> Recording:
    told_twice(program)
    return program.recording


def diverged_at(replayed: Replayed) -> tuple[str, int | None, str]:
    judged = replayed.judged
    assert judged is not None
    assert judged.verdict == "diverged", judged.reason
    assert judged.divergence is not None
    assert judged.divergence.source is not None
    return judged.divergence.source.kind, judged.call, judged.divergence.field


def test_an_unchanged_conversation_is_rebuilt_exactly(home: Path, tea: Recording) -> None:
    replayed = loop(tea)

    assert_exact(replayed, calls=6)
    told = replayed.extra["loop"]
    assert (told["rebuilt"], told["openings"], told["not_rebuildable_count"]) == (3, 1, 0)
    assert (told["user_turns"], told["user_turns_after_a_change"]) == (1, 0)
    event = event_of(home, replayed)
    assert event.replay_kind == "loop"
    assert event.extra == dict(replayed.extra)


def test_a_rebuilt_request_has_the_hashes_of_the_recorded_one(home: Path, tea: Recording) -> None:
    again = recording_of(home, loop(tea).result.run_id)

    def hashes(call: LlmCall) -> list[str | None]:
        return [call.request_hash, call.model_hash, call.messages_hash, call.tools_hash]

    assert [hashes(call) for call in again.llm_calls] == [hashes(call) for call in tea.llm_calls]
    assert again.end is not None
    assert again.end.output == "That is 2.80."
    assert again.end.replayable == "stepwise"


@pytest.mark.parametrize("place", range(6))
def test_an_altered_message_diverges_at_the_first_call_that_was_sent_it(
    tea: Recording, place: int
) -> None:
    message = list(tea.messages.values())[place]
    replayed = loop(altered(tea, message, content="Something else."))

    assert diverged_at(replayed) == ("llm_call", [1, 1, 2, 2, 3, 3][place], "messages")


@pytest.mark.parametrize(("number", "call"), [(1, 2), (2, 4)])
def test_an_altered_tool_result_diverges_at_the_call_that_was_sent_it(
    tea: Recording, number: int, call: int
) -> None:
    replayed = loop(altered(tea, tea.tool_calls[number - 1], result="9.99"))

    assert diverged_at(replayed) == ("llm_call", call, "messages")


def test_altered_arguments_diverge_at_the_tool_call(tea: Recording) -> None:
    message = next(each for each in tea.messages.values() if each.tool_calls)
    calls = [{**message.tool_calls[0], "function": {"name": "price", "arguments": "{}"}}]
    replayed = loop(altered(tea, message, tool_calls=calls))

    assert diverged_at(replayed) == ("tool_call", 1, "arguments")


def test_an_altered_last_answer_is_another_output(tea: Recording) -> None:
    message = list(tea.messages.values())[-1]
    replayed = loop(altered(tea, message, content="That is 280."))

    assert replayed.judged is not None
    assert replayed.judged.verdict == "diverged"


def test_results_are_written_as_the_program_wrote_them(program: Program) -> None:
    sent: list[Message] = [user("Which teas?")]
    with program.running():
        sent.append(program.ask(sent, wants("list", "", "a1")))
        program.tool("list", {}, {"teas": ["grün"]}, "a1")
        sent.append(result('{"teas": ["grün"]}', "a1"))
        program.ask(sent, "Green.")

    assert_exact(loop(program.recording), calls=3)


def test_an_answer_that_is_sent_on_without_some_fields_is_recognised(program: Program) -> None:
    sent: list[Message] = [user("Hello")]
    with program.running():
        said = program.ask(sent, {"role": "assistant", "content": "Hi", "reasoning": "Be kind."})
        sent += [{"role": "assistant", "content": said["content"]}, user("How are you?")]
        program.ask(sent, "Well.")

    assert_exact(loop(program.recording), calls=2)


def test_conversations_that_go_on_at_once_each_get_their_own_answers(program: Program) -> None:
    with program.running():
        ones: list[Message] = [user("Summarise.")]
        others: list[Message] = [user("Summarise.")]
        ones.append(program.ask(ones, "One."))
        others.append(program.ask(others, "Other."))
        program.ask([*others, user("Shorter.")], "O.")
        program.ask([*ones, user("Shorter.")], "1.")

    replayed = loop(program.recording)
    assert_exact(replayed, calls=4)
    assert replayed.extra["loop"]["openings"] == 2


def test_both_ways_to_go_on_from_one_answer_are_held(program: Program) -> None:
    with program.running():
        sent: list[Message] = [user("Hello")]
        sent.append(program.ask(sent, wants("look", '{"at": "x"}', "a")))
        sent.append(result(program.tool("look", {"at": "x"}, "X", "a"), "a"))
        program.ask([*sent, user("In English.")], "X!")
        program.ask([*sent, user("In German.")], "X.")

    assert_exact(loop(program.recording), calls=4)


def test_an_edited_history_is_counted_and_said(program: Program) -> None:
    with program.running():
        sent: list[Message] = [user("Tell me all.")]
        program.ask(sent, "A long story.")
        program.ask([*sent, {"role": "assistant", "content": "(short)"}, user("And?")], "Done.")

    replayed = loop(program.recording)
    verdict, reason = verdict_of(replayed)
    assert verdict == "same_output"
    assert "1 of 2 requests could not be rebuilt" in reason
    told = replayed.extra["loop"]
    assert told["rebuilt"] == 0
    [lost] = told["not_rebuildable"]
    assert lost["call"] == 2
    assert "the history was edited" in lost["why"]


def test_a_result_that_nobody_recorded_is_said(program: Program) -> None:
    with program.running():
        sent: list[Message] = [user("Hello")]
        sent.append(program.ask(sent, wants("look", "{}", "a")))
        program.ask([*sent, result("X", "a")], "X.")

    [lost] = loop(program.recording).extra["loop"]["not_rebuildable"]
    assert lost == {"call": 2, "why": "the result of `look` that it was sent is not recorded"}


def test_a_failed_request_and_its_repetition_are_both_made(program: Program) -> None:
    with program.running():
        for _ in range(2):
            with pytest.raises(ValueError, match="overloaded"):
                program.fail([user("Hello")])
        program.ask([user("Hello")], "Hi.")

    replayed = loop(program.recording)
    assert_exact(replayed, calls=3)
    assert replayed.result.status == "ok"


def test_a_run_that_ended_with_a_failed_request_ends_so_again(program: Program) -> None:
    with program.running():
        program.fail([user("Hello")])

    replayed = loop(program.recording)
    assert_exact(replayed, calls=1)
    assert (replayed.result.status, replayed.result.error_type) == ("error", "ValueError")


def test_another_result_diverges_where_it_is_sent(tea: Recording) -> None:
    replayed = loop(tea, "tool_calls.2.result=2.90")

    assert diverged_at(replayed) == ("llm_call", 4, "messages")
    assert replayed.recorded_calls == 5


def test_another_message_counts_from_its_call_on(tea: Recording) -> None:
    replayed = loop(tea, "llm_calls.3.messages.1=Two teas please.")

    assert diverged_at(replayed) == ("llm_call", 3, "messages")
    assert replayed.extra["loop"]["rebuilt"] == 1


def test_another_answer_goes_on_with_the_next_message_of_the_user(tea: Recording) -> None:
    replayed = loop(tea, "llm_calls.2.answer=It is free.")

    assert diverged_at(replayed) == ("llm_call", 3, "messages")
    _, reason = verdict_of(replayed)
    assert "1 user message is as recorded, although what was said before is not." in reason


@pytest.mark.parametrize(
    ("texts", "more", "sentence"),
    [
        ((), {"from_node": "write"}, "--from write: the run has no program"),
        ((), {"tools": "live"}, "--tools live: the run has no program"),
        (("tools.price.on_miss=live",), {}, "tools.price.result=VALUE"),
        (("tools.price=off",), {}, "does not say which tools"),
        (("nodes.write.prompt=x",), {}, "the run is none of a workflow"),
        (("inputs.topic=x",), {}, "the run is none of a workflow"),
    ],
)
def test_what_needs_a_program_is_refused(
    tea: Recording, texts: tuple[str, ...], more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError) as refused:
        loop(tea, *texts, **more)

    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_run_that_asked_no_model_is_refused(program: Program) -> None:
    with program.running():
        program.tool("look", {}, "X", "a")

    with pytest.raises(UsageError, match="asked no model"):
        loop(program.recording)


def test_a_source_that_does_not_say_its_model_is_not_asked(home: Path) -> None:
    program = Program(home, model="")
    told_twice(program)

    assert program.recording.llm_calls[0].model is None
    assert_exact(loop(program.recording), calls=6)
    with pytest.raises(UsageError, match="--set model=NAME"):
        loop(program.recording, llm="live")
    stopped = loop(program.recording, "tool_calls.1.result=4", llm="auto")
    assert stopped.result.error_type == "ReplayDiverged"
    assert "--set model=NAME" in (stopped.result.error_message or "")
    assert dict(stopped.live_by_node) == {}
    assert diverged_at(stopped) == ("llm_call", 2, "messages")
