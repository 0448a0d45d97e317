"""The endpoint gives programs what their API gives them, and records what they asked models."""

import asyncio
import gzip
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
import pytest
from tests.support.cassettes import read_cassette
from tests.support.loopback import (
    Answer,
    Loopback,
    json_answer,
    recorded,
    stream_answer,
    too_many_requests,
)
from tests.support.wrapping import llm_calls, recorded_events, serving, texts, tool_calls

from secondtake.runner.events import RunFinished

DEADLINE_S = 20
USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}


def completion(content: str = "Hello.", **message: Any) -> Answer:
    """A plain answer of Chat Completions."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": "tool_calls" if message else "stop",
    }
    return json_answer({"id": "chatcmpl-1", "model": "gpt-4o", "choices": [choice], "usage": USAGE})


def chunks(*pieces: str) -> list[dict[str, Any]]:
    """The events of a streamed answer."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o"}
    deltas = [{"content": piece} for piece in pieces]
    events: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    return [*events, {**head, "choices": [last]}, {**head, "choices": [], "usage": USAGE}]


def request(text: str = "Hi", **more: Any) -> dict[str, Any]:
    """The body of a request."""
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}


def ask(base_url: str, **body: Any) -> httpx2.Response:
    """Ask as any HTTP client does."""
    headers = {"authorization": "Bearer my-own-key-12345"}
    url = f"{base_url}/chat/completions"
    return httpx2.post(url, json=request(**body), headers=headers, timeout=DEADLINE_S)


def test_a_plain_answer_comes_back_byte_for_byte_and_is_recorded(home: Path) -> None:
    answer = completion()
    with Loopback([answer]) as api, serving(home, api.url) as (program,):
        got = ask(program.openai, temperature=0.5, user="u1")
        sent = api.requests[0]
    assert (got.status_code, got.content) == (200, answer.body)
    assert sent.headers["authorization"] == "Bearer my-own-key-12345"
    assert (sent.path, sent.json) == (
        "/v1/chat/completions",
        request(temperature=0.5, user="u1"),
    )
    (call,) = llm_calls(home)
    assert (call.model, call.provider, call.served_model) == ("openai/gpt-4o", "openai", "gpt-4o")
    assert (call.parameters, call.finish_reason) == ({"temperature": 0.5}, "stop")
    assert (call.input_tokens, call.output_tokens, call.usage) == (12, 3, USAGE)
    assert texts(home) == [("user", "Hi"), ("assistant", "Hello.")]


def test_a_stream_arrives_piece_by_piece_and_unchanged(home: Path) -> None:
    gate = threading.Event()
    answer = stream_answer(chunks("One, ", "two."))
    body = request(stream=True)
    with (
        _gated(answer.body, gate) as url,
        serving(home, url) as (program,),
        httpx2.stream(
            "POST", f"{program.openai}/chat/completions", json=body, timeout=DEADLINE_S
        ) as got,
    ):
        pieces = got.iter_raw()
        first = next(pieces)  # while the API holds back the rest
        gate.set()
        whole = first + b"".join(pieces)
    assert b"One, " in first
    assert b"two." not in first
    assert whole == answer.body
    (call,) = llm_calls(home)
    assert call.stream is True
    assert call.time_to_first_token_ms is not None
    assert (call.input_tokens, call.finish_reason) == (12, "stop")
    assert texts(home)[-1] == ("assistant", "One, two.")


class _gated:
    """An API that sends the first event of a stream, and the rest when a gate is opened."""

    def __init__(self, body: bytes, gate: threading.Event) -> None:
        self._body, self._gate = body, gate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            received = b""
            while b"\r\n\r\n" not in received or not received.endswith(b"}"):
                received += connection.recv(65536)
            head = (
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
            )
            first, rest = self._body.split(b"\n\n", 1)
            connection.sendall(head + first + b"\n\n")
            assert self._gate.wait(DEADLINE_S)
            connection.sendall(rest)

    def __exit__(self, *_: object) -> None:
        self._thread.join(DEADLINE_S)
        self._listener.close()


def test_an_error_of_the_api_reaches_the_program_as_it_is(home: Path) -> None:
    overloaded = json_answer({"error": {"message": "Overloaded", "type": "api_error"}}, status=529)
    answers = [too_many_requests("7"), overloaded]
    with Loopback(answers) as api, serving(home, api.url) as (program,):
        first, second = ask(program.openai), ask(program.openai)
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert first.content == answers[0].body
    assert (second.status_code, second.content) == (529, overloaded.body)
    limited, down = llm_calls(home)
    assert (limited.error_class, limited.http_status, limited.retry_after_s) == (
        "rate_limit",
        429,
        7.0,
    )
    assert limited.error_message == "the API answered 429: Rate limit reached"
    assert (down.error_class, down.http_status) == ("server", 529)


def test_an_api_that_is_away_is_a_bad_gateway(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with serving(home, url) as (program,):
        got = ask(program.openai)
    assert got.status_code == 502
    assert "cannot be reached" in got.json()["error"]["message"]
    (call,) = llm_calls(home)
    assert (call.error_class, call.http_status) == ("connection", None)


def test_a_stream_that_breaks_breaks_for_the_program_too(home: Path) -> None:
    answer = replace(stream_answer(chunks("One, ", "two.")), drop_after=200)
    with (
        Loopback([answer]) as api,
        serving(home, api.url) as (program,),
        pytest.raises(httpx2.RemoteProtocolError),
    ):
        ask(program.openai, stream=True)
    (call,) = llm_calls(home)
    assert call.error_class == "connection"
    assert texts(home)[-1] == ("assistant", "One, ")


def test_a_program_that_hangs_up_is_recorded_with_what_it_was_told(home: Path) -> None:
    gate = threading.Event()
    body = stream_answer(chunks("One, ", "two.")).body
    with _gated(body, gate) as url, serving(home, url) as (program,):
        address = urlsplit(program.openai)
        connection = http.client.HTTPConnection(address.netloc, timeout=DEADLINE_S)
        path = f"{address.path}/chat/completions"
        connection.request("POST", path, json.dumps(request(stream=True)))
        assert b"One" in connection.getresponse().read1()
        connection.close()
        _wait_for(lambda: bool(program.run.meter.totals.llm_calls and not _open(program.run)))
        gate.set()
    (call,) = llm_calls(home)
    assert (call.error_class, call.error_type) == ("cancelled", "ProgramGone")
    assert texts(home)[-1] == ("assistant", "One, ")


def _open(run: Any) -> bool:
    return bool(run._in_progress)


def _wait_for(condition: Any) -> None:
    waiter = threading.Event()
    for _ in range(DEADLINE_S * 100):
        if condition():
            return
        waiter.wait(0.01)
    raise AssertionError("it did not come about in time")


def test_two_programs_at_once_are_kept_apart(home: Path) -> None:
    answers = [completion("For one."), completion("For two.")]
    with Loopback(answers) as api, serving(home, api.url, programs=2) as (one, two):
        assert one.openai != two.openai
        ask(one.openai, text="I am one")
        ask(two.openai, text="I am two")
    by_run = {call.run_id: call for call in llm_calls(home)}
    assert set(by_run) == {one.run.run_id, two.run.run_id}
    outputs = {
        event.run_id: event.output
        for event in recorded_events(home)
        if isinstance(event, RunFinished)
    }
    assert outputs == {one.run.run_id: "For one.", two.run.run_id: "For two."}


def test_nobody_without_the_token_is_served(home: Path) -> None:
    with Loopback([]) as api, serving(home, api.url) as (program,):
        address = urlsplit(program.openai)
        for path in ("/openai/v1", "/wrong/openai/v1", address.path.rstrip("/v1") + "x"):
            url = f"http://{address.netloc}{path}/chat/completions"
            assert httpx2.post(url, json=request()).status_code == 404
        assert api.requests == []


def test_other_requests_are_passed_on_and_counted(home: Path) -> None:
    answers = [json_answer({"data": []}), json_answer({"data": [1]}), json_answer({}, status=404)]
    with Loopback(answers) as api, serving(home, api.url) as (program,):
        assert httpx2.get(f"{program.openai}/models?limit=3").json() == {"data": []}
        upload = b"x" * 3_000_000
        assert httpx2.post(f"{program.openai}/files", content=upload).json() == {"data": [1]}
        assert httpx2.get(f"{program.anthropic}/v1/models/nobody").status_code == 404
        assert api.requests[1].body == upload
        assert program.wrapped.summary() == {"other_requests": {"GET /models": 2, "POST /files": 1}}
    assert llm_calls(home) == []
    (end,) = [event for event in recorded_events(home) if isinstance(event, RunFinished)]
    assert end.replayable == "stepwise"
    assert end.replayable_reason == "POST /files passed the endpoint and is not recorded"


def test_a_compressed_request_is_read_and_passed_on_as_it_is(home: Path) -> None:
    packed = gzip.compress(json.dumps(request("Packed")).encode())
    with Loopback([completion()]) as api, serving(home, api.url) as (program,):
        headers = {"content-encoding": "gzip", "content-type": "application/json"}
        url = f"{program.openai}/chat/completions"
        assert httpx2.post(url, content=packed, headers=headers).status_code == 200
        assert api.requests[0].body == packed
    assert texts(home)[0] == ("user", "Packed")


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"no json", {}),
        (b"[1]", {}),
        (b"\x1f\x8b no gzip", {"content-encoding": "gzip"}),
        (b"{}", {"content-encoding": "br"}),
    ],
)
def test_what_cannot_be_read_is_passed_on(
    home: Path, content: bytes, headers: dict[str, str]
) -> None:
    refusal = json_answer({"error": {"message": "bad"}}, status=400)
    with Loopback([refusal]) as api, serving(home, api.url) as (program,):
        url = f"{program.openai}/chat/completions"
        got = httpx2.post(url, content=content, headers=headers)
        assert (got.status_code, got.content) == (400, refusal.body)
        assert api.requests[0].body == content
        assert program.wrapped.summary() == {"unreadable_requests": 1}
    assert llm_calls(home) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": "no list", "tools": 3, "model": 5},
        {"messages": [None, 1, "x", {}], "model": "m"},
        {"messages": [{"role": "tool", "content": None}], "stream_options": 1, "model": "m"},
    ],
)
def test_odd_bodies_never_break_the_program(home: Path, body: dict[str, Any]) -> None:
    with Loopback([completion()] * 3) as api, serving(home, api.url) as (program,):
        for place in (
            f"{program.openai}/chat/completions",
            f"{program.openai}/responses",
            f"{program.anthropic}/v1/messages",
        ):
            assert httpx2.post(place, json=body).content == completion().body
        assert [sent.json for sent in api.requests] == [body] * 3


def test_a_body_of_50_mb_goes_through(home: Path) -> None:
    picture = "data:image/png;base64," + "iVBORw0K" * (50 * 1024 * 1024 // 8)
    part = {"type": "image_url", "image_url": {"url": picture}}
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": [part]}]}
    with Loopback([completion()]) as api, serving(home, api.url) as (program,):
        url = f"{program.openai}/chat/completions"
        assert httpx2.post(url, json=body, timeout=60).status_code == 200
        assert api.requests[0].json == body
    assert len(llm_calls(home)) == 1
    assert sum(path.stat().st_size for path in (home / "journal").iterdir()) < 100_000
    assert sum(path.stat().st_size for path in (home / "blobs").rglob("*") if path.is_file()) > 1e7


def test_hundreds_of_requests_in_parallel_are_each_answered(home: Path) -> None:
    count = 200

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = (
            int(line.split(b":")[1])
            for line in head.lower().splitlines()
            if line.startswith(b"content-length")
        )
        asked = json.loads(await reader.readexactly(length))
        body = completion(f"re: {asked['messages'][0]['content']}").body
        about = f"content-type: application/json\r\ncontent-length: {len(body)}"
        writer.write(f"HTTP/1.1 200 OK\r\n{about}\r\nconnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def main() -> list[tuple[str, str]]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=count)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        limits = httpx2.Limits(max_connections=None)
        with serving(home, url) as (program,):
            async with server, httpx2.AsyncClient(limits=limits, timeout=60) as client:
                place = f"{program.openai}/chat/completions"
                got = await asyncio.gather(
                    *(client.post(place, json=request(f"q{n}")) for n in range(count))
                )
        return [
            (f"re: q{number}", each.json()["choices"][0]["message"]["content"])
            for number, each in enumerate(got)
        ]

    assert all(wanted == told for wanted, told in asyncio.run(main()))
    assert len({call.request_hash for call in llm_calls(home)}) == count


def test_a_connection_is_used_again(home: Path) -> None:
    with Loopback([completion()] * 3) as api, serving(home, api.url) as (program,):
        address = urlsplit(program.openai)
        connection = http.client.HTTPConnection(address.netloc, timeout=DEADLINE_S)
        sockets = []
        for _ in range(3):
            path = f"{address.path}/chat/completions"
            connection.request("POST", path, json.dumps(request()))
            assert connection.getresponse().read() == completion().body
            sockets.append(connection.sock)
        connection.close()
    assert len({id(each) for each in sockets}) == 1


@pytest.fixture
def weather(shared_data: Path) -> Iterator[Loopback]:
    """The recorded answers of a conversation with two tool calls."""
    name = "test_chat_completion_tool_calls_with_content.yaml"
    (path,) = (shared_data / "wire").rglob(name)
    with Loopback([recorded(exchange) for exchange in read_cassette(path)]) as api:
        yield api


def test_tool_calls_are_seen_when_their_results_are_sent(home: Path, weather: Loopback) -> None:
    with (
        serving(home, weather.url) as (program,),
        openai.OpenAI(base_url=program.openai, api_key="k", max_retries=0) as client,
    ):
        messages: list[Any] = [{"role": "user", "content": "How is the weather?"}]
        first = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
        message = first.choices[0].message
        messages.append(message)
        for call in message.tool_calls or ():
            result = {"role": "tool", "tool_call_id": call.id, "content": "50 degrees"}
            messages.append(result)
        client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    kinds = [type(event).__name__ for event in recorded_events(home)]
    calls = [kind for kind in kinds if kind.endswith("Call")]
    assert calls == ["LlmCall", "ToolCall", "ToolCall", "LlmCall"]
    for seen, city in zip(tool_calls(home), ("Seattle, WA", "San Francisco, CA"), strict=True):
        assert (seen.tool, seen.arguments) == ("get_current_weather", {"location": city})
        assert (seen.result, seen.duration_ms, seen.ended_at) == ("50 degrees", None, None)
        assert seen.extra == {"seen_at": "wire"}
        assert seen.request_hash is not None
    assert len(texts(home)) == 5  # the answer that is sent back is the one that was recorded
