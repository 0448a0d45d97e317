"""A program that asks through LiteLLM, replayed with something different and left as it is."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.cassettes import read_cassette
from tests.support.graphs import CHAT, recording_of
from tests.support.loopback import Answer, Loopback, recorded, stream_answer

from secondtake.runner import record
from secondtake.runner.errors import ReplayDiverged, RunStopped, UsageError
from secondtake.runner.providers.library import load_litellm
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.program_session import ProgramSession, program_session
from secondtake.runner.replay.recording import Recording
from secondtake.runner.run import start_run

KEY = "sk-proj-litellm0123456789ABCDEF"
EVENTS = [
    {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", **more}
    for more in (
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "One, "}}]},
        {"choices": [{"index": 0, "delta": {"content": "two, "}}]},
        {"choices": [{"index": 0, "delta": {"content": "three."}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    )
]


@dataclass(frozen=True)
class Done:
    """A run, and what it asked the API."""

    given: Any
    recording: Recording
    sent: list[Any]
    session: ProgramSession | None
    error: BaseException | None

    @property
    def verdict(self) -> str:
        judged = self.session.judged if self.session else None
        assert judged is not None
        return judged.verdict

    @property
    def executed(self) -> list[int]:
        calls = enumerate(self.recording.llm_calls, start=1)
        return [number for number, call in calls if call.served_from == "live"]


Program = Callable[[str], Any]


def run(
    home: Path,
    program: Program,
    answers: Sequence[Answer],
    *texts: str,
    source: Recording | None = None,
) -> Done:
    """Execute a program, as a replay where a source is given."""
    session = program_session(source, read_changes(texts, source)) if source else None
    given, failed = None, None
    with Loopback(answers) as api:
        try:
            with start_run("program", replay=session) as opened:
                given = program(api.url)
                opened.set_output(given)
        except (Exception, RunStopped) as error:  # noqa: BLE001 - kept for the test to see
            failed = error
        sent = [each.json for each in api.requests]
    assert failed is None or isinstance(failed, RunStopped), repr(failed)
    return Done(given, recording_of(home), sent, session, failed)


def agent(url: str) -> str:
    """An agent with a tool: two calls."""
    completion: Any = record.wrap(load_litellm().completion)
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}
    messages: list[Any] = [{"role": "user", "content": "Paris?"}]
    reach = {"api_base": f"{url}/v1", "api_key": KEY, "max_retries": 0}
    answer = completion("openai/gpt-4o", messages, tools=[tool], **reach).choices[0].message
    told = [
        {"role": "tool", "tool_call_id": call.id, "content": "Sunny"} for call in answer.tool_calls
    ]
    messages = [*messages, answer.model_dump(exclude_none=True), *told]
    return str(completion("openai/gpt-4o", messages, tools=[tool], **reach).choices[0].message)


@pytest.fixture
def weather(shared_data: Path) -> list[Answer]:
    """A call of a tool, then a text."""
    return [recorded(exchange) for exchange in read_cassette(shared_data / "wire" / CHAT)]


def test_what_a_change_reaches_is_executed_and_nothing_else(
    home: Path, weather: list[Answer]
) -> None:
    source = run(home, agent, weather).recording
    assert run(home, agent, [], source=source).verdict == "exact"

    done = run(home, agent, weather, "temperature=0.9", source=source)
    assert [sent["temperature"] for sent in done.sent] == [0.9, 0.9]
    assert (done.executed, done.verdict) == ([1, 2], "same_output")

    edit = "llm_calls.2.messages.0=Rome?"
    done = run(home, agent, weather[1:], edit, source=source)
    assert done.executed == [2]
    assert done.sent[0]["messages"][0] == {"role": "user", "content": "Rome?"}

    edits = ("model=openai/gpt-4.1", "system=Be brief.", "tools.get_weather.description=Look.")
    done = run(home, agent, weather, *edits, source=source)
    assert [sent["model"] for sent in done.sent] == ["gpt-4.1", "gpt-4.1"]
    assert done.sent[1]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert done.sent[0]["tools"][0]["function"]["description"] == "Look."
    assert not any(KEY.encode() in path.read_bytes() for path in home.rglob("*.ndjson"))


def test_another_provider_is_not_sent_the_key_of_the_programs_own(
    home: Path, weather: list[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = run(home, agent, weather).recording
    with Loopback(weather) as other:
        monkeypatch.setenv("DEEPSEEK_API_BASE", f"{other.url}/v1")
        monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-of-the-other-one")
        done = run(home, agent, [], "model=deepseek/deepseek-chat", source=source)
        keys = {each.headers["authorization"] for each in other.requests}
    assert (done.error, done.executed, keys) == (None, [1, 2], {"Bearer sk-of-the-other-one"})


def streamed(url: str, *, enough: str = "never") -> str:
    """A stream, closed when enough was said."""
    completion: Any = record.wrap(load_litellm().completion)
    stream = completion(
        model="openai/gpt-4o",
        messages=[{"role": "user", "content": "Count"}],
        api_base=f"{url}/v1",
        api_key=KEY,
        stream=True,
    )
    got = ""
    for chunk in stream:
        got += chunk.choices[0].delta.content or ""
        if enough in got:
            stream.close()
            break
    return got


def streamed_async(url: str) -> str:
    """The same with `acompletion`."""
    completion: Any = record.wrap(load_litellm().acompletion)

    async def main() -> str:
        stream = await completion(
            model="openai/gpt-4o",
            messages=[{"role": "user", "content": "Count"}],
            api_base=f"{url}/v1",
            api_key=KEY,
            stream=True,
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    return asyncio.run(main())


@pytest.mark.parametrize("program", [streamed, streamed_async])
def test_streams_come_back_as_chunks_and_are_changed_alike(home: Path, program: Program) -> None:
    answers = [stream_answer(EVENTS)]
    source = run(home, program, answers)
    assert source.given == "One, two, three."
    again = run(home, program, [], source=source.recording)
    assert (again.error, again.given, again.verdict) == (None, source.given, "exact")
    done = run(home, program, answers, "max_tokens=9", source=source.recording)
    assert (done.executed, done.sent[0]["max_tokens"]) == ([1], 9)


def test_a_stream_that_was_closed_early_is_answered_as_far_as_it_came(home: Path) -> None:
    def closing(url: str) -> str:
        return streamed(url, enough="two")

    source = run(home, closing, [stream_answer(EVENTS)])
    (call,) = source.recording.llm_calls
    assert (source.given, call.error_type) == ("One, two, ", "GeneratorExit")
    again = run(home, closing, [], source=source.recording)
    assert (again.error, again.given, again.verdict) == (None, "One, two, ", "exact")
    assert [c.served_from for c in again.recording.llm_calls] == ["recorded"]
    beyond = run(home, streamed, [], source=source.recording)
    assert isinstance(beyond.error, ReplayDiverged)
    assert "The source closed this stream here" in str(beyond.error)


def test_a_function_of_the_programs_own_decides_itself(home: Path) -> None:
    @record.llm
    def ask(prompt: str, model: str = "mine") -> str:
        return f"{model}: {prompt}"

    source = run(home, lambda _: ask("Hi"), []).recording
    for text in ("model=sim/weak", "temperature=1", "llm_calls.1.messages.0=Ho"):
        with pytest.raises(UsageError, match="decides itself what it asks, in LLM call 1"):
            program_session(source, read_changes([text], source))
    done = run(home, lambda _: ask("Hi"), [], "llm_calls.1.answer=Ho", source=source)
    assert done.given == "Ho"
