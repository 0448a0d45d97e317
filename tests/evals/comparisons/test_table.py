"""The table and the grid of a comparison: counts, money, time, and what is not known."""

from decimal import Decimal
from statistics import median

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from tests.evals.comparisons.runs import given, run

from secondtake.evals.comparisons.figures import latency_of, spending_of, tokens_of
from secondtake.evals.comparisons.model import ComparedRun, Share
from secondtake.evals.comparisons.table import case_order, compare

A, B, C = "sim/a", "sim/b", "sim/c"


def test_agreement_is_counted_with_the_majority_and_with_the_baseline() -> None:
    answers = {"1": ("x", "X.", "y"), "2": ("p", "q", "r"), "3": ("m", "n", "n")}
    runs = [
        (run(model, answer, case_id=case_id), answer)
        for case_id, row in answers.items()
        for model, answer in zip((A, B, C), row, strict=True)
    ]
    made = compare(given(runs, (A, B, C), case_count=3, repeats=1))
    majority = {row.model: row.same_as_majority for row in made.models}
    assert majority == {
        A: Share(count=1, of=2),
        B: Share(count=2, of=2),
        C: Share(count=1, of=2),
    }
    baseline = [row.same_as_baseline for row in made.models]
    assert baseline == [None, Share(count=1, of=3), Share(count=0, of=3)]
    assert made.without_majority == 1
    assert [case.majority for case in made.cases] == [
        Share(count=2, of=3),
        None,
        Share(count=2, of=3),
    ]


def test_two_models_that_differ_have_no_majority_and_one_answer_is_none() -> None:
    made = compare(given([(run(A, "x"), "x"), (run(B, "y"), "y")], (A, B)))
    assert [row.same_as_majority for row in made.models] == [None, None]
    assert made.without_majority == 1
    alone = compare(given([(run(A, "x"), "x"), (run(B), None)], (A, B)))
    assert [row.same_as_majority for row in alone.models] == [None, None]
    assert alone.without_majority == 0


def test_the_baseline_speaks_with_its_most_frequent_answer() -> None:
    said = {A: ("x", "y", "y"), B: ("y", "x", "y")}
    runs = [
        (run(model, answer, repeat=number), answer)
        for model, row in said.items()
        for number, answer in enumerate(row, start=1)
    ]
    a, b = compare(given(runs, (A, B), case_count=1, repeats=3)).models
    assert b.same_as_baseline == Share(count=2, of=3)
    assert a.same_as_itself == a.same_as_baseline == Share(count=2, of=3)


def test_of_equally_frequent_answers_of_the_baseline_the_earliest_counts() -> None:
    runs = [(run(A, "x", repeat=2), "x"), (run(A, "y", repeat=1), "y"), (run(B, "y"), "y")]
    _, b = compare(given(runs, (A, B))).models
    assert b.same_as_baseline == Share(count=1, of=1)


def test_a_model_that_fails_has_no_share_and_the_others_keep_theirs() -> None:
    runs = [(run(A), None), (run(B, "x"), "x"), (run(C, "x"), "x")]
    a, b, c = compare(given(runs, (A, B, C), case_count=1, repeats=1)).models
    assert (a.ok, a.failed, a.failures[0].error_class, a.failures[0].count) == (0, 1, "auth", 1)
    assert (a.same_as_majority, b.same_as_baseline, c.same_as_baseline) == (None, None, None)
    assert b.same_as_majority == Share(count=1, of=1)


def test_a_run_that_somebody_cancelled_is_no_failure_of_the_model() -> None:
    runs = [(run(A, "x"), "x"), (run(B, status="cancelled", error_class="RunCancelled"), None)]
    made = compare(given(runs, (A, B), case_count=1, repeats=1))
    row = made.models[1]
    assert (row.failed, row.cancelled, row.failures[0].error_class) == (0, 1, "RunCancelled")
    assert made.status == "ended"
    assert "sim/b has not ended a run" in made.verdict


def test_money_that_is_not_known_is_counted_and_never_zero() -> None:
    known = run(A, "x", cost_usd=Decimal("0.3"))
    partly = run(A, "x", repeat=2, cost_usd=Decimal("0.1"), unpriced_calls=2)
    failed = run(A, repeat=3, cost_usd=Decimal("0.05"))
    unknown = run(A, "x", repeat=4, cost_usd=None, unpriced_calls=1)
    spending = spending_of([known, partly, failed, unknown])
    assert spending.total_usd == Decimal("0.45")
    assert (spending.per_run_usd, spending.priced_runs) == (Decimal("0.3"), 1)
    assert (spending.unpriced_runs, spending.unpriced_calls) == (2, 3)
    nothing = spending_of([unknown])
    assert (nothing.total_usd, nothing.per_run_usd) == (None, None)


def test_the_mean_cost_is_rounded_half_even_to_a_billionth() -> None:
    costs = (Decimal("0.000000001"), Decimal("0.000000002"))
    runs = [run(A, "x", repeat=n, cost_usd=cost) for n, cost in enumerate(costs)]
    assert spending_of(runs).per_run_usd == Decimal("0.000000002")


def test_tokens_that_are_not_known_stay_so() -> None:
    runs = [run(A, "x", input_tokens=3), run(A, "x", input_tokens=4, output_tokens=5)]
    used = tokens_of(runs)
    assert (used.input_tokens, used.output_tokens, used.unknown_runs) == (7, 5, 1)
    assert tokens_of([run(A)]).input_tokens is None


@for_all(st.lists(st.floats(1, 1e6), min_size=1, max_size=60))
def test_latency_is_of_runs_that_ended_well_and_has_no_tail_of_a_few(times: list[float]) -> None:
    runs = [run(A, "x", duration_ms=time) for time in times]
    found = latency_of([*runs, run(A, duration_ms=0.5)])
    assert found is not None
    assert (found.runs, found.p50_ms) == (len(times), median(times))
    assert (found.min_ms, found.max_ms) == (min(times), max(times))
    assert (found.p95_ms is None) == (len(times) < 20)
    if found.p95_ms is not None:
        assert sum(time <= found.p95_ms for time in times) >= 0.95 * len(times)
        assert sum(time < found.p95_ms for time in times) < 0.95 * len(times)


def test_no_latency_of_failures_alone() -> None:
    assert latency_of([run(A)]) is None


@pytest.mark.parametrize(
    ("ended", "running", "queued", "status"),
    [
        (4, 0, False, "ended"),
        (4, 0, True, "ended"),
        (3, 1, False, "running"),
        (3, 0, True, "running"),
        (3, 0, False, "incomplete"),
    ],
)
def test_the_status_says_whether_more_will_come(
    *, ended: int, running: int, queued: bool, status: str
) -> None:
    runs: list[tuple[ComparedRun, str | None]]
    runs = [(run(A, "x", repeat=n), "x") for n in range(ended)]
    runs += [(run(A, status="running", repeat=9 + n), None) for n in range(running)]
    made = compare(given(runs, (A,), case_count=2, repeats=2, is_queued=queued))
    assert (made.status, made.planned_runs, made.ended_runs) == (status, 4, ended)
    assert ("of 4 runs ended" in made.verdict) == (status != "ended")


def test_a_comparison_of_which_nothing_has_begun_says_so() -> None:
    made = compare(given([], (A, B), case_count=2, repeats=1, is_queued=True))
    assert made.verdict == "No run has ended by itself yet. 0 of 4 runs ended so far."
    assert [row.planned for row in made.models] == [2, 2]
    assert made.cases == []


def test_runs_that_say_nothing_of_a_plan_are_compared_too() -> None:
    made = compare(given([(run(B, "x"), "x"), (run(A, "y"), "y")], ()))
    assert [row.model for row in made.models] == [B, A]
    assert (made.planned_runs, made.repeats, made.status) == (None, None, "ended")


def test_a_cell_groups_equal_answers_and_marks_what_differs_by_word() -> None:
    runs = [
        (run(A, "It is 391.", repeat=1), "It is 391."),
        (run(B, "It is 381.", repeat=1), "It is 381."),
        (run(B, "it is 381", repeat=2), "it is 381"),
        (run(B, "It is 391", repeat=3), "It is 391"),
        (run(B, repeat=4), None),
    ]
    (case,) = compare(given(runs, (A, B), case_count=1, repeats=4)).cases
    first, second = case.cells[1].answers
    assert (first.count, first.text, first.is_baseline) == (2, "It is 381.", False)
    assert (second.count, second.is_baseline, second.words) == (1, True, None)
    assert [(p.operation, p.text) for p in first.words or ()] == [
        ("same", "It is "),
        ("removed", "391"),
        ("added", "381"),
        ("same", "."),
    ]
    assert [each.status for each in case.cells[1].runs] == ["ok", "ok", "ok", "error"]
    assert case.cells[1].runs[3].error == "the key is missing"


def test_answers_too_long_for_words_are_shown_without() -> None:
    long = "word " * 5000
    (case,) = compare(given([(run(A, "x"), "x"), (run(B, long), long)], (A, B))).cases
    assert case.cells[1].answers[0].words is None
    assert case.cells[1].answers[0].is_baseline is False


def test_cases_are_in_the_order_of_their_numbers() -> None:
    assert case_order(["10", "b", "9", "a", "10"]) == ["9", "10", "a", "b"]


def test_the_verdict_names_agreement_price_and_failures() -> None:
    runs: list[tuple[ComparedRun, str | None]]
    runs = [(run(A, "x", repeat=n, cost_usd=Decimal("0.01")), "x") for n in range(1, 4)]
    runs += [
        (run(B, answer, repeat=n, cost_usd=Decimal("0.001"), duration_ms=10.0), answer)
        for n, answer in enumerate(("x", "x", "z"), start=1)
    ]
    runs += [(run(C, repeat=n), None) for n in range(1, 4)]
    made = compare(given(runs, (A, B, C), case_count=1, repeats=3))
    assert made.verdict == (
        "sim/b answers as sim/a in 2 of 3 runs and is 90 % cheaper and 90 ms faster at the median; "
        "sim/c failed in all 3 runs (auth)."
    )


def test_two_runs_say_nothing_about_who_is_faster() -> None:
    runs = [(run(A, "x", repeat=n, duration_ms=900.0), "x") for n in (1, 2)]
    runs += [(run(B, "x", repeat=n, duration_ms=1.0), "x") for n in (1, 2)]
    assert "faster" not in compare(given(runs, (A, B))).verdict
