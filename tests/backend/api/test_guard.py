"""Attacks on a server that listens on the loopback address only."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from fastapi.testclient import TestClient
from tests.support.stored import write_research_run

from secondtake.backend.api.app import create_app
from secondtake.backend.api.guard import MAX_BODY_BYTES
from secondtake.backend.api.headers import SECURITY_HEADERS
from secondtake.runner.settings import load_settings

ROUTES: Final = (
    "/health",
    "/runs",
    "/runs/last",
    "/runs/last/events",
    "/openapi.json",
    "/nothing/here",
)
SELECT: Final = {"text": "select 1 as one"}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "localhost@evil"]
)
def test_a_name_that_was_bent_to_us_is_refused_on_every_route(
    api: TestClient, path: str, host: str
) -> None:
    answer = api.get(path, headers={"Host": host})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:secondtake:problem:refused")
    assert "--allow-host" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LocalHost", "[::1]:8000"])
def test_the_names_of_the_loopback_address_are_answered(api: TestClient, host: str) -> None:
    assert api.get("/health", headers={"Host": host}).status_code == 200


def test_a_name_can_be_allowed(home: Path) -> None:
    app = create_app(load_settings({"home": home}), allowed_hosts=["box.internal"])
    with TestClient(app, base_url="http://box.internal:8000") as client:
        assert client.get("/health").status_code == 200
        assert client.get("/health", headers={"Host": "other.internal"}).status_code == 403


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:8501", "http://localhost:8000", "null"]
)
def test_a_page_of_another_origin_is_refused_on_every_route(
    api: TestClient, path: str, origin: str
) -> None:
    answer = api.get(path, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:secondtake:problem:refused")


def test_the_own_origin_is_answered(api: TestClient) -> None:
    own = {"Origin": "http://127.0.0.1:8000"}
    assert api.get("/health", headers=own).status_code == 200
    assert api.post("/sql", json=SELECT, headers=own).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_says_another_site_asks_is_refused(api: TestClient, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert api.get("/runs", headers=headers).status_code == 403
    assert api.post("/load", headers=headers).status_code == 403


def test_a_link_that_a_person_opens_is_answered(api: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert api.get("/runs", headers=headers).status_code == 200
    assert api.post("/load", headers=headers).status_code == 403


@pytest.mark.parametrize("path", ["/sql", "/run", "/runs/last/answer", "/runs/whole", "/load"])
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_a_form_cannot_post(api: TestClient, path: str, media_type: str) -> None:
    body = json.dumps(SELECT).encode()
    headers = {"Content-Type": media_type} if media_type else {}
    answer = api.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:secondtake:problem:media-type")
    foreign = api.post(path, content=body, headers={**headers, "Origin": "https://evil.example"})
    assert foreign.status_code == 403


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_cross_origin_requests_get_no_permission(api: TestClient, method: str) -> None:
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = api.request(method, "/sql", headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_body_that_says_it_is_too_large_is_refused_unread(api: TestClient) -> None:
    answer = api.post(
        "/sql",
        content=b" " * (MAX_BODY_BYTES + 1),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:secondtake:problem:too-large")


def test_a_body_that_does_not_say_how_large_it_is_is_counted(api: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 2**20 + 1):
            yield b" " * 2**20

    answer = api.post("/sql", content=pieces(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:secondtake:problem:too-large")


@pytest.mark.parametrize("path", [*ROUTES[:3], "/nothing/here"])
def test_every_answer_has_the_security_headers(api: TestClient, home: Path, path: str) -> None:
    write_research_run(home)
    for answer in (api.get(path), api.get(path, headers={"Host": "evil.example"})):
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value
        assert "server" not in answer.headers


def test_a_websocket_is_not_answered(api: TestClient) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises((WebSocketDisconnect, RuntimeError)), api.websocket_connect("/health"):
        pass
