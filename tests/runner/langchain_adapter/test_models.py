"""Chat models: what is recorded of their calls, and what a replay gives instead of them."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import NotFoundError
from pydantic import BaseModel, SecretStr
from tests.support.cassettes import Exchange, read_cassette
from tests.support.graphs import CHAT, Executed, ScriptedChat, execute, saying
from tests.support.loopback import Loopback

RESPONSES = "pydantic-ai/test_openai_responses/test_openai_responses_thinking_with_tool_calls.yaml"
RESPONSES_STREAM = "pydantic-ai/test_openai_responses/test_openai_responses_stream.yaml"
CHAT_STREAM = "pydantic-ai/test_openai/test_run_stream_sync_streams_real_model.yaml"
NOT_FOUND = "otel-python-contrib/openai-v2/tests/cassettes/test_chat_completion_404.yaml"
NATIVE = "pydantic-ai/test_openai/test_openai_native_output.yaml"
PARALLEL = "openllmetry/langchain/tests/cassettes/test_tool_calls/test_parallel_tool_calls.yaml"


@tool
def get_weather(city: str) -> str:
    """Get the current weather for a city."""
    return f"Sunny in {city}"


def _chat(url: str, **options: Any) -> ChatOpenAI:
    key = SecretStr("sk-none")
    return ChatOpenAI(model="gpt-4o", base_url=f"{url}/v1", api_key=key, max_retries=0, **options)


@pytest.fixture
def twice(shared_data: Path, home: Path) -> Callable[..., tuple[Executed, Executed]]:
    """Executes a program against recorded answers, and again without any."""

    def run(program: Callable[[str], Any], *cassettes: str) -> tuple[Executed, Executed]:
        exchanges: list[Exchange] = [
            read_cassette(shared_data / "wire" / name)[0] for name in cassettes
        ]
        with Loopback.of_exchanges(exchanges) as server:
            source = execute(home, lambda: program(server.url))
        with Loopback([]) as silent:
            replay = execute(home, lambda: program(silent.url), source=source)
        assert silent.requests == []
        return source, replay

    return run


Twice = Callable[..., tuple[Executed, Executed]]


def _same(one: BaseMessage, two: BaseMessage) -> bool:
    """Compare all but the ids that LangChain makes new for each of its own runs."""
    made = {"id"} if (one.id or "").startswith("lc_") else set[str]()
    return one.model_dump(exclude=made) == two.model_dump(exclude=made)


@pytest.mark.parametrize(
    ("cassette", "options"),
    [(CHAT, {}), (PARALLEL, {}), (RESPONSES, {"use_responses_api": True})],
)
def test_a_plain_answer_is_given_again_field_by_field(
    twice: Twice, cassette: str, options: dict[str, Any]
) -> None:
    def program(url: str) -> Any:
        return _chat(url, **options).bind_tools([get_weather]).invoke("hi")

    source, replay = twice(program, cassette)

    assert replay.verdict == "exact"
    assert isinstance(replay.given, AIMessage)
    assert replay.given.tool_calls == source.given.tool_calls != []
    assert _same(source.given, replay.given)


@pytest.mark.parametrize(
    ("cassette", "options"),
    [(CHAT_STREAM, {}), (RESPONSES_STREAM, {"use_responses_api": True})],
)
def test_a_streamed_answer_adds_up_to_the_same_message(
    twice: Twice, cassette: str, options: dict[str, Any]
) -> None:
    def program(url: str) -> Any:
        chunks = list(_chat(url, **options).bind_tools([get_weather]).stream("hi"))
        return functools.reduce(lambda one, two: cast(Any, one + two), chunks)

    source, replay = twice(program, cassette)

    assert replay.verdict == "exact"
    (call,) = source.llm_calls
    assert call.stream is True
    assert call.time_to_first_token_ms is not None
    assert (call.input_tokens or 0) > 0
    assert (call.output_tokens or 0) > 0
    for name in ("tool_calls", "usage_metadata", "response_metadata", "content"):
        assert getattr(replay.given, name) == getattr(source.given, name), name


def test_asynchronous_calls_and_streams_are_recorded_and_answered_alike(twice: Twice) -> None:
    async def ask(url: str) -> Any:
        first = await _chat(url).ainvoke("hi")
        chunks = [chunk async for chunk in _chat(url).astream("hi again")]
        whole = functools.reduce(lambda one, two: cast(Any, one + two), chunks)
        return [first.tool_calls, whole.tool_calls]

    source, replay = twice(lambda url: asyncio.run(ask(url)), CHAT, CHAT_STREAM)

    assert source.error is None
    assert [call.stream for call in source.llm_calls] == [False, True]
    assert replay.verdict == "exact"
    assert replay.given == source.given


def test_parameters_are_recorded_in_openais_form_and_keys_are_not(twice: Twice) -> None:
    def program(url: str) -> Any:
        chat = _chat(url, temperature=0.5, max_completion_tokens=99, seed=7)
        return chat.bind_tools([get_weather], tool_choice="any").invoke("hi", stop=["END"])

    source, _ = twice(program, CHAT)

    (call,) = source.llm_calls
    assert call.model == "openai/gpt-4o"
    assert call.parameters == {
        "max_completion_tokens": 99,
        "seed": 7,
        "stop": ["END"],
        "temperature": 0.5,
        "tool_choice": "required",
    }
    (definition,) = source.recording.tools_of(call)
    assert definition["function"]["name"] == "get_weather"


def test_structured_output_is_parsed_from_the_recorded_answer(home: Path) -> None:
    class City(BaseModel):
        name: str

    answers = iter(['{"name": "Paris"}'])

    class Structured(ScriptedChat):
        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self.bind(tools=tools, **kwargs)

    def reply(_: list[BaseMessage]) -> AIMessage:
        name = next(answers)[10:-2]
        call = {"name": "City", "args": {"name": name}, "id": "c1", "type": "tool_call"}
        return AIMessage("", tool_calls=[call])

    def program() -> Any:
        return Structured(reply=reply).with_structured_output(City).invoke("Which city?")

    source = execute(home, program)
    replay = execute(home, program, source=source)

    assert source.given == replay.given == City(name="Paris")
    assert replay.verdict == "exact"
    (definition,) = source.recording.tools_of(source.llm_calls[0])
    assert definition["function"]["name"] == "City"


@pytest.mark.parametrize("include_raw", [False, True])
def test_an_answer_that_openais_client_parsed_is_the_same_object_again(
    shared_data: Path, home: Path, include_raw: bool
) -> None:
    class City(BaseModel):
        city: str
        country: str

    def program(url: str) -> Any:
        model: Any = _chat(url).with_structured_output(
            City, method="json_schema", include_raw=include_raw
        )
        given = model.invoke("Which city?")
        return [given["parsed"], given["raw"].additional_kwargs] if include_raw else given

    exchange = read_cassette(shared_data / "wire" / NATIVE)[1]
    with Loopback.of_exchanges([exchange]) as server:
        source = execute(home, lambda: program(server.url))
    with Loopback([]) as silent:
        replay = execute(home, lambda: program(silent.url), source=source)

    assert source.replayable == ("full", None)
    assert replay.verdict == "exact"
    assert replay.given == source.given
    asked: Any = source.llm_calls[0].parameters
    assert asked["response_format"]["json_schema"]["name"] == "City"


def test_an_error_is_raised_again_as_the_class_that_the_program_catches(twice: Twice) -> None:
    def program(url: str) -> Any:
        try:
            return _chat(url).invoke("hi").text
        except NotFoundError:
            return "no such model"

    source, replay = twice(program, NOT_FOUND)

    assert source.given == replay.given == "no such model"
    failed = source.llm_calls[0]
    assert (failed.error_class, failed.http_status) == ("not_found", 404)
    assert replay.verdict == "exact"


def test_a_users_own_model_is_recorded_and_keeps_what_it_counts(home: Path) -> None:
    class Counting(ScriptedChat):
        count: int = 0

        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return super()._generate(*args, **kwargs)

    model = Counting(reply=lambda messages: AIMessage(f"{len(messages)} read"))
    source = execute(home, lambda: [model.invoke("a").text, model.invoke("b").text])

    assert source.given == ["1 read", "1 read"]
    assert model.count == 2
    assert [call.model for call in source.llm_calls] == ["counting/house-model"] * 2
    assert [call.input_tokens for call in source.llm_calls] == [None, None]

    replay = execute(home, lambda: [model.invoke("a").text, model.invoke("b").text], source=source)
    assert (replay.verdict, model.count) == ("exact", 2)


def test_a_model_that_asks_another_model_is_one_call(home: Path) -> None:
    inner = saying("from within")
    outer = ScriptedChat(reply=lambda messages: inner.invoke(messages))

    source = execute(home, lambda: outer.invoke("hi").text)

    assert source.given == "from within"
    assert len(source.llm_calls) == 1


def test_a_fallback_is_two_calls_of_which_one_failed(home: Path) -> None:
    def fail(_: list[BaseMessage]) -> AIMessage:
        raise ValueError("overloaded")

    def program() -> Any:
        model = ScriptedChat(reply=fail).with_fallbacks([saying("second")])
        return model.with_retry(stop_after_attempt=1).invoke("hi").text

    source = execute(home, program)
    replay = execute(home, program, source=source)

    assert source.given == replay.given == "second"
    assert [call.error_type for call in source.llm_calls] == ["ValueError", None]
    assert replay.verdict == "exact"


def test_an_answer_out_of_langchains_cache_makes_the_run_stepwise(home: Path) -> None:
    model = ScriptedChat(reply=lambda _: AIMessage("kept"), cache=InMemoryCache())

    source = execute(home, lambda: [model.invoke("a").text, model.invoke("a").text])

    assert source.given == ["kept", "kept"]
    assert len(source.llm_calls) == 1
    assert source.replayable == (
        "stepwise",
        "an answer of scripted/house-model came out of LangChain's cache",
    )


def test_a_model_that_completes_texts_is_only_noticed(home: Path) -> None:
    source = execute(home, lambda: FakeListLLM(responses=["text"]).invoke("hi"))

    assert source.given == "text"
    kind, reason = source.replayable
    assert kind == "stepwise"
    assert "FakeListLLM" in (reason or "")


def test_a_stream_that_is_left_early_is_recorded_as_far_as_it_came(home: Path) -> None:
    class Streaming(ScriptedChat):
        def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
            from langchain_core.messages import AIMessageChunk

            for word in ("one ", "two ", "three"):
                yield ChatGenerationChunk(message=AIMessageChunk(content=word))

        async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
            for chunk in self._stream():
                yield chunk

    model = Streaming(reply=lambda _: AIMessage("never"))

    def program() -> Any:
        pieces = model.stream([HumanMessage("hi")])
        first = next(pieces).text
        pieces.close()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        return first

    source = execute(home, program)

    (call,) = source.llm_calls
    assert (source.given, call.error_class) == ("one ", "cancelled")
    said = source.recording.response_of(call).messages
    assert [message["content"] for message in said] == ["one "]


def test_a_call_is_priced_by_the_models_name(home: Path, twice: Twice) -> None:
    rates = {"uncached_input": "2.5", "text_output": "10"}
    entry = {"provider": "openai", "usd_per_million": {"standard": [[0, rates]]}}
    folder = home / "prices"
    folder.mkdir(parents=True)
    document = {"id": "one", "sources": [], "models": {"openai/gpt-4o": entry}}
    (folder / "one.json").write_bytes(orjson.dumps(document))
    (folder / "current.json").write_bytes(orjson.dumps({"snapshot": "one"}))

    source, replay = twice(lambda url: _chat(url).invoke("hi").text, CHAT)

    # 132 tokens in and 23 out; what served it (gpt-5-mini-2025-08-07) has no price of its own.
    assert source.llm_calls[0].cost_usd == Decimal("0.000560000")
    assert replay.llm_calls[0].cost_usd == 0
    assert replay.llm_calls[0].avoided_cost_usd == Decimal("0.000560000")
