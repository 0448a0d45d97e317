"""The simulated models through LiteLLM's own entry points."""

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import pytest
from pydantic import BaseModel

from secondtake.runner.providers.library import load_litellm
from secondtake.runner.providers.sim.provider import register

QUESTION = [
    {
        "role": "user",
        "content": "Context: The dam was built in 1936. It is 221 metres high.\n"
        "Question: How high is the dam?",
    }
]
ANSWER = "It is 221 metres high."
CALCULATOR = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Compute an expression.",
        "parameters": {
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"],
        },
    },
}


@pytest.fixture
def litellm() -> Any:
    """LiteLLM with the simulated models, answering at once."""
    module = load_litellm()
    register(latency=False)
    return module


def streamed(chunks: list[Any]) -> tuple[str, list[Any], str | None]:
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
    usages = [c.usage for c in chunks if getattr(c, "usage", None) is not None]
    return text, usages, next((r for r in reasons if r), None)


def test_a_plain_answer_has_text_usage_model_and_id(litellm: Any) -> None:
    response = litellm.completion(model="sim/strong", messages=QUESTION)
    assert response.choices[0].message.content == ANSWER
    assert response.choices[0].finish_reason == "stop"
    assert response.model == "strong"
    assert response.id.startswith("chatcmpl-sim-")
    assert response.usage.prompt_tokens > 20
    assert response.usage.completion_tokens == 7
    assert response.usage.completion_tokens_details.reasoning_tokens == 0


def test_plain_streamed_and_async_say_the_same(litellm: Any) -> None:
    async def both() -> tuple[Any, list[Any]]:
        plain = await litellm.acompletion(model="sim/fast", messages=QUESTION)
        stream = await litellm.acompletion(
            model="sim/fast", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        return plain, [chunk async for chunk in stream]

    plain = litellm.completion(model="sim/fast", messages=QUESTION)
    stream = list(
        litellm.completion(
            model="sim/fast", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    aplain, astream = asyncio.run(both())
    expected = plain.choices[0].message.content
    for chunks in (stream, astream):
        text, usages, reason = streamed(chunks)
        assert text == expected
        assert reason == "stop"
        assert len(usages) == 1
        assert usages[0].completion_tokens == plain.usage.completion_tokens
        assert usages[0].prompt_tokens == plain.usage.prompt_tokens
        assert {chunk.id for chunk in chunks} == {plain.id}
    assert aplain.choices[0].message.content == expected
    assert aplain.id == plain.id


def test_a_stream_shows_its_usage_only_when_asked(litellm: Any) -> None:
    chunks = list(litellm.completion(model="sim/strong", messages=QUESTION, stream=True))
    text, usages, _ = streamed(chunks)
    assert text == ANSWER
    assert usages == []


def test_tool_calls_arrive_whole_and_streamed(litellm: Any) -> None:
    messages = [{"role": "user", "content": "What is 12 * 12 and what is 5 + 6?"}]
    request = {"model": "sim/strong", "messages": messages, "tools": [CALCULATOR]}
    plain = litellm.completion(**request)
    rebuilt = litellm.stream_chunk_builder(list(litellm.completion(**request, stream=True)))
    for response in (plain, rebuilt):
        assert response.choices[0].finish_reason == "tool_calls"
        calls = response.choices[0].message.tool_calls
        assert [call.function.name for call in calls] == ["calculator", "calculator"]
        arguments = [json.loads(call.function.arguments)["expression"] for call in calls]
        assert arguments == ["12 * 12", "5 + 6"]
    ids = [call.id for call in plain.choices[0].message.tool_calls]
    assert ids == [call.id for call in rebuilt.choices[0].message.tool_calls]
    assert len(set(ids)) == 2


def test_every_parameter_that_matters_reaches_the_model(litellm: Any) -> None:
    class Dam(BaseModel):
        height_m: int

    response = litellm.completion(
        model="sim/strong", messages=QUESTION, response_format=Dam, seed=3, temperature=0.2,
        top_p=0.9, stop=["###"], max_completion_tokens=50, tools=[CALCULATOR], tool_choice="none",
        parallel_tool_calls=False, user="u", presence_penalty=0.1, n=2, timeout=30,
        reasoning_effort="low", allowed_openai_params=["reasoning_effort"],
    )  # fmt: skip
    assert len(response.choices) == 2
    assert json.loads(response.choices[0].message.content)["height_m"] == 221
    short = litellm.completion(model="sim/strong", messages=QUESTION, max_tokens=3)
    assert short.choices[0].finish_reason == "length"
    assert short.usage.completion_tokens == 3


def test_an_unknown_name_says_which_models_there_are(litellm: Any) -> None:
    with pytest.raises(litellm.NotFoundError, match="use one of sim/strong, sim/fast, sim/weak"):
        litellm.completion(model="sim/huge", messages=QUESTION)


def test_several_choices_cannot_be_streamed(litellm: Any) -> None:
    with pytest.raises(litellm.BadRequestError, match="one choice"):
        list(litellm.completion(model="sim/fast", messages=QUESTION, n=2, stream=True))


def test_registering_twice_leaves_one_handler_and_the_handlers_of_others(litellm: Any) -> None:
    other = {"provider": "other", "custom_handler": litellm.CustomLLM()}
    litellm.custom_provider_map = [*litellm.custom_provider_map, other]
    try:
        register(latency=False)
        register(latency=False)
        providers = [item["provider"] for item in litellm.custom_provider_map]
        assert providers.count("sim") == 1
        assert providers.count("other") == 1
    finally:
        litellm.custom_provider_map.remove(other)


def test_the_setting_switches_the_latency_off(
    litellm: Any, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        register()
        fast = seconds_of(litellm, "sim/strong")
        monkeypatch.setenv("SECONDTAKE_SIM_LATENCY", "on")
        register()
        slow = seconds_of(litellm, "sim/strong")
    finally:
        register(latency=False)
    assert slow >= 0.25
    assert fast < slow


def test_strong_is_slow_fast_is_quick_and_tokens_come_one_by_one(litellm: Any) -> None:
    try:
        register(latency=True)
        strong, quick = seconds_of(litellm, "sim/strong"), seconds_of(litellm, "sim/fast")
        arrivals = []
        for _ in litellm.completion(model="sim/strong", messages=QUESTION, stream=True):
            arrivals.append(time.monotonic())
    finally:
        register(latency=False)
    assert strong > quick + 0.1
    assert arrivals[-2] - arrivals[0] >= 0.02


def test_a_time_out_ends_the_wait_and_is_a_time_out(litellm: Any) -> None:
    try:
        register(latency=True)
        began = time.monotonic()
        with pytest.raises(litellm.Timeout):
            litellm.completion(model="sim/strong", messages=QUESTION, timeout=0.1)
        waited = time.monotonic() - began
        with pytest.raises(litellm.Timeout):
            asyncio.run(litellm.acompletion(model="sim/strong", messages=QUESTION, timeout=0.1))
    finally:
        register(latency=False)
    assert waited < 2  # and not the seconds that the whole answer takes


def test_the_seed_decides_above_temperature_zero(litellm: Any) -> None:
    messages = [{"role": "user", "content": "Write three questions about tidal power."}]

    def words(seed: int) -> str:
        response = litellm.completion(
            model="sim/weak", messages=messages, temperature=1.0, seed=seed
        )
        return str(response.choices[0].message.content)

    assert words(1) == words(1)
    assert len({words(seed) for seed in range(8)}) > 2


def test_it_answers_many_threads_at_once(litellm: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def one(_: int) -> str:
        response = litellm.completion(model="sim/strong", messages=QUESTION)
        return str(response.choices[0].message.content)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(32))) == {ANSWER}


def test_ctrl_c_ends_a_slow_answer_at_once() -> None:
    program = (
        "import _thread, threading, time\n"
        "from secondtake.runner.providers.sim.latency import wait\n"
        "threading.Timer(0.2, _thread.interrupt_main).start()\n"
        "began = time.monotonic()\n"
        "try:\n    wait(30)\n"
        "except KeyboardInterrupt:\n    print(time.monotonic() - began)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 2


def seconds_of(litellm: Any, model: str) -> float:
    began = time.monotonic()
    litellm.completion(model=model, messages=QUESTION)
    return time.monotonic() - began
