"""A run that was accepted: it can be asked for at once, and its question takes what fits."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from tests.support.api_process import api_process

from secondtake.backend.api import dependencies
from secondtake.backend.client import Client
from secondtake.backend.errors import NotBegunError
from secondtake.backend.models.executions import AnswerRequest, RunRequest
from secondtake.runner.errors import UsageError
from secondtake.runner.mailbox import Mailbox, is_listening

WITHIN_S: Final = 200.0  # a first worker on a fresh, loaded machine compiles its libraries
WORKFLOW: Final = """\
name: ask
state: {amount: {type: integer}}
nodes:
  approve: {kind: human, question: How much?, type: integer, output: amount}
edges: [{from: START, to: approve}, {from: approve, to: END}]
output: amount
"""


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    root = home.parent / "workflows"
    root.mkdir()
    (root / "ask.yaml").write_text(WORKFLOW, encoding="utf-8")
    monkeypatch.setenv("SECONDTAKE_WORKFLOWS_ROOT", str(root))
    with api_process(home) as (client, _):
        yield client


def until(condition: Callable[[], bool]) -> None:
    give_up_at_s = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < give_up_at_s
        time.sleep(0.02)


def test_an_answer_of_the_wrong_type_is_refused_before_it_is_delivered(server: Client) -> None:
    run_id = str(server.request_run(RunRequest(workflow="ask")).run_id)
    until(lambda: asks(server, run_id))
    for wrong in ("plenty", True, [1], {"amount": 1}, None):
        with pytest.raises(UsageError, match="The answer does not fit: "):
            server.answer_run(run_id, AnswerRequest(answer=wrong))
    assert server.answer_run(run_id, AnswerRequest(answer="17")).run_id == UUID(run_id)
    until(lambda: server.get_run(run_id, parts=()).summary.status == "ok")
    assert server.get_run(run_id, parts=()).summary.output == 17


def asks(client: Client, run_id: str) -> bool:
    try:
        return client.get_run(run_id, parts=()).summary.question == "How much?"
    except NotBegunError:
        return False


def test_a_run_that_waits_for_a_worker_has_not_begun_yet(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependencies, "BEGIN_WAIT_S", 0.1)
    run_id = api.post("/run", json={"prompt": "Hello", "model": "sim/strong"}).json()["run_id"]
    response = api.get(f"/runs/{run_id}")
    assert (response.status_code, response.headers["retry-after"]) == (404, "1")
    assert response.json()["type"] == "urn:secondtake:problem:not-begun"
    expected = f"Run {run_id} has been accepted and has not begun yet; ask again in a moment."
    assert response.json()["detail"] == expected
    until(lambda: api.get(f"/runs/{run_id}/spans").status_code == 200)
    unknown = api.get(f"/runs/{uuid4()}")
    assert unknown.json()["type"] == "urn:secondtake:problem:not-found"
    assert "retry-after" not in unknown.headers


def test_a_server_sweeps_what_a_killed_process_left(home: Path) -> None:
    with api_process(home) as (client, _):
        run_id = client.request_run(RunRequest(prompt="Hello", model="sim/strong")).run_id
        until(lambda: client.whole_runs([run_id]) == {run_id})
    Mailbox(home, run_id).open()
    assert is_listening(home, run_id)
    with api_process(home):
        until(lambda: not is_listening(home, run_id))
