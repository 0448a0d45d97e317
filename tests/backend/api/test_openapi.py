"""The documentation of the API is whole, true, and asks nobody else."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from secondtake.backend.api import examples
from secondtake.backend.api.app import create_app
from secondtake.backend.api.problems import PROBLEM_MEDIA_TYPE, Problem
from secondtake.backend.models import (
    diffs,
    executions,
    replays,
    runs,
    statistics,
    system,
    workflows,
)
from secondtake.runner.replay.recording import Recording
from secondtake.runner.settings import load_settings

SCHEMA = create_app(load_settings()).openapi()
OPERATIONS = [
    pytest.param(operation, id=f"{method.upper()} {path}")
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
]
DOCUMENTED = {
    "CHECKS": system.Health,
    "DELIVERED": executions.Delivered,
    "DETAIL": runs.RunDetail,
    "DIFF": diffs.RunDiff,
    "FACETS": statistics.RunFacets,
    "FINISHED": executions.FinishedRun,
    "GRAPH": workflows.RunGraph,
    "HEALTH": system.ServerHealth,
    "ID": dict[str, str],
    "IDS": dict[str, list[str]],
    "LOADED": system.LoadResult,
    "PAGE": runs.RunPage,
    "PIECE": runs.TextPiece,
    "REPLAYING": replays.RequestedReplay,
    "REPLAY_PLAN": replays.ReplayPlan,
    "REQUESTED": executions.RequestedRun,
    "ROWS": system.SqlResult,
    "SPANS": runs.SpanTree,
    "STATE": runs.StateAt,
    "STATISTICS": statistics.RunStatistics,
    "SUMMARY": runs.RunSummary,
    "WORKFLOWS": workflows.WorkflowList,
}


def bodies(operation: Any) -> Any:
    return operation.get("requestBody", {}).get("content", {})


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_says_what_it_does(operation: Any) -> None:
    assert operation["summary"]
    assert len(operation["description"]) > len(operation["summary"])
    assert all(parameter.get("description") for parameter in operation.get("parameters", ()))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_shows_an_example_of_each_answer(operation: Any) -> None:
    done = {code: each for code, each in operation["responses"].items() if int(code) < 300}
    assert done
    for response in done.values():
        for media_type, content in response["content"].items():
            is_binary = content.get("schema", {}).get("format") == "binary"
            assert is_binary or content["example"], media_type
    for content in bodies(operation).values():
        name = content["schema"]["$ref"].rpartition("/")[2]
        assert SCHEMA["components"]["schemas"][name]["examples"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_documents_its_errors(operation: Any) -> None:
    failed = {int(code): each for code, each in operation["responses"].items() if int(code) >= 400}
    assert {403, 500, 503} <= set(failed)
    assert not bodies(operation) or {413, 415, 422} <= set(failed)
    for status, response in failed.items():
        assert response["description"]
        [(media_type, content)] = response["content"].items()
        assert media_type == PROBLEM_MEDIA_TYPE
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert Problem.model_validate(content["example"]).status == status


def test_every_example_is_an_answer_that_could_be() -> None:
    shown = {
        name: value
        for name, value in vars(examples).items()
        if name.isupper() and isinstance(value, dict) and not name.startswith("_")
    }
    assert Recording.from_json(json.dumps(shown.pop("RECORDING")).encode()).end is not None
    assert set(shown) == set(DOCUMENTED)
    for name, example in shown.items():
        made: Any = TypeAdapter(DOCUMENTED[name])
        assert made.validate_python(made.dump_python(made.validate_python(example), mode="json"))


def test_every_field_of_a_summary_is_in_its_example() -> None:
    assert set(examples.SUMMARY) == set(runs.RunSummary.model_fields)


def test_there_are_no_pages_that_load_scripts_from_elsewhere(api: TestClient) -> None:
    assert [api.get(path).status_code for path in ("/docs", "/redoc")] == [404, 404]
    assert api.get("/openapi.json").json() == SCHEMA
    assert "://" not in api.get("/openapi.json").text
