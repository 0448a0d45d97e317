"""Parts of the page Compare models without a page: axes, names in a chart, cells of the grid."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from secondtake.backend.errors import SecondTakeError
from secondtake.backend.models.comparisons import (
    CellRun,
    ComparedAnswer,
    ComparedCase,
    ComparedCell,
    ComparedModel,
    Comparison,
    Latency,
    Share,
    Spending,
    TokenUse,
)
from secondtake.backend.models.diffs import WordPiece
from secondtake.studio.compare_page.grid import grid
from secondtake.studio.compare_page.scatter import axis_type, figure, placed
from secondtake.studio.compare_page.table import share, table
from secondtake.studio.compare_page.wanted import CaseFile, NewComparison, missing, request_of

HOSTILE = '<a href="http://outside.example">x</a><b>\u202e'


def model(
    name: str, *, cost: str | None = "0.01", p50_ms: float | None = 800.0, **more: Any
) -> ComparedModel:
    """Return a row of the table."""
    latency = None
    if p50_ms is not None:
        latency = Latency(runs=2, p50_ms=p50_ms, min_ms=p50_ms / 2, max_ms=p50_ms * 2)
    about: dict[str, Any] = {
        "is_baseline": False,
        "ok": 2,
        "failed": 0,
        "cancelled": 0,
        "running": 0,
    }
    return ComparedModel(
        model=name,
        spending=Spending(per_run_usd=None if cost is None else Decimal(cost)),
        latency=latency,
        tokens=TokenUse(),
        **(about | more),
    )


def comparison(models: list[ComparedModel], cases: list[ComparedCase] | None = None) -> Comparison:
    """Return a comparison that has ended."""
    return Comparison(
        experiment_id="e", name=HOSTILE, status="ended", verdict="v", models=models,
        case_count=1, repeats=1, planned_runs=2, ended_runs=2, running_runs=0, without_majority=0,
        cases=cases or [], case_offset=0, started_at=None, ended_at=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "kind"),
    [([1.0, 50.0], "linear"), ([1.0, 51.0], "log"), ([0.0, 100.0], "linear"), ([5.0], "linear")],
)
def test_an_axis_is_logarithmic_when_values_are_far_apart(values: list[float], kind: str) -> None:
    assert axis_type(values) == kind


def test_a_model_without_a_price_or_time_has_no_place() -> None:
    models = [model("a"), model("b", cost=None), model("c", p50_ms=None)]
    assert [each.model for each in placed(models)] == ["a"]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_names_in_the_chart_are_text(mode: str) -> None:
    traces = figure([model(HOSTILE, is_baseline=True), model(HOSTILE)], mode=mode)["data"]
    assert [trace["marker"]["symbol"] for trace in traces] == ["diamond", "circle"]
    told = [text for trace in traces for text in [*trace["text"], *trace["hovertext"]]]
    said = " ".join(told).replace("<br>", "")
    assert "<" not in said
    assert "\u202e" not in said


def test_an_unknown_price_is_a_dash_and_counted() -> None:
    unpriced = model("a", cost=None)
    unpriced = unpriced.model_copy(update={"spending": Spending(unpriced_runs=2, unpriced_calls=5)})
    text = str(table(comparison([unpriced])))
    assert "—" in text
    assert "2 unpriced" in text
    assert "$0" not in text


def test_a_share_is_a_count() -> None:
    assert share(Share(count=7, of=9)) == "7 of 9"
    assert share(None) == "—"


def test_the_grid_marks_words_and_counts_equal_failures_once() -> None:
    runs = [
        CellRun(run_id=uuid4(), repeat=n, status=status, duration_ms=10.0, cost_usd=None,
                unpriced_calls=1, input_tokens=None, output_tokens=None, error=error)
        for n, (status, error) in enumerate([("ok", None), ("error", HOSTILE), ("error", HOSTILE)])
    ]  # fmt: skip
    words = [
        WordPiece(operation="removed", text="gone"),
        WordPiece(operation="same", text=" stays "),
        WordPiece(operation="added", text=HOSTILE),
    ]
    answer = ComparedAnswer(
        text=f" stays {HOSTILE}", total_chars=999, count=1, run_ids=[runs[0].run_id],
        is_baseline=False, words=words,
    )  # fmt: skip
    cell = ComparedCell(model="a", answers=[answer], runs=runs)
    case = ComparedCase(case_id="1", inputs_text=HOSTILE, cells=[cell])
    text = str(grid(comparison([model("a")], [case])))
    assert 'title="The baseline has here: gone"' in text
    assert "<ins>&lt;a href=" in text
    assert "<b>\u202e" not in text
    assert text.count("2 of 3") == 1
    assert "characters more" in text


def test_the_form_says_what_it_lacks() -> None:
    made = NewComparison(kind="Workflow")
    assert missing(made) == "Choose a workflow."
    made.workflow = "research"
    assert missing(made) == "Name a model."
    made.models, made.inputs, made.repeat = ["a", "b"], {"topic": "x", "other": " "}, 3
    assert missing(made) is None
    request = request_of(made)
    assert (request.workflow, request.prompt, request.inputs) == ("research", None, {"topic": "x"})
    assert (request.models, request.repeat) == (("a", "b"), 3)


def test_everything_of_the_form_is_asked_for() -> None:
    made = NewComparison(kind="Workflow", workflow="research", models=["a"], tools=["calculator"])
    made.inputs = {"words": "120"}
    made.cases = '{"topic": "x"}\n\n{"topic": "y", "words": 80}\r\n'
    made.changes = "nodes.write.model=sim/weak\n\n nodes.write.prompt=@@all, in one line "

    request = request_of(made)

    assert request.inputs == {"words": "120"}
    assert request.cases == ({"topic": "x"}, {"topic": "y", "words": 80})
    assert request.overrides == (
        "nodes.write.model=sim/weak",
        "nodes.write.prompt=@all, in one line",
    )
    assert request.tools == (), "a workflow names its own"
    made.kind, made.prompt = "Prompt", "hello"
    assert (request_of(made).tools, request_of(made).cases) == (("calculator",), ())


@pytest.mark.parametrize(
    ("cases", "file", "changes", "said"),
    [
        ('{"a": 1}\n{"a": }', None, "", "cases:2:7: no JSON (Expecting value); write one object a"),
        (
            "[1]",
            None,
            "",
            'cases:1: a list; write an object of inputs, like {"topic": "heat pumps"}.',
        ),
        ("", b"\xff", "", "mine.jsonl: is not UTF-8 text."),
        ("", b"\n", "", "mine.jsonl holds no inputs; write one JSON object a line."),
        ("", b'\xef\xbb\xbf{"a": 1}\n"b"', "", "mine.jsonl:2: a text; write an object of inputs"),
        ("", None, "nodes.a.prompt=@new.txt", "nodes.a.prompt=@new.txt: a page reads no files"),
    ],
)
def test_what_is_wrong_in_the_form_is_one_sentence(
    cases: str, file: bytes | None, changes: str, said: str
) -> None:
    made = NewComparison(kind="Workflow", workflow="w", models=["a"], cases=cases, changes=changes)
    made.file = None if file is None else CaseFile(name="mine.jsonl", content=file)
    with pytest.raises(SecondTakeError) as refusal:
        request_of(made)
    assert str(refusal.value).startswith(said)
