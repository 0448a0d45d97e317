"""The server that plays recorded answers plays them byte for byte."""

import gzip
import json
import time
from pathlib import Path

import httpx
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


def test_every_recorded_answer_is_played_byte_for_byte(shared_data: Path) -> None:
    for path in sorted((shared_data / "wire").rglob("*.yaml")):
        exchanges = read_cassette(path)
        with Loopback.of_exchanges(exchanges) as server, httpx.Client() as client:
            for exchange in exchanges:
                with client.stream("POST", server.url + exchange.path, json={}) as response:
                    body = b"".join(response.iter_raw())
                assert response.status_code == exchange.status
                assert body == exchange.body, path.name
            assert server.unused == 0


def test_a_compressed_body_is_sent_with_its_encoding(shared_data: Path) -> None:
    (path,) = (shared_data / "wire").rglob("test_chat_reasoning.yaml")
    exchange = read_cassette(path)[0]
    with Loopback.of_exchanges([exchange]) as server:
        response = httpx.post(server.url + exchange.path, json={})
    assert response.headers["content-encoding"] == "gzip"
    assert response.json() == json.loads(gzip.decompress(exchange.body))


def test_answers_can_be_found_by_path() -> None:
    answers = [json_answer({"n": 1}, path="/a"), json_answer({"n": 2}, path="/b")]
    with Loopback(answers, order="path") as server:
        assert httpx.post(f"{server.url}/b", json={}).json() == {"n": 2}
        assert httpx.post(f"{server.url}/a?x=1", json={}).json() == {"n": 1}


def test_it_remembers_what_it_was_asked() -> None:
    with Loopback([json_answer({})]) as server:
        httpx.post(f"{server.url}/v1/x", json={"a": 1}, headers={"X-Test": "y"})
    (request,) = server.requests
    assert (request.method, request.path, request.json) == ("POST", "/v1/x", {"a": 1})
    assert request.headers["x-test"] == "y"


def test_a_request_without_an_answer_is_a_failure_of_the_test() -> None:
    server = Loopback([])
    with pytest.raises(AssertionError, match="requests without an answer"), server:
        assert httpx.post(server.url, json={}).status_code == 501


def test_it_can_drop_a_connection_in_the_middle() -> None:
    whole = stream_answer([{"n": n} for n in range(20)])
    broken = Answer(headers=whole.headers, body=whole.body, drop_after=40)
    got: list[bytes] = []
    with Loopback([broken]) as server, pytest.raises(httpx.TransportError):
        _read_into(got, server.url)
    assert b"".join(got) == whole.body[:40]


def _read_into(pieces: list[bytes], url: str) -> None:
    with httpx.stream("POST", url, json={}) as response:
        pieces.extend(response.iter_raw())


def test_it_can_be_late_and_refuse() -> None:
    answers = [json_answer({}, delay_s=0.3), too_many_requests(retry_after="2")]
    with Loopback(answers) as server:
        started_s = time.monotonic()
        assert httpx.post(server.url, json={}).status_code == 200
        assert time.monotonic() - started_s >= 0.3
        refused = httpx.post(server.url, json={})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")


def test_a_stream_can_be_cut_anywhere() -> None:
    events = [{"text": "äöü" * 5}] * 3
    whole = stream_answer(events)
    with Loopback([stream_answer(events, chunk_size=3)]) as server:
        assert httpx.post(server.url, json={}).content == whole.body


def test_faults_can_be_put_on_recorded_answers(shared_data: Path) -> None:
    (path,) = (shared_data / "wire").rglob("test_cached_tokens.yaml")
    answer = recorded(read_cassette(path)[0], delay_s=0.1, status=503)
    with Loopback([answer]) as server:
        assert httpx.post(server.url, json={}).status_code == 503
