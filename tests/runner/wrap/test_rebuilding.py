"""What is made again of a recorded answer is what the provider had sent: as rows and to SDKs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from tests.support.cassettes import Exchange, read_cassette
from tests.support.loopback import Answer, Loopback, recorded

from secondtake.runner.calls import LlmResponse, Tokens
from secondtake.runner.providers.wire import WireTap
from secondtake.runner.wrap import translation
from secondtake.runner.wrap.dialects import Dialect, Upstream, dialect_of
from secondtake.runner.wrap.responses import KnownResponses

HEADERS = {True: "text/event-stream", False: "application/json"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A recorded exchange of one of the three dialects."""

    name: str
    dialect: Dialect
    provider: str
    exchange: Exchange
    response: LlmResponse

    @property
    def is_stream(self) -> bool:
        return bool(self.exchange.request.get("stream"))

    @property
    def rebuilt(self) -> bytes:
        return translation.body_of(self.dialect, self.response, self.exchange.request)


def read(dialect: Dialect, body: bytes, headers: Mapping[str, str], provider: str) -> LlmResponse:
    tap = WireTap()
    tap.status, tap.headers = 200, headers
    tap.add(body)
    response = translation.response_of(dialect, tap, provider)
    assert response is not None
    return response


def every_case(shared_data: Path) -> Iterator[Case]:
    for path in sorted((shared_data / "wire").rglob("*.yaml")):
        for exchange in read_cassette(path):
            api: Any = "anthropic" if exchange.host == "api.anthropic.com" else "openai"
            dialect = dialect_of(api, exchange.method, exchange.path)
            if dialect is None or exchange.status != 200:
                continue
            provider = Upstream(api=api, url=f"https://{exchange.host}").provider
            yield Case(
                name=path.stem,
                dialect=dialect,
                provider=provider,
                exchange=exchange,
                response=read(dialect, exchange.body, dict(exchange.headers), provider),
            )


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[Case]:
    return list(every_case(shared_data))


def test_the_recorded_exchanges_cover_every_dialect_plain_and_streamed(cases: list[Case]) -> None:
    counts = {
        (dialect, stream): sum(
            case.dialect == dialect and case.is_stream == stream for case in cases
        )
        for dialect in ("chat", "responses", "anthropic")
        for stream in (False, True)
    }
    assert counts == {
        ("chat", False): 57,
        ("chat", True): 10,
        ("responses", False): 21,
        ("responses", True): 7,
        ("anthropic", False): 11,
        ("anthropic", True): 7,
    }


def test_every_recorded_answer_is_read_again_from_what_is_made_of_it(cases: list[Case]) -> None:
    for case in cases:
        again = read(
            case.dialect, case.rebuilt, {"content-type": HEADERS[case.is_stream]}, case.provider
        )
        assert again == case.response, case.name


def tool_calls_of(message: Any) -> list[tuple[str, str, Any]]:
    calls = getattr(message, "tool_calls", None) or ()
    return [(call.id, call.function.name, json.loads(call.function.arguments)) for call in calls]


def given(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments for an SDK's `create`, which does not know every server's parameters."""
    own = ("model", "messages", "input", "stream", "max_tokens")
    rest = {name: value for name, value in request.items() if name not in own}
    return {name: request[name] for name in own if name in request} | {"extra_body": rest}


def ask_chat(client: Any, request: Mapping[str, Any]) -> Any:
    if not request.get("stream"):
        answer = client.chat.completions.create(**given(request))
        usage = answer.usage.model_dump(exclude_none=True) if answer.usage else None
        return [
            (
                getattr(choice.message, "content", None),
                tool_calls_of(choice.message),
                choice.finish_reason,
            )
            for choice in answer.choices
        ], usage
    choices: dict[int, Any] = {}
    usage = None
    for chunk in client.chat.completions.create(**given(request)):
        usage = chunk.usage.model_dump(exclude_none=True) if chunk.usage else usage
        for choice in chunk.choices:
            known = choices.setdefault(choice.index, {"text": "", "calls": {}, "reason": None})
            known["text"] += choice.delta.content or ""
            known["reason"] = choice.finish_reason or known["reason"]
            for call in choice.delta.tool_calls or ():
                entry = known["calls"].setdefault(call.index, ["", "", ""])
                entry[0] += call.id or ""
                entry[1] += call.function.name or ""
                entry[2] += call.function.arguments or ""
    return [choices[index] for index in sorted(choices)], usage


def ask_responses(client: Any, request: Mapping[str, Any]) -> Any:
    answer = client.responses.create(**given(request))
    if request.get("stream"):
        answer = [event for event in answer if event.type.startswith("response.")][-1].response
    calls = [
        (item.call_id, item.name, item.arguments)
        for item in answer.output
        if item.type == "function_call"
    ]
    kinds = [item.type for item in answer.output]
    usage = answer.usage.model_dump(exclude_none=True) if answer.usage else None
    return answer.output_text, calls, kinds, answer.status, answer.id, answer.model, usage


def ask_anthropic(client: Any, request: Mapping[str, Any]) -> Any:
    if not request.get("stream"):
        answer = client.messages.create(**request)
    else:
        given = {name: value for name, value in request.items() if name != "stream"}
        with client.messages.stream(**given) as stream:
            answer = stream.get_final_message()
    blocks = [
        block.model_dump(exclude_none=True, exclude={"citations", "caller"})
        for block in answer.content
    ]
    return (
        blocks,
        answer.stop_reason,
        answer.id,
        answer.model,
        answer.usage.model_dump(exclude_none=True),
    )


ASK = {"chat": ask_chat, "responses": ask_responses, "anthropic": ask_anthropic}


def client_of(dialect: Dialect, url: str) -> Any:
    if dialect == "anthropic":
        return anthropic.Anthropic(base_url=url, api_key="k", max_retries=0)
    return openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
@pytest.mark.parametrize("dialect", ["chat", "responses", "anthropic"])
def test_a_stock_sdk_reads_the_same_from_both(dialect: Dialect, cases: list[Case]) -> None:
    ask = ASK[dialect]
    compared = 0
    for case in cases:
        if case.dialect != dialect or "content" not in str(case.response.messages):
            continue
        original = recorded(case.exchange)
        headers = (("content-type", HEADERS[case.is_stream]),)
        answers = [original, Answer(headers=headers, body=case.rebuilt)]
        request = case.exchange.request
        with Loopback(answers) as server, client_of(dialect, server.url) as client:
            first, second = ask(client, request), ask(client, request)
        assert second == first, case.name
        compared += 1
    assert compared == {"chat": 67, "responses": 28, "anthropic": 18}[dialect]


def test_an_answer_of_another_provider_speaks_the_words_of_the_dialect() -> None:
    response = LlmResponse(
        messages=[
            {
                "role": "assistant",
                "content": "Let me look.",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "look", "arguments": '{"at": "sky"}'},
                    }
                ],
            }
        ],
        finish_reason="tool_calls",
        usage={"prompt_tokens": 10, "completion_tokens": 4},
        tokens=Tokens(
            input_tokens=10, output_tokens=4, cache_read_tokens=6, convention="cached_included"
        ),
    )
    for stream in (False, True):
        body = {"model": "claude-x", "max_tokens": 5, "messages": [], "stream": stream}
        answer = Answer(
            headers=(("content-type", HEADERS[stream]),),
            body=translation.body_of("anthropic", response, body),
        )
        with Loopback([answer]) as server, client_of("anthropic", server.url) as client:
            blocks, reason, _, model, usage = ask_anthropic(client, body)
        assert [block["type"] for block in blocks] == ["text", "tool_use"]
        assert blocks[1]["input"] == {"at": "sky"}
        assert (reason, model) == ("tool_use", "claude-x")
        assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (4, 6)
        assert usage["output_tokens"] == 4


def test_a_request_is_the_same_however_its_messages_are_spelled() -> None:
    upstream = Upstream(api="anthropic", url="https://api.anthropic.com")
    short = {"model": "m", "system": "Be kind.", "messages": [{"role": "user", "content": "Hi"}]}
    long = {
        "model": "m",
        "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }
    known = KnownResponses()
    first = translation.request_of("anthropic", short, upstream, known)
    second = translation.request_of("anthropic", long, upstream, known)
    assert second.messages[1] == first.messages[1] == {"role": "user", "content": "Hi"}
    assert second.parameters["cache_control_injection_points"] == [
        {"location": "message", "index": 0, "control": {"type": "ephemeral"}}
    ]
