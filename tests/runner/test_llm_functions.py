import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.journal import recorded

from secondtake.runner import record


def test_a_streaming_llm_function_is_recorded_when_it_ends(home: Path) -> None:
    @record.llm(model="openai/gpt-4o")
    def stream(prompt: str) -> Iterator[str]:
        yield from ("one ", "two ", prompt)

    @record.llm(model="openai/gpt-4o")
    async def stream_async(prompt: str) -> AsyncIterator[str]:
        for piece in ("uno ", prompt):
            yield piece

    @record.run
    async def reader() -> list[str]:
        pieces = list(stream("three"))
        return pieces + [piece async for piece in stream_async("due")]

    assert asyncio.run(reader()) == ["one ", "two ", "three", "uno ", "due"]
    answers = [m["content"] for m in recorded(home, "message") if m["role"] == "assistant"]
    assert answers == ["one two three", "uno due"]
    assert all(call["time_to_first_token_ms"] >= 0 for call in recorded(home, "llm_call"))


def test_a_stream_that_is_left_early_keeps_what_had_arrived(home: Path) -> None:
    @record.llm(model="openai/gpt-4o")
    def stream(prompt: str) -> Iterator[str]:
        yield from ("one ", "two ")

    @record.run
    def impatient() -> None:
        pieces = stream("x")
        next(pieces)
        cast(Generator[str], pieces).close()

    impatient()

    (call,) = recorded(home, "llm_call")
    assert call["error_class"] == "cancelled"
    assert [m["content"] for m in recorded(home, "message")] == ["x", "one "]


OPENAI_ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 3},
    },
}
ANTHROPIC_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-sonnet-4-5",
    "stop_reason": "tool_use",
    "content": [
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}},
    ],
    "usage": {"input_tokens": 40, "output_tokens": 7, "cache_read_input_tokens": 60},
}


@pytest.mark.parametrize("answer", [OPENAI_ANSWER, ANTHROPIC_ANSWER])
def test_tokens_of_a_providers_own_answer_are_exclusive_buckets(
    home: Path, answer: dict[str, Any]
) -> None:
    @record.llm(model="some/model")
    def raw(prompt: str) -> dict[str, Any]:
        return answer

    @record.run
    def once() -> None:
        raw("hello")

    once()

    (call,) = recorded(home, "llm_call")
    assert call["usage"] == answer["usage"]
    assert (call["input_tokens"], call["output_tokens"]) == (100, 7)
    assert (call["uncached_input_tokens"], call["cache_read_tokens"]) == (40, 60)


def test_litellm_completion_is_wrapped_as_an_llm_call(home: Path) -> None:
    from secondtake.runner.providers.library import load_litellm

    litellm = load_litellm()
    completion = record.wrap(litellm.completion)

    @record.run
    def wrapped() -> str:
        messages = [{"role": "user", "content": "Say something about rivers."}]
        plain = completion(model="sim/strong", messages=messages)
        streamed = completion(model="sim/strong", messages=messages, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in streamed)
        assert text == plain.choices[0].message.content
        return text

    text = wrapped()

    plain, streamed = recorded(home, "llm_call")
    assert plain["model"] == streamed["model"] == "sim/strong"
    assert plain["request_hash"] == streamed["request_hash"]
    assert (plain["stream"], streamed["stream"]) == (False, True)
    assert recorded(home, "message")[-1]["content"] == text
    assert plain["input_tokens"] > 0
