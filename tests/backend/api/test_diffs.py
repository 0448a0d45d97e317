"""The route about the difference of two runs."""

from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from tests.support.stored import write_research_run

from secondtake.backend.models.diffs import RunDiff


def test_two_runs_are_compared_by_id_prefix_or_last(api: TestClient, home: Path) -> None:
    a, b = write_research_run(home), write_research_run(home, output={"answer": "no"})
    api.post("/load")
    answer = api.get(f"/diffs/{a.hex[:12]}/{b}")
    assert answer.status_code == 200
    found = RunDiff.model_validate(answer.json())
    assert (found.a.run_id, found.b.run_id) == (a, b)
    assert not found.output.is_same
    assert Decimal(answer.json()["delta_cost_usd"]) == 0
    assert api.get("/diffs/last/last").json()["first_divergence"] is None


@pytest.mark.parametrize("place", [0, 1])
def test_a_run_that_is_not_there_is_said_of_either_side(
    api: TestClient, home: Path, place: int
) -> None:
    names = [str(write_research_run(home))] * 2
    names[place] = str(uuid4())
    api.post("/load")
    answer = api.get("/diffs/" + "/".join(names))
    assert answer.status_code == 404
    assert names[place] in answer.json()["detail"]
