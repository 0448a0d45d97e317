"""Asking the API for pages of runs, for blobs, and for runs to be executed."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from tests.support.api_process import api_process
from tests.support.stored import STARTED_AT, write_run

from secondtake.runner.blobs import blob_path

SHA256: Final = "c" * 64


def test_pages_stay_stable_while_runs_arrive(api: TestClient, home: Path) -> None:
    old = {write_run(home, started_at=STARTED_AT + timedelta(seconds=n)) for n in range(11)}
    api.post("/load")
    seen: list[UUID] = []
    cursor: str | None = None
    while True:
        page: Any = api.get(
            "/runs", params={"limit": 3, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += [UUID(run["run_id"]) for run in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        for place in (-5, 5, 500):  # behind, among and before those that were seen
            write_run(
                home, started_at=STARTED_AT + timedelta(seconds=place, microseconds=len(seen))
            )
        api.post("/load")
    assert len(seen) == len(set(seen))
    assert old <= set(seen)


@pytest.mark.parametrize(
    ("content", "media_type", "is_download"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png", False),
        (b"RIFF\x00\x00\x00\x00WAVE", "audio/wav", False),
        (b"%PDF-1.7", "application/pdf", True),
        (b"<html><script>alert(1)</script>", "application/octet-stream", True),
        (b"<svg onload=alert(1)>", "application/octet-stream", True),
    ],
)
def test_a_blob_is_shown_only_when_it_runs_no_code(
    api: TestClient, home: Path, content: bytes, media_type: str, is_download: bool
) -> None:
    path = blob_path(home, SHA256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    answer = api.get(f"/blobs/{SHA256}")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers.get("content-disposition", "").startswith("attachment") is is_download


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fstore.key", "%2Fetc%2Fpasswd", "..", "x" * 64, SHA256.upper(), SHA256]
)
def test_a_blob_that_is_none_is_404(api: TestClient, name: str) -> None:
    assert api.get(f"/blobs/{name}").status_code == 404


def test_too_many_queries_at_once_are_told_to_come_back(api: TestClient) -> None:
    places = api.app.state.server.sql_places  # type: ignore[attr-defined]
    while places.acquire(blocking=False):
        pass
    answer = api.post("/sql", json={"text": "select 1"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    places.release()
    assert api.post("/sql", json={"text": "select 1"}).status_code == 200


@pytest.mark.slow
def test_a_run_in_the_short_form_is_executed_and_waited_for(home: Path) -> None:
    with api_process(home) as (client, _):
        import httpx2

        with httpx2.Client(base_url=client.url, trust_env=False, timeout=120) as http:
            body = {"prompt": "What is 17 * 23?", "user_id": "ada"}
            at_once = http.post("/run", json=body)
            waited = http.post("/run", params={"wait_s": 100}, json=body)
        assert at_once.status_code == 202
        assert waited.status_code == 200
        assert waited.json()["summary"]["status"] == "ok"
        assert waited.json()["summary"]["user_id"] == "ada"
        events = [event.event for event in client.run_events(at_once.json()["run_id"])]
        assert events[-1] == "end"
        assert "llm_calls" in events
