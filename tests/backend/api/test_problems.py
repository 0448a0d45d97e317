"""Whatever goes wrong is one sentence with the cure, as problem details."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.support.stored import write_run

from secondtake.backend import errors
from secondtake.backend.api.problems import PROBLEM_MEDIA_TYPE
from secondtake.backend.client import Client
from secondtake.backend.client.problems import raise_for_problem
from secondtake.backend.errors import PROBLEMS, SecondTakeError, problem_of
from secondtake.backend.models.runs import RunQuery
from secondtake.backend.services import facets
from secondtake.runner.errors import StoreError, UsageError, WorkflowError


def all_errors() -> Iterator[type[SecondTakeError]]:
    """Yield what a service can raise; `NoServerError` is the client's own."""
    for value in vars(errors).values():
        is_error = isinstance(value, type) and issubclass(value, SecondTakeError)
        if is_error and value is not errors.NoServerError:
            yield value


def is_problem(answer: Any, status: int, kind: str) -> bool:
    problem = answer.json()
    return bool(
        answer.status_code == problem["status"] == status
        and answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
        and problem["type"] == f"urn:secondtake:problem:{kind}"
        and problem["title"] != ""
        and problem["detail"].endswith((".", "`.", ";"))
        and problem["instance"].startswith("/")
    )


def test_a_run_that_does_not_exist_is_404_with_the_cure(api: TestClient) -> None:
    answer = api.get("/runs/last")
    assert is_problem(answer, 404, "not-found")
    assert "secondtake run WORKFLOW" in answer.json()["detail"]


def test_two_runs_that_fit_are_409(api: TestClient, home: Path) -> None:
    from uuid import UUID

    for digit in "12":
        write_run(home, UUID(f"0000000{digit}-0000-4000-8000-000000000000"))
    assert api.post("/load").json()["segments"] == 2
    assert is_problem(api.get("/runs/0000"), 409, "ambiguous")


def test_an_address_that_does_not_exist_is_404(api: TestClient) -> None:
    answer = api.get("/nothing/here")
    assert is_problem(answer, 404, "address")
    assert "/openapi.json" in answer.json()["detail"]


def test_a_method_that_a_route_does_not_take_is_405(api: TestClient) -> None:
    answer = api.delete("/runs")
    assert is_problem(answer, 405, "method")
    assert "GET" in answer.headers["allow"]


def test_json_that_is_none_says_where(api: TestClient) -> None:
    answer = api.post(
        "/sql", content=b'{"text": "select 1",}', headers={"Content-Type": "application/json"}
    )
    assert is_problem(answer, 422, "validation")
    assert "at character 2" in answer.json()["detail"]


def test_json_that_nests_too_deep_is_refused(api: TestClient) -> None:
    answer = api.post("/sql", content=b"[" * 200_000, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/runs?limit=0", "query.limit"),
        ("/runs?limit=many", "query.limit"),
        ("/runs?stauts=ok", "query.stauts"),
        ("/runs?status=fine", "query.status.0"),
        ("/runs?since=2026-11-20T09:30:00", "query.since"),
        ("/runs?tag=team", "query.tag.0"),
        ("/runs/statistics?bars=1000", "query.bars"),
        ("/runs/last/state?step=-1", "query.step"),
        ("/runs/last?max_chars=1", "query.max_chars"),
        ("/runs/last/text?table=secrets&row=1&field=x", "query.table"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(api: TestClient, path: str, field: str) -> None:
    answer = api.get(path)
    assert is_problem(answer, 422, "validation")
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]
    assert field in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.text"),
        ({"text": "select 1", "max_rows": 0}, "body.max_rows"),
        ({"text": "select 1", "unknown": 1}, "body.unknown"),
        ({"text": 1}, "body.text"),
    ],
)
def test_a_field_that_is_wrong_is_named(api: TestClient, body: Any, field: str) -> None:
    answer = api.post("/sql", json=body)
    assert is_problem(answer, 422, "validation")
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]


def test_a_cursor_that_is_none_is_400(api: TestClient) -> None:
    assert is_problem(api.get("/runs?cursor=x"), 400, "usage")


def test_a_fault_of_ours_is_one_sentence_without_a_traceback(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(con: object) -> None:
        raise RuntimeError("the secret is 1234")

    monkeypatch.setattr(facets, "run_facets", fails)
    answer = api.get("/runs/facets")
    assert is_problem(answer, 500, "fault")
    assert "RuntimeError" in answer.json()["detail"]
    assert "1234" not in answer.text
    assert "Traceback" not in answer.text
    assert "the secret is 1234" in caplog.text


@pytest.mark.parametrize("error", list(all_errors()), ids=lambda error: error.__name__)
def test_every_error_comes_back_as_it_went(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, error: type[SecondTakeError]
) -> None:
    problems = ["flow.yaml:1:1: it is wrong; mend it.", "flow.yaml:2:1: this too."]
    is_workflow = error is WorkflowError
    sent = WorkflowError(problems) if is_workflow else error("It is so. Do this.")

    def fails(con: object) -> None:
        raise sent

    monkeypatch.setattr(facets, "run_facets", fails)
    with pytest.raises(error) as caught:
        Client("http://127.0.0.1:8000", http=api).run_facets()
    assert (type(caught.value), caught.value.message) == (error, sent.message)
    if isinstance(caught.value, WorkflowError):
        assert caught.value.problems == problems


def test_an_error_below_a_known_one_travels_as_that() -> None:
    class NewError(StoreError):
        pass

    assert problem_of(NewError("It is so.")).error is StoreError
    assert len({kind.name for kind in PROBLEMS}) == len(PROBLEMS)


def test_a_problem_of_a_newer_server_is_an_error_by_its_status(api: TestClient) -> None:
    import httpx2

    for status, error in (
        (418, UsageError),
        (403, errors.RefusedError),
        (599, errors.ServerFaultError),
    ):
        answer = httpx2.Response(
            status,
            json={"type": "urn:other", "detail": "It is new."},
            headers={"Content-Type": PROBLEM_MEDIA_TYPE},
            request=httpx2.Request("GET", "http://127.0.0.1:8000/"),
        )
        with pytest.raises(error, match="It is new"):
            raise_for_problem(answer)


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"items": 3}'])
def test_a_stranger_that_answers_is_no_server_of_ours(content: bytes) -> None:
    import httpx2

    stranger = httpx2.Client(
        transport=httpx2.MockTransport(lambda request: httpx2.Response(200, content=content)),
        base_url="http://127.0.0.1:1",
    )
    with pytest.raises(errors.NoServerError, match="no server of Second Take"):
        Client("http://127.0.0.1:1", http=stranger).list_runs(RunQuery())


def test_no_server_is_one_sentence_with_the_cure() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(errors.NoServerError) as caught:
        client.health()
    assert caught.value.message == (
        "No server answers at http://127.0.0.1:1; start it with `secondtake up`."
    )
