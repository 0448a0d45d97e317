"""What a program asks at the wire, made another one by a replay: only that is executed."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from tests.support.loopback import Answer, Loopback, stream_answer
from tests.support.wire_replays import KEY, replay_of, source_of, wire
from tests.support.wrapping import Served, serving

from secondtake.runner.errors import UsageError
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.program_session import program_session

TOOLS = "test_chat_completion_tool_calls_with_content.yaml"
WEATHER = {
    "type": "function",
    "function": {"name": "get_current_weather", "description": "Look.", "parameters": {}},
}


def agent(served: Served) -> str | None:
    """An agent of the openai SDK with a tool."""
    messages: list[Any] = [{"role": "user", "content": "How is the weather?"}]
    with openai.OpenAI(base_url=served.openai, api_key=KEY, max_retries=0) as client:
        while True:
            answer = client.chat.completions.create(
                model="gpt-4o-mini",
                messages=messages,
                tools=[WEATHER],  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
            )
            message = answer.choices[0].message
            messages.append(message)
            if not message.tool_calls:
                return message.content
            for call in message.tool_calls:
                told = {"role": "tool", "tool_call_id": call.id, "content": "50 degrees"}
                messages.append(told)


@pytest.fixture
def weather(shared_data: Path) -> list[Answer]:
    """Recorded answers: two tool calls, then a text."""
    return wire(shared_data, TOOLS)


def test_unchanged_nothing_is_executed(home: Path, weather: list[Answer]) -> None:
    source = source_of(home, agent, weather)
    done = replay_of(home, source, agent, [])
    assert (done.verdict.verdict, done.executed, done.sent) == ("exact", [], [])


def test_a_parameter_reaches_every_call_and_the_api(home: Path, weather: list[Answer]) -> None:
    source = source_of(home, agent, weather)
    done = replay_of(home, source, agent, weather, "temperature=0.9")
    assert done.executed == [1, 2]
    assert [sent["temperature"] for sent in done.sent] == [0.9, 0.9]
    assert done.sent[0]["model"] == "gpt-4o-mini"
    assert (done.verdict.verdict, done.verdict.diverged_field) == ("same_output", "parameters")
    assert [call.parameters for call in done.recording.llm_calls] == [{"temperature": 0.9}] * 2
    assert KEY not in json.dumps([e.model_dump(mode="json") for e in done.recording.events])


def test_a_message_of_one_call_reaches_that_call_alone(home: Path, weather: list[Answer]) -> None:
    source = source_of(home, agent, weather)
    edit = "llm_calls.2.messages.0=In one word."
    done = replay_of(home, source, agent, weather[1:], edit)
    assert done.executed == [2]
    (sent,) = done.sent
    assert [message["role"] for message in sent["messages"]] == [
        "user",
        "assistant",
        "tool",
        "tool",
    ]
    assert sent["messages"][0]["content"] == "In one word."
    assert done.verdict.diverged_call == 2
    assert done.verdict.diverged_field == "messages"


def test_a_tool_message_can_say_something_else(home: Path, weather: list[Answer]) -> None:
    source = source_of(home, agent, weather)
    edit = "llm_calls.2.messages.3=90 degrees"
    done = replay_of(home, source, agent, weather[1:], edit)
    assert (done.executed, done.sent[0]["messages"][3]["content"]) == ([2], "90 degrees")


def test_another_model_of_the_same_api_is_asked(home: Path, weather: list[Answer]) -> None:
    source = source_of(home, agent, weather)
    for name in ("gpt-4.1", "openai/gpt-4.1"):
        done = replay_of(home, source, agent, weather, f"model={name}")
        assert [sent["model"] for sent in done.sent] == ["gpt-4.1", "gpt-4.1"]
        assert done.recording.llm_calls[0].model == "openai/gpt-4.1"
        assert done.verdict.diverged_field == "model"


def test_tools_can_be_switched_off_and_described_otherwise(
    home: Path, weather: list[Answer]
) -> None:
    source = source_of(home, agent, weather)
    off = replay_of(home, source, agent, weather[1:], "tools.get_current_weather=off")
    assert ["tools" in sent for sent in off.sent] == [False]
    assert off.verdict.diverged_field == "tools"
    described = "tools.get_current_weather.description=Rarely right."
    done = replay_of(home, source, agent, weather, described)
    assert [sent["tools"][0]["function"]["description"] for sent in done.sent] == [
        "Rarely right.",
        "Rarely right.",
    ]


def test_a_system_prompt_is_put_before_what_has_none(home: Path, weather: list[Answer]) -> None:
    source = source_of(home, agent, weather)
    done = replay_of(home, source, agent, weather, "system=Be rude.")
    assert [sent["messages"][0] for sent in done.sent] == [
        {"role": "system", "content": "Be rude."}
    ] * 2


REFUSED = [
    ("llm_calls.9.messages.0=x", "no LLM call 9; the run has 2"),
    ("llm_calls.2.messages.7=x", "was sent 4 messages"),
    ("model=anthropic/claude-sonnet-4-5", "speaks to openai, and cannot ask anthropic"),
    ("tools.nothing=off", "no tool `nothing`"),
    ("thinking={}", "no `thinking`"),
    ("parameters.thinking={}", "OpenAI's Chat Completions, which the program speaks, has no"),
    ("parameters.stream=true", "this is no parameter"),
    ("inputs.topic=x", "a program decides itself what it does"),
    ("tool_calls.1.result=x", "a program executes its tools itself"),
    ("tools.get_current_weather.on_miss=live", "a program executes its tools itself"),
]


def test_what_cannot_be_is_refused_before_the_program_is_started(
    home: Path, weather: list[Answer]
) -> None:
    source = source_of(home, agent, weather)
    for text, said in REFUSED:
        with pytest.raises(UsageError, match=said):
            program_session(source, read_changes([text], source))


def test_a_change_that_nothing_came_to_is_said(home: Path, weather: list[Answer]) -> None:
    source = source_of(home, agent, weather)

    def other(served: Served) -> None:
        with openai.OpenAI(base_url=served.openai, api_key=KEY, max_retries=0) as client:
            client.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}]
            )

    edits = ("llm_calls.2.messages.0=x", "tools.get_current_weather=off", "temperature=1")
    done = replay_of(home, source, other, weather[1:], *edits)
    assert done.verdict.extra == {
        "unapplied": ["llm_calls.2.messages.0", "tools.get_current_weather"]
    }
    assert (done.verdict.verdict_reason or "").endswith(
        "Never applied, since the program made no such call: "
        "--set llm_calls.2.messages.0, --set tools.get_current_weather."
    )


def test_streams_are_changed_alike(home: Path) -> None:
    events = [
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hi"}}]},
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]

    def program(served: Served) -> str:
        with openai.OpenAI(base_url=served.openai, api_key=KEY, max_retries=0) as client:
            stream = client.chat.completions.create(
                model="m",
                messages=[{"role": "system", "content": "A"}, {"role": "user", "content": "B"}],
                max_completion_tokens=5,
                stream=True,
            )
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    answers = [stream_answer(events)]
    source = source_of(home, program, answers)
    assert replay_of(home, source, program, []).verdict.verdict == "exact"
    done = replay_of(home, source, program, answers, "max_tokens=7", "system=C")
    (sent,) = done.sent
    assert (sent["stream"], sent["max_completion_tokens"], "max_tokens" in sent) == (True, 7, False)
    assert [message["content"] for message in sent["messages"]] == ["C", "B"]


def test_a_stream_that_the_program_closed_is_answered_as_far_as_it_came(home: Path) -> None:
    pieces = ["One, ", "two, ", "three."]
    events: list[Any] = [
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": piece}}]}
        for piece in pieces
    ]

    def program(served: Served, *, enough: str = "two") -> str:
        got = ""
        with (
            openai.OpenAI(base_url=served.openai, api_key=KEY, max_retries=0) as client,
            client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "Count"}], stream=True
            ) as stream,
        ):
            for chunk in stream:
                got += chunk.choices[0].delta.content or ""
                if enough in got:
                    break
        return got

    held = stream_answer(events, piece_delay_s=0.3)  # time for the program to hang up
    source = source_of(home, program, [held])
    (call,) = source.llm_calls
    assert call.error_type == "ProgramGone"
    done = replay_of(home, source, program, [])
    assert (done.verdict.verdict, done.sent) == ("exact", [])
    session = program_session(source, read_changes([], source))
    with (
        Loopback([]) as api,
        serving(home, api.url, replay=session) as (served,),
        pytest.raises(Exception, match="without sending complete message body"),
    ):
        program(served, enough="never said")
