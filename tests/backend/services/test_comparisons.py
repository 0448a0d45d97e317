"""A comparison is read from the runs that carry its id."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.support.compared import EXPERIMENT, MODELS, write_comparison
from tests.support.stored import run_frame, write_events, write_run

from secondtake.backend.errors import AmbiguousError, NotFoundError
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.comparisons import ComparisonQuery, Share
from secondtake.runner.settings import load_settings


@pytest.fixture
def backend(home: Path) -> LocalBackend:
    return LocalBackend(load_settings({"home": home}))


def read(backend: LocalBackend, **fields: Any) -> Any:
    return backend.get_comparison(ComparisonQuery(**{"experiment": EXPERIMENT, **fields}))


def test_the_table_is_made_of_the_rows(home: Path, backend: LocalBackend) -> None:
    ids = write_comparison(home)
    write_run(home)  # of no comparison
    made = read(backend)
    assert [row.model for row in made.models] == list(MODELS)
    strong, weak, none = made.models
    assert (made.name, made.status, made.planned_runs, made.ended_runs) == ("sums", "ended", 6, 6)
    assert weak.same_as_baseline == Share(count=1, of=2)
    assert (weak.spending.total_usd, weak.spending.simulated) == (Decimal("0.002"), True)
    assert (strong.latency.p50_ms, weak.latency.p50_ms, none.latency) == (100.0, 200.0, None)
    assert (weak.tokens.input_tokens, weak.tokens.output_tokens) == (20, 4)
    (failure,) = none.failures
    assert (failure.error_class, failure.count) == ("bad_request", 2)
    assert failure.reason == "no provider is known for no-such"
    assert failure.run_id == ids[2]


def test_the_grid_has_the_answers_and_the_runs(home: Path, backend: LocalBackend) -> None:
    ids = write_comparison(home)
    first, second = read(backend).cases
    assert (first.case_id, first.inputs_text) == ("1", "sum 1")
    assert first.inputs == {"question": "sum 1"}
    assert [cell.answers[0].run_ids for cell in first.cells[:2]] == [[ids[0]], [ids[1]]]
    assert first.cells[1].answers[0].is_baseline is True
    assert second.cells[1].answers[0].text == '{\n  "n": 5\n}'
    words = second.cells[1].answers[0].words
    assert [(p.operation, p.text) for p in words if p.operation != "same"] == [
        ("removed", "4"),
        ("added", "5"),
    ]
    assert first.cells[2].answers == []
    assert first.cells[2].runs[0].error_class == "bad_request"


def test_cases_come_in_pages_and_the_table_is_of_all(home: Path, backend: LocalBackend) -> None:
    write_comparison(home)
    assert [case.case_id for case in read(backend, offset=1, limit=5).cases] == ["2"]
    alone = read(backend, limit=0)
    assert alone.cases == []
    assert alone.models == read(backend).models
    assert read(backend, offset=9).cases == []


def test_long_answers_are_clipped_on_the_screen_and_compared_whole(
    home: Path, backend: LocalBackend
) -> None:
    for number, (model, end) in enumerate((("a", "x"), ("b", "y"))):
        run_id = UUID(int=number + 1)
        fields: dict[str, Any] = {
            "experiment_id": EXPERIMENT,
            "variant": model,
            "case_id": "1",
            "repeat": 1,
            "output": "word " * 1000 + end,
        }
        write_events(home, *run_frame(run_id, [], **fields))
    made = read(backend, max_chars=100)
    cell = made.cases[0].cells[1]
    assert (len(cell.answers[0].text), cell.answers[0].total_chars) == (100, 5001)
    assert cell.answers[0].words is None
    assert cell.answers[0].is_baseline is False
    assert made.models[1].same_as_baseline == Share(count=0, of=1)
    assert read(backend).cases[0].cells[1].answers[0].words


def test_what_was_planned_and_never_ran_makes_it_incomplete(
    home: Path, backend: LocalBackend
) -> None:
    write_comparison(home, planned=5)
    made = read(backend)
    assert (made.status, made.planned_runs, made.ended_runs) == ("incomplete", 15, 6)
    assert made.case_count == 5
    assert "6 of 15 runs ended in all" in made.verdict


@pytest.mark.parametrize("plan", [7, {"models": []}, {"models": [1], "case_count": 1}, None])
def test_a_plan_that_is_none_is_not_believed(
    home: Path, backend: LocalBackend, *, plan: Any
) -> None:
    fields: dict[str, Any] = {"experiment_id": EXPERIMENT, "variant": "a", "case_id": "1"}
    write_events(home, *run_frame(UUID(int=1), [], extra={"comparison": plan}, **fields))
    made = read(backend)
    assert ([row.model for row in made.models], made.planned_runs) == (["a"], None)


def test_a_comparison_is_named_by_its_id_a_prefix_or_last(
    home: Path, backend: LocalBackend
) -> None:
    for name in (EXPERIMENT, "last"):
        with pytest.raises(NotFoundError, match="There is no comparison"):
            read(backend, experiment=name)
    write_comparison(home)
    for name in (EXPERIMENT, EXPERIMENT[:9], "last"):
        assert read(backend, experiment=name).experiment_id == EXPERIMENT
    write_comparison(home, EXPERIMENT[:-1] + "e")
    with pytest.raises(AmbiguousError, match="write more of its id"):
        read(backend, experiment=EXPERIMENT[:9])
    for name in ("", " ", "x", "'"):
        with pytest.raises(NotFoundError):
            read(backend, experiment=name)


def test_the_list_has_one_line_for_each(home: Path, backend: LocalBackend) -> None:
    assert backend.list_comparisons().items == []
    write_comparison(home)
    write_run(home)
    (line,) = backend.list_comparisons().items
    assert (line.experiment_id, line.name, line.models) == (EXPERIMENT, "sums", list(MODELS))
    assert (line.planned_runs, line.ended_runs, line.failed_runs) == (6, 6, 2)
    assert (line.cost_usd, line.simulated) == (Decimal("0.004"), True)
