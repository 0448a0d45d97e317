import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import BaseModel

from secondtake.runner.errors import UsageError
from secondtake.runner.providers.scripted import (
    ScriptedAnswer,
    ScriptedCall,
    ScriptedError,
    ScriptedModel,
    ScriptedRequest,
    rate_limit,
    tool_call,
)
from secondtake.runner.providers.sim.tokens import count_tokens

SAY = [{"role": "user", "content": "say something"}]


def ask(model: ScriptedModel, **more: Any) -> Any:
    import litellm

    return litellm.completion(model=model.name, messages=more.pop("messages", SAY), **more)


def text_of(response: Any) -> Any:
    return response.choices[0].message.content


class Verdict(BaseModel):
    label: str
    score: float


def test_outputs_are_given_in_order_and_requests_are_kept() -> None:
    with ScriptedModel(["one", "two"]) as model:
        first = ask(model, temperature=0.3, seed=9)
        second = ask(model, messages=[*SAY, {"role": "user", "content": "more"}])
    assert [text_of(first), text_of(second)] == ["one", "two"]
    assert model.requests[0].messages == SAY
    assert model.requests[0].parameters["temperature"] == 0.3
    assert model.requests[0].parameters["seed"] == 9
    assert model.requests[1].messages[-1]["content"] == "more"
    assert model.remaining == 0


def test_tool_calls_have_names_arguments_and_ids() -> None:
    broken = ScriptedCall("f", "{not json")
    with ScriptedModel([tool_call("f", x=1), [tool_call("f", x=2), broken]]) as model:
        single, several = ask(model), ask(model)
    assert single.choices[0].finish_reason == "tool_calls"
    assert json.loads(single.choices[0].message.tool_calls[0].function.arguments) == {"x": 1}
    calls = several.choices[0].message.tool_calls
    assert [call.function.arguments for call in calls] == ['{"x":2}', "{not json"]
    assert len({call.id for call in (*calls, *single.choices[0].message.tool_calls)}) == 3


def test_objects_are_sent_as_json() -> None:
    outputs = [{"a": [1, 2]}, Verdict(label="good", score=0.5), [1, 2]]
    with ScriptedModel(outputs) as model:
        texts = [json.loads(text_of(ask(model))) for _ in outputs]
    assert texts == [{"a": [1, 2]}, {"label": "good", "score": 0.5}, [1, 2]]


def test_a_function_sees_the_request() -> None:
    def echo(request: ScriptedRequest) -> str:
        return f"{request.messages[-1]['content']}!"

    with ScriptedModel([echo, lambda _: tool_call("f")]) as model:
        assert text_of(ask(model)) == "say something!"
        assert ask(model).choices[0].message.tool_calls[0].function.name == "f"


def test_a_rate_limit_carries_its_retry_after() -> None:
    from litellm import exceptions

    with ScriptedModel([rate_limit(retry_after_s=2.5), "fine"]) as model:
        with pytest.raises(exceptions.RateLimitError) as caught:
            ask(model)
        assert text_of(ask(model)) == "fine"
    assert caught.value.response.headers["retry-after"] == "2.5"
    assert caught.value.status_code == 429


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "BadRequestError"), (401, "AuthenticationError"), (404, "NotFoundError"),
     (408, "Timeout"), (500, "InternalServerError"), (503, "ServiceUnavailableError"),
     (529, "APIError")],
)  # fmt: skip
def test_a_status_becomes_the_exception_that_litellm_has_for_it(status: int, name: str) -> None:
    with (
        ScriptedModel([ScriptedError(status=status, message="why")]) as model,
        pytest.raises(Exception, match="why") as caught,
    ):
        ask(model)
    assert type(caught.value).__name__ == name


def test_an_exception_of_a_test_is_raised_through_litellm() -> None:
    with ScriptedModel([ValueError("boom"), KeyboardInterrupt]) as model:
        with pytest.raises(Exception, match="boom"):
            ask(model)
        with pytest.raises(KeyboardInterrupt):
            ask(model)


def test_a_script_that_is_used_up_says_so_and_is_not_retried() -> None:
    from litellm import exceptions

    with ScriptedModel(["only"], name="short") as model:
        ask(model)
        with pytest.raises(exceptions.BadRequestError, match="scripted/short is used up: it has 1"):
            ask(model)
    assert len(model.requests) == 2


def test_outside_its_block_the_model_is_gone() -> None:
    from litellm import exceptions

    with ScriptedModel(["x"]) as model:
        pass
    with pytest.raises(exceptions.NotFoundError, match="inside its `with` block"):
        ask(model)


def test_two_models_have_two_names() -> None:
    with ScriptedModel(["a"], name="a") as first, ScriptedModel(["b"], name="b") as second:
        assert [text_of(ask(second)), text_of(ask(first))] == ["b", "a"]
        with pytest.raises(UsageError, match="another name"):
            ScriptedModel([], name="a").register()


def test_a_stream_gives_the_text_in_chunks_and_the_usage_when_asked() -> None:
    text = "Tides turn twice a day."
    with ScriptedModel([text, [tool_call("f", x="y" * 100)]]) as model:
        chunks = list(ask(model, stream=True, stream_options={"include_usage": True}))
        calls = list(ask(model, stream=True))
    pieces = [c.choices[0].delta.content for c in chunks if c.choices[0].delta.content]
    assert "".join(pieces) == text
    assert len(pieces) == count_tokens(text)
    assert chunks[-1].usage.completion_tokens == count_tokens(text)
    deltas = [c.choices[0].delta.tool_calls[0] for c in calls if c.choices[0].delta.tool_calls]
    assert json.loads("".join(d.function.arguments or "" for d in deltas)) == {"x": "y" * 100}
    assert model.requests[0].stream


def test_a_stream_can_break_in_the_middle() -> None:
    output = ScriptedAnswer(
        text="one two three four", error=ScriptedError(status=500), error_after_chunks=2
    )
    with ScriptedModel([output]) as model:
        stream = ask(model, stream=True)
        arrived = [next(stream).choices[0].delta.content for _ in range(2)]
        with pytest.raises(Exception, match="scripted"):
            next(stream)
    assert arrived == ["one", " two"]


def test_async_plain_and_streamed_work_too() -> None:
    import litellm

    async def both(model: ScriptedModel) -> tuple[str, str]:
        plain = await litellm.acompletion(model=model.name, messages=SAY)
        stream: Any = await litellm.acompletion(model=model.name, messages=SAY, stream=True)
        texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
        return text_of(plain), "".join(texts)

    with ScriptedModel(["plain", "in a stream"]) as model:
        assert asyncio.run(both(model)) == ("plain", "in a stream")


def test_many_threads_each_get_an_output_of_their_own() -> None:
    outputs = [f"output {number}" for number in range(40)]
    with ScriptedModel(outputs) as model, ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda _: text_of(ask(model)), outputs))
    assert sorted(texts) == sorted(outputs)
    assert len(model.requests) == 40


def test_a_full_answer_has_text_calls_and_reasoning() -> None:
    output = ScriptedAnswer(
        text="Let me look.", calls=[tool_call("f")], finish_reason="length", reasoning_tokens=5
    )
    with ScriptedModel([output]) as model:
        response = ask(model)
    assert text_of(response) == "Let me look."
    assert response.choices[0].message.tool_calls[0].function.name == "f"
    assert response.choices[0].finish_reason == "length"
    assert response.usage.completion_tokens_details.reasoning_tokens == 5
