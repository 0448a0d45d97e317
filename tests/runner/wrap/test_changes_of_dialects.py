"""Changes of a replay in the forms of Anthropic's Messages and OpenAI's Responses."""

from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from tests.support.loopback import Answer, Loopback, json_answer
from tests.support.wire_replays import KEY, replay_of, source_of, wire
from tests.support.wrapping import Served, serving

from secondtake.runner.errors import UsageError
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.program_session import program_session

THINKING = "test_anthropic_tool_with_thinking.yaml"


def claude(served: Served) -> None:
    """Two calls of the anthropic SDK: blocks, thinking, a tool, a mark of caching."""
    base = served.anthropic
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    tool = {"name": "look", "description": "Look.", "input_schema": {"type": "object"}}
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "Go"}]}]
    with anthropic.Anthropic(base_url=base, api_key=KEY, max_retries=0) as client:
        for _ in range(2):
            options: Any = {"system": system, "tools": [tool], "messages": messages}
            answer = client.messages.create(model="claude-x", max_tokens=50, **options)
            messages.append({"role": "assistant", "content": answer.content})
            found = [
                {"type": "tool_result", "tool_use_id": block.id, "content": "blue"}
                for block in answer.content
                if block.type == "tool_use"
            ]
            messages.append(
                {"role": "user", "content": [*found, {"type": "text", "text": "Well?"}]}
            )


def claude_answers() -> list[Answer]:
    blocks: list[list[Any]] = [
        [
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "t1", "name": "look", "input": {}},
        ],
        [{"type": "text", "text": "Blue."}],
    ]
    usage = {"input_tokens": 3, "output_tokens": 4}
    return [
        json_answer(
            {"id": "m", "type": "message", "role": "assistant", "model": "claude-x",
             "content": each, "stop_reason": "end_turn", "usage": usage}
        )
        for each in blocks
    ]  # fmt: skip


def test_anthropics_messages_are_changed_in_their_own_form(home: Path) -> None:
    source = source_of(home, claude, claude_answers())
    assert replay_of(home, source, claude, []).verdict.verdict == "exact"
    edits = {
        "llm_calls.2.messages.2": "I saw.",
        "llm_calls.2.messages.3": "green",
        "llm_calls.2.messages.4": "And?",
    }
    done = replay_of(
        home, source, claude, claude_answers()[1:], *(f"{p}={text}" for p, text in edits.items())
    )
    assert done.executed == [2]
    _, answer, results = done.sent[0]["messages"]
    assert [block["type"] for block in answer["content"]] == ["thinking", "text", "tool_use"]
    assert answer["content"][1]["text"] == "I saw."
    assert results["content"][0] == {
        "type": "tool_result", "tool_use_id": "t1", "content": "green"
    }  # fmt: skip
    assert results["content"][1] == {"type": "text", "text": "And?"}
    parameters = ("system=Shout.", "max_tokens=9", "parameters.stop=END", "tools.look=off",
                  "parameters.tool_choice=none")  # fmt: skip
    done = replay_of(home, source, claude, claude_answers(), *parameters)
    assert done.sent[0]["system"] == [
        {"type": "text", "text": "Shout.", "cache_control": {"type": "ephemeral"}}
    ]
    assert (done.sent[0]["max_tokens"], done.sent[0]["stop_sequences"]) == (9, ["END"])
    assert "tools" not in done.sent[0]
    recorded_prompt = done.recording.prompt_of(done.recording.llm_calls[0])
    assert recorded_prompt[0] == {"role": "system", "content": "Shout."}
    with pytest.raises(UsageError, match="Anthropic's Messages, which the program speaks, has no"):
        program_session(source, read_changes(["seed=1"], source))


def test_a_recorded_conversation_of_claude_is_asked_with_another_temperature(
    shared_data: Path, home: Path
) -> None:
    answers = wire(shared_data, THINKING)
    count = len(answers)

    def program(served: Served) -> None:
        with anthropic.Anthropic(base_url=served.anthropic, api_key=KEY, max_retries=0) as client:
            for number in range(count):
                client.messages.create(
                    model="claude-recorded",
                    max_tokens=100,
                    messages=[{"role": "user", "content": f"Question {number}"}],
                )

    source = source_of(home, program, answers)
    assert replay_of(home, source, program, []).verdict.verdict == "exact"
    done = replay_of(home, source, program, answers, "temperature=0.9")
    assert [sent["temperature"] for sent in done.sent] == [0.9] * count
    assert done.verdict.verdict == "same_output"


def responses_answer(number: int, *output: Any) -> Answer:
    return json_answer(
        {"id": f"resp_{number}", "object": "response", "model": "gpt-x", "status": "completed",
         "created_at": 1, "output": list(output), "parallel_tool_calls": True, "tools": [],
         "tool_choice": "auto",
         "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}
    )  # fmt: skip


def said(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "m1", "role": "assistant", "content": [part]}


CALLED = {"type": "function_call", "id": "f1", "call_id": "c1", "name": "look", "arguments": "{}"}


def responses_program(served: Served) -> None:
    tool = {"type": "function", "name": "look", "parameters": {"type": "object"}}
    with openai.OpenAI(base_url=served.openai, api_key=KEY, max_retries=0) as client:
        ask: Any = client.responses.create
        first = ask(model="gpt-x", input="Go", instructions="Brief.", tools=[tool])
        told = {"type": "function_call_output", "call_id": "c1", "output": "blue"}
        items = [{"role": "user", "content": "Go"}, *first.output, told]
        ask(model="gpt-x", input=items, instructions="Brief.", tools=[tool])


def test_the_responses_api_is_changed_in_its_own_form(home: Path) -> None:
    answers = [responses_answer(1, said("I look."), CALLED), responses_answer(2, said("Blue."))]
    source = source_of(home, responses_program, answers)
    assert replay_of(home, source, responses_program, []).verdict.verdict == "exact"
    edits = ("llm_calls.2.messages.2=I saw.", "llm_calls.2.messages.3=green")
    done = replay_of(home, source, responses_program, answers[1:], *edits)
    assert done.executed == [2]
    items = done.sent[0]["input"]
    assert [item.get("type") for item in items] == [
        None, "message", "function_call", "function_call_output"
    ]  # fmt: skip
    assert items[1]["content"][0]["text"] == "I saw."
    assert items[3]["output"] == "green"
    others = ("max_tokens=9", "parameters.reasoning_effort=low", "system=Long.",
             "tools.look.description=See.")  # fmt: skip
    done = replay_of(home, source, responses_program, answers, *others)
    sent = done.sent[0]
    assert (sent["max_output_tokens"], sent["reasoning"]) == (9, {"effort": "low"})
    assert (sent["instructions"], sent["tools"][0]["description"]) == ("Long.", "See.")
    assert done.recording.llm_calls[0].parameters == {
        "max_completion_tokens": 9, "reasoning_effort": "low"
    }  # fmt: skip
    with pytest.raises(UsageError, match="OpenAI's Responses API, which the program speaks"):
        program_session(source, read_changes(["seed=1"], source))


def test_a_message_that_the_api_keeps_ends_the_replay_with_a_sentence(home: Path) -> None:
    def program(served: Served) -> None:
        with openai.OpenAI(base_url=served.openai, api_key=KEY, max_retries=0) as client:
            first = client.responses.create(model="gpt-x", input="Go")
            client.responses.create(model="gpt-x", input="On", previous_response_id=first.id)

    answers = [responses_answer(1, said("One.")), responses_answer(2, said("Two."))]
    source = source_of(home, program, answers)
    done = replay_of(home, source, program, answers[1:], "llm_calls.2.messages.2=Off")
    assert (done.executed, done.sent[0]["input"]) == ([2], "Off")
    session = program_session(source, read_changes(["llm_calls.2.messages.0=No"], source))
    with Loopback([]) as api, serving(home, api.url, replay=session) as (served,):
        with pytest.raises(openai.BadRequestError, match="is kept by the API"):
            program(served)
        assert served.wrapped.stopped is not None
