"""LangChain's chat models, asked otherwise by a replay of a program that stays as it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from tests.support.cassettes import read_cassette
from tests.support.graphs import CHAT, recording_of, saying
from tests.support.loopback import Answer, Loopback, recorded

from secondtake.runner import record
from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.program_session import ProgramSession, program_session
from secondtake.runner.replay.recording import Recording
from secondtake.runner.run import start_run


@tool
def get_weather(city: str) -> str:
    """Get the current weather for a city."""
    return f"Sunny in {city}"


def program(url: str) -> list[Any]:
    """Two calls; the second one goes on from the first."""
    key = SecretStr("sk-none")
    chat = ChatOpenAI(model="gpt-5-mini", base_url=f"{url}/v1", api_key=key, max_retries=0)
    bound = chat.bind_tools([get_weather])
    messages: list[Any] = [HumanMessage("Paris?")]
    messages.append(bound.invoke(messages))
    messages += [get_weather.invoke(call) for call in messages[-1].tool_calls]
    return [*messages, bound.invoke(messages)]


def run(
    home: Path,
    asked: Callable[[str], Any],
    answers: list[Answer],
    *texts: str,
    source: Recording | None = None,
) -> tuple[Recording, ProgramSession | None, list[Any]]:
    """Execute a program, as a replay where a source is given; return what it was and asked."""
    session = program_session(source, read_changes(texts, source)) if source else None
    with Loopback(answers) as api, record.langchain():
        with start_run("program", replay=session):
            asked(api.url)
        sent = [each.json for each in api.requests]
    return recording_of(home), session, sent


@pytest.fixture
def answers(shared_data: Path) -> list[Answer]:
    """A call of a tool, then a text."""
    return [recorded(exchange) for exchange in read_cassette(shared_data / "wire" / CHAT)]


def executed(recording: Recording) -> list[int]:
    calls = enumerate(recording.llm_calls, start=1)
    return [number for number, call in calls if call.served_from == "live"]


def test_settings_of_a_model_are_changed_in_what_it_sends(
    home: Path, answers: list[Answer]
) -> None:
    source, _, _ = run(home, program, answers)
    same, session, _ = run(home, program, [], source=source)
    assert (executed(same), session and session.judged and session.judged.verdict) == ([], "exact")
    texts = ("temperature=0.9", "model=openai/gpt-4.1", "system=Be brief.", "parameters.user=me",
             "tools.get_weather.description=Look.")  # fmt: skip
    done, _, sent = run(home, program, answers, *texts, source=source)
    assert executed(done) == [1, 2]
    for each in sent:
        assert (each["temperature"], each["model"], each["user"]) == (0.9, "gpt-4.1", "me")
        assert each["messages"][0] == {"role": "system", "content": "Be brief."}
        assert each["tools"][0]["function"]["description"] == "Look."
    assert [call.model for call in done.llm_calls] == ["openai/gpt-4.1"] * 2


def test_a_message_of_one_call_reaches_that_call_alone(home: Path, answers: list[Answer]) -> None:
    source, _, _ = run(home, program, answers)
    edit = "llm_calls.2.messages.2=Rain"
    done, _, sent = run(home, program, answers[1:], edit, source=source)
    assert (executed(done), sent[0]["messages"][2]["content"]) == ([2], "Rain")


def test_a_tool_can_be_kept_from_a_model(home: Path, answers: list[Answer]) -> None:
    source, _, _ = run(home, program, answers)
    done, _, sent = run(home, program, answers, "tools.get_weather=off", source=source)
    assert (executed(done), ["tools" in each for each in sent]) == ([1, 2], [False, False])


def test_what_a_class_has_no_setting_for_is_said(home: Path) -> None:
    def house(_: str) -> Any:
        return saying("Yes.").invoke("Ready?")

    source, _, _ = run(home, house, [])
    with pytest.raises(ReplayDiverged, match="ScriptedChat has no setting of this name"):
        run(home, house, [], "temperature=1", source=source)
    done, _, _ = run(home, house, [], "model=other-model", source=source)
    assert [call.model for call in done.llm_calls] == ["scripted/other-model"]
