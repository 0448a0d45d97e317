"""Comparisons over HTTP: accepted all or none, executed by the workers, read as far as they are."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, TypeAdapter
from tests.support.api_process import api_process

from secondtake.backend.api import comparison_examples as examples
from secondtake.backend.client import Client
from secondtake.backend.models.comparisons import (
    CompareRequest,
    Comparison,
    ComparisonList,
    ComparisonQuery,
    RequestedComparison,
)
from secondtake.backend.models.runs import RunQuery

WITHIN_S = 200.0  # a first worker on a fresh, loaded machine compiles its libraries


@pytest.mark.parametrize(
    ("example", "model"),
    [
        (examples.COMPARING, RequestedComparison),
        (examples.COMPARISONS, ComparisonList),
        (examples.COMPARISON, Comparison),
    ],
)
def test_every_example_is_an_answer_that_could_be(
    example: dict[str, object], model: type[BaseModel]
) -> None:
    made = TypeAdapter[BaseModel](model)
    assert made.validate_python(made.dump_python(made.validate_python(example), mode="json"))


@pytest.fixture
def server(home: Path) -> Iterator[Client]:
    with api_process(home) as (client, _):
        yield client


def test_a_comparison_is_executed_by_the_workers_and_can_be_read_at_once(server: Client) -> None:
    models = ("sim/strong", "sim/weak", "no-such-model")
    request = CompareRequest(models=models, prompt="What is 17 * 23?", repeat=2, tags={"a": "b"})
    accepted = server.request_comparison(request)
    assert len(set(accepted.run_ids)) == 6
    query = ComparisonQuery(experiment=accepted.experiment_id)
    made = server.get_comparison(query)
    assert [row.model for row in made.models] == list(models)
    assert made.planned_runs == 6
    give_up_at_s = time.monotonic() + WITHIN_S
    while made.status == "running":
        assert time.monotonic() < give_up_at_s
        time.sleep(0.1)
        made = server.get_comparison(query)
    assert (made.status, made.ended_runs) == ("ended", 6)
    assert [(row.ok, row.failed) for row in made.models] == [(2, 0), (2, 0), (0, 2)]
    assert made.models[2].failures[0].error_class == "bad_request"
    (case,) = made.cases
    ids = {run.run_id for cell in case.cells for run in cell.runs}
    assert ids == set(accepted.run_ids)
    runs = server.list_runs(RunQuery(tags={"a": "b"})).items
    assert {run.experiment_id for run in runs} == {accepted.experiment_id}
    (line,) = server.list_comparisons().items
    assert (line.experiment_id, line.models) == (accepted.experiment_id, list(models))


def test_what_does_not_fit_into_the_queue_is_refused_whole(api: TestClient) -> None:
    body = {"models": ["sim/weak", "sim/strong"], "prompt": "Hello", "repeat": 30}
    first = api.post("/compare", json=body)
    assert first.status_code == 202
    second = api.post("/compare", json=body)
    assert (second.status_code, second.headers["retry-after"]) == (503, "1")
    assert "there is room for " in second.json()["detail"]
    assert "not for 60" in second.json()["detail"]
    third = api.post("/compare", json={**body, "repeat": 51})
    assert third.status_code == 400
    assert "That makes 102 runs; a server takes 100 at once" in third.json()["detail"]
    made = api.get(f"/comparisons/{first.json()['experiment_id']}").json()
    assert (made["status"], made["planned_runs"]) == ("running", 60)


def test_runs_that_never_began_count_when_the_server_ends(home: Path) -> None:
    with api_process(home) as (client, server):
        request = CompareRequest(models=("sim/weak", "sim/strong"), prompt="Hello", repeat=40)
        accepted = client.request_comparison(request)
        server.end()
    with api_process(home) as (client, _):
        client.load()
        made = client.get_comparison(ComparisonQuery(experiment=accepted.experiment_id))
    assert (made.status, made.ended_runs) == ("ended", 80)
    assert sum(row.cancelled for row in made.models) > 0
    assert sum(row.failed for row in made.models) == 0
    reasons = {failure.reason for row in made.models for failure in row.failures}
    assert reasons == {"the server that executed it was ended"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"models": [], "prompt": "x"},
        {"models": ["a"], "prompt": "x", "repeat": 0},
        {"models": ["a"], "prompt": "x", "experiment_id": "mine"},
        {"models": ["a"] * 51, "prompt": "x"},
    ],
)
def test_a_body_that_is_no_comparison_is_refused(api: TestClient, body: dict[str, object]) -> None:
    assert api.post("/compare", json=body).status_code == 422
    assert api.get("/comparisons").json() == {"items": []}


def test_pages_are_asked_for_with_parameters(api: TestClient) -> None:
    assert api.get("/comparisons/last").status_code == 404
    for wrong in ("limit=501", "limit=-1", "offset=-1", "max_chars=9"):
        assert api.get(f"/comparisons/last?{wrong}").status_code == 422
