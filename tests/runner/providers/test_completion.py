"""What `complete` does when providers fail, over real connections to a server of our own."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.journal import recorded as rows
from tests.support.loopback import (
    Answer,
    Loopback,
    http_date,
    json_answer,
    stream_answer,
    too_many_requests,
)

from secondtake.runner.calls import LlmFailure, LlmRequest, LlmResponse
from secondtake.runner.errors import BudgetExceeded, RunCancelled, UsageError
from secondtake.runner.limits import Limits
from secondtake.runner.providers import wire
from secondtake.runner.providers.completion import acomplete, complete
from secondtake.runner.providers.retry import CallPolicy
from secondtake.runner.run import start_run

Ask = Callable[[LlmRequest, CallPolicy], LlmResponse]

# LiteLLM's own streams read attributes that pydantic is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")

REQUEST = LlmRequest(
    model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}]
)
USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
HELLO = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Hello."},
        }
    ],
    "usage": USAGE,
}
SERVER_ERROR = json_answer({"error": {"message": "The server had an error"}}, status=500)


def chunk(content: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a chunk of a stream in OpenAI's form."""
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": fields.pop("finish_reason", None)}
    return {
        "id": "chatcmpl-2",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [choice],
        **fields,
    }


HELLO_STREAM = [
    chunk("Hel"),
    chunk("lo."),
    chunk(finish_reason="stop"),
    {**chunk(), "choices": [], "usage": USAGE},
]


def policy_of(server: Loopback, **options: Any) -> CallPolicy:
    """Return a policy that points at the server and does not really wait."""
    defaults = {"api_base": f"{server.url}/v1", "api_key": "k", "timeout_s": 20.0}
    return CallPolicy(**{**defaults, "random": lambda: 0.0, "sleep": _no_wait, **options})


def _no_wait(seconds: float) -> None:
    assert seconds >= 0


def _ask_async(request: LlmRequest, policy: CallPolicy) -> LlmResponse:
    async def ask() -> LlmResponse:
        try:
            return await acomplete(request, policy=policy)
        finally:
            await wire.async_client().aclose()

    # In a thread: LiteLLM leaves an open event loop in a thread that asked it synchronously.
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(copy_context().run, asyncio.run, ask()).result()


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Both ways to ask."""
    if request.param == "async":
        return _ask_async
    return lambda request, policy: complete(request, policy=policy)


def failure_of(error: BaseException) -> LlmFailure:
    failure = getattr(error, "llm_failure", None)
    assert isinstance(failure, LlmFailure)
    return failure


def test_a_429_is_asked_again_and_both_attempts_are_rows(home: Path, ask: Ask) -> None:
    answers = [too_many_requests(retry_after="0.2"), json_answer(HELLO)]
    with Loopback(answers) as server:
        policy = policy_of(server, sleep=time.sleep)
        with start_run("test"):
            response = ask(REQUEST, policy)

    assert response.message["content"] == "Hello."
    waited_s = server.requests[1].at_s - server.requests[0].at_s
    assert waited_s >= 0.2
    first, second = rows(home, "llm_call")
    assert (first["attempt"], first["error_class"], first["http_status"]) == (1, "rate_limit", 429)
    assert first["retry_after_s"] == 0.2
    assert "input_tokens" not in first
    assert (second["attempt"], second["input_tokens"], second["output_tokens"]) == (2, 10, 2)
    assert first["request_hash"] == second["request_hash"]


def test_a_retry_after_date_is_waited_for(home: Path) -> None:
    slept: list[float] = []
    answers = [too_many_requests(retry_after=http_date(30)), json_answer(HELLO)]
    with Loopback(answers) as server:
        complete(REQUEST, policy=policy_of(server, sleep=slept.append))

    assert 25 < sum(slept) <= 30.1


def test_a_long_retry_after_is_capped(home: Path) -> None:
    slept: list[float] = []
    with Loopback([too_many_requests(retry_after="86400"), json_answer(HELLO)]) as server:
        policy = policy_of(server, sleep=slept.append, max_retry_after_s=7.0)
        complete(REQUEST, policy=policy)

    assert sum(slept) == pytest.approx(7.0)


def test_after_the_retries_the_fallback_model_is_asked(home: Path, ask: Ask) -> None:
    with Loopback([SERVER_ERROR] * 3 + [json_answer(HELLO)]) as server:
        policy = policy_of(server, fallback_models=("openai/gpt-4o",))
        with start_run("test"):
            ask(REQUEST, policy)

    asked = [request.json["model"] for request in server.requests]
    assert asked == ["gpt-4o-mini", "gpt-4o-mini", "gpt-4o-mini", "gpt-4o"]
    attempts = [(row["attempt"], row["model"]) for row in rows(home, "llm_call")]
    assert attempts[-1] == (4, "openai/gpt-4o")
    assert [attempt for attempt, _ in attempts] == [1, 2, 3, 4]


def test_one_attempt_is_one_request(home: Path, ask: Ask) -> None:
    with Loopback([SERVER_ERROR]) as server, pytest.raises(Exception, match="error") as caught:
        ask(REQUEST, policy_of(server, retries=0))

    assert len(server.requests) == 1
    assert failure_of(caught.value).error_class == "server"


def test_a_key_never_goes_to_the_provider_of_a_fallback_model(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback([SERVER_ERROR]) as first, Loopback([SERVER_ERROR]) as second:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "other-key")
        monkeypatch.setenv("ANTHROPIC_API_BASE", second.url)
        policy = policy_of(
            first, api_key="secret", retries=0, fallback_models=("anthropic/claude-sonnet-4-5",)
        )
        with pytest.raises(Exception, match="error"):
            complete(REQUEST, policy=policy)

    assert second.requests[0].headers["x-api-key"] == "other-key"
    assert "secret" not in str(second.requests[0].headers)


@pytest.mark.parametrize(
    ("status", "body", "error_class"),
    [
        (400, {"error": {"message": "Unknown parameter"}}, "bad_request"),
        (401, {"error": {"message": "Incorrect API key provided"}}, "auth"),
        (403, {"error": {"message": "Not allowed"}}, "auth"),
        (404, {"error": {"message": "No such model"}}, "not_found"),
        (400, {"error": {"message": "x", "code": "context_length_exceeded"}}, "context_length"),
        (429, {"error": {"message": "x", "code": "insufficient_quota"}}, "quota"),
    ],
)
def test_what_waiting_does_not_mend_is_not_asked_again(
    home: Path, status: int, body: dict[str, Any], error_class: str
) -> None:
    with Loopback([json_answer(body, status=status)]) as server, pytest.raises(Exception) as caught:  # noqa: PT011
        complete(REQUEST, policy=policy_of(server))

    assert len(server.requests) == 1
    failure = failure_of(caught.value)
    assert (failure.error_class, failure.http_status) == (error_class, status)
    assert failure.provider == "openai"


def test_an_answer_that_does_not_come_is_a_timeout(home: Path, ask: Ask) -> None:
    slow = replace(json_answer(HELLO), delay_s=3)
    with Loopback([slow, json_answer(HELLO)]) as server:
        response = ask(REQUEST, policy_of(server, timeout_s=0.5, retries=1))
        assert response.message["content"] == "Hello."
    with Loopback([slow]) as server, pytest.raises(Exception) as caught:  # noqa: PT011
        ask(REQUEST, policy_of(server, timeout_s=0.5, retries=0))

    assert failure_of(caught.value).error_class == "timeout"


def test_a_stream_that_trickles_for_ever_is_a_timeout(home: Path, ask: Ask) -> None:
    drip = stream_answer([chunk(f"{i} ") for i in range(100)], piece_delay_s=0.1)
    request = replace(REQUEST, stream=True)
    with Loopback([drip]) as server, pytest.raises(Exception) as caught:  # noqa: PT011
        ask(request, policy_of(server, timeout_s=0.5, retries=0))

    failure = failure_of(caught.value)
    assert failure.error_class == "timeout"
    assert failure.partial is not None
    assert failure.partial.message["content"].startswith("0 1 ")


def test_a_broken_stream_keeps_what_had_arrived(home: Path, ask: Ask) -> None:
    whole = stream_answer(HELLO_STREAM)
    broken = replace(whole, drop_after=whole.body.index(b"lo.") - 20)
    request = replace(REQUEST, stream=True)
    with Loopback([broken, whole]) as server, start_run("test"):
        response = ask(request, policy_of(server))

    assert response.message["content"] == "Hello."
    assert response.time_to_first_token_ms is not None
    first, second = rows(home, "llm_call")
    assert (first["error_class"], first["http_status"]) == ("connection", 200)
    assert "cost_usd" not in first
    texts = {row["message_id"]: row.get("content") for row in rows(home, "message")}
    assert [texts[i] for i in first["output_message_ids"]] == ["Hel"]
    assert [texts[i] for i in second["output_message_ids"]] == ["Hello."]


def test_a_stream_that_just_stops_is_not_taken_for_an_answer(home: Path) -> None:
    short = stream_answer(HELLO_STREAM[:2], done=False)
    request = replace(REQUEST, stream=True)
    with Loopback([short]) as server, pytest.raises(ConnectionError) as caught:
        complete(request, policy=policy_of(server, retries=0))

    failure = failure_of(caught.value)
    assert failure.error_class == "connection"
    assert failure.partial is not None
    assert failure.partial.message["content"] == "Hello."
    assert failure.partial.finish_reason is None
    assert failure.partial.tokens.input_tokens is None


def test_an_error_event_in_a_stream_is_an_error(home: Path, ask: Ask) -> None:
    event = {"error": {"message": "Overloaded", "type": "server_error", "code": None}}
    answers = [stream_answer([chunk("Hel"), event]), stream_answer(HELLO_STREAM)]
    with Loopback(answers) as server, start_run("test"):
        response = ask(replace(REQUEST, stream=True), policy_of(server))

    assert response.message["content"] == "Hello."
    assert rows(home, "llm_call")[0]["error_class"] == "server"


def test_a_page_of_html_is_a_protocol_failure(home: Path, ask: Ask) -> None:
    page = Answer(headers=(("content-type", "text/html"),), body=b"<html>Sign in</html>")
    with Loopback([page]) as server, pytest.raises(Exception) as caught:  # noqa: PT011
        ask(REQUEST, policy_of(server))

    failure = failure_of(caught.value)
    assert (failure.error_class, failure.http_status) == ("protocol", 200)
    assert len(server.requests) == 1


def test_a_refused_connection_is_tried_again(home: Path, ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    policy = CallPolicy(
        api_base=f"http://127.0.0.1:{port}/v1", api_key="k", sleep=_no_wait, random=lambda: 0.0
    )
    with start_run("test"), pytest.raises(Exception) as caught:  # noqa: PT011
        ask(REQUEST, policy)

    failure = failure_of(caught.value)
    assert (failure.error_class, failure.http_status) == ("connection", None)
    assert [row["error_class"] for row in rows(home, "llm_call")] == ["connection"] * 3


def _ask_in_a_run(
    request: LlmRequest, policy: CallPolicy, *, stop_after_s: float | None, limits: Limits
) -> None:
    with start_run("test", limits=limits) as run:
        if stop_after_s is not None:
            threading.Timer(stop_after_s, run.request_stop, ("cancelled", "stop")).start()
        complete(request, policy=policy)


def test_a_run_that_is_cancelled_does_not_wait_for_its_retry(home: Path) -> None:
    started_s = time.monotonic()
    with Loopback([too_many_requests(retry_after="60")]) as server:
        policy = policy_of(server, sleep=time.sleep)
        with pytest.raises(RunCancelled):
            _ask_in_a_run(REQUEST, policy, stop_after_s=0.3, limits=Limits())

    assert time.monotonic() - started_s < 20
    assert rows(home, "run_finished")[0]["status"] == "cancelled"


def test_a_run_that_is_cancelled_while_an_answer_streams_keeps_what_came(home: Path) -> None:
    drip = stream_answer([chunk(f"{i} ") for i in range(200)], piece_delay_s=0.05)
    request = replace(REQUEST, stream=True)
    with Loopback([drip]) as server, pytest.raises(RunCancelled):
        _ask_in_a_run(request, policy_of(server), stop_after_s=2, limits=Limits())

    assert rows(home, "llm_call")[0]["error_type"] == "RunCancelled"
    answer = rows(home, "message")[-1]
    assert answer["role"] == "assistant"
    assert answer["content"].startswith("0 1 ")


def test_the_time_left_of_the_run_limits_an_attempt(home: Path) -> None:
    slow = replace(json_answer(HELLO), delay_s=20)
    started_s = time.monotonic()
    with Loopback([slow]) as server, pytest.raises(BudgetExceeded):
        _ask_in_a_run(REQUEST, policy_of(server), stop_after_s=None, limits=Limits(seconds=0.9))

    assert time.monotonic() - started_s < 15


def test_a_parameter_that_belongs_to_the_call_is_refused(home: Path) -> None:
    request = replace(REQUEST, parameters={"api_key": "k", "temperature": 0})
    with pytest.raises(UsageError, match="api_key cannot be given as a model parameter"):
        complete(request)


def test_an_unknown_model_says_so_and_asks_nobody(home: Path) -> None:
    with pytest.raises(Exception, match="LLM Provider NOT provided") as caught:
        complete(replace(REQUEST, model="no-such-provider/x"))

    assert failure_of(caught.value).error_class == "bad_request"
    assert failure_of(caught.value).http_status is None


def test_the_request_is_not_changed(home: Path) -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "Say hello."}]}
    ]
    parameters = {"temperature": 0.5, "metadata": {"a": "b"}}
    request = replace(REQUEST, messages=messages, parameters=parameters)
    with Loopback([json_answer(HELLO)]) as server:
        complete(request, policy=policy_of(server))

    assert messages == [{"role": "user", "content": [{"type": "text", "text": "Say hello."}]}]
    assert parameters == {"temperature": 0.5, "metadata": {"a": "b"}}
    assert server.requests[0].json["temperature"] == 0.5
