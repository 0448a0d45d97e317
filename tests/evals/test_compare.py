"""A whole diff: identity, symmetry, first divergence, totals; and words for numbers."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evals.made import llm, run, tool
from tests.evals.test_alignment import STEPS

from secondtake.backend import formats
from secondtake.evals.diffs import wording
from secondtake.evals.diffs.compare import diff_runs
from secondtake.evals.diffs.model import RunDiff, Step

RUNS = st.builds(
    lambda steps, output, state: run(steps, output=output, state=state),
    st.lists(STEPS, max_size=6),
    st.sampled_from([None, "x y", "x z", {"report": "x"}]),
    st.sampled_from([None, {"facts": []}, {"facts": ["a"]}]),
)


@given(RUNS)
def test_a_run_compared_with_itself_differs_in_nothing(one: Any) -> None:
    diff = diff_runs(one, one)

    assert diff.first_divergence is None
    assert diff.divergence_reason is None
    assert diff.output.is_same
    assert not (diff.output_changes)
    assert not (diff.inputs)
    assert not (diff.configuration)
    assert not (diff.state)
    assert diff.counts["same"] == len(one.steps) == sum(diff.counts.values())
    assert diff.delta_cost_usd == 0
    assert diff.delta_duration_ms == 0


@given(RUNS, RUNS)
def test_swapping_the_sides_mirrors_the_diff(a: Any, b: Any) -> None:
    forth, back = diff_runs(a, b), diff_runs(b, a)

    assert forth.first_divergence == back.first_divergence
    assert forth.counts["inserted"] == back.counts["deleted"]
    assert forth.output.is_same == back.output.is_same
    assert len(forth.state) == len(back.state)


@given(RUNS, RUNS)
def test_a_diff_survives_the_wire(a: Any, b: Any) -> None:
    diff = diff_runs(a, b)

    assert RunDiff.model_validate_json(diff.model_dump_json()) == diff
    assert diff.verdict.endswith(".")
    assert (diff.first_divergence is None) == (diff.divergence_reason is None)


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (
            [llm(1), tool(1)],
            [llm(1), tool(1, {"query": "cold"})],
            "Tool call 1 `search` in `plan`: arguments: query 'heat' → 'cold'.",
        ),
        (
            [llm(1), tool(1)],
            [llm(1), tool(1, {"url": "x"}, name="fetch")],
            "A makes tool call 1 `search` in `plan`, where B makes tool call 1 `fetch` in `plan`.",
        ),
        (
            [llm(1), tool(1)],
            [llm(1)],
            "A makes tool call 1 `search` in `plan`, B nothing more.",
        ),
        ([], [llm(1)], "B makes LLM call 1 in `plan`, A nothing more."),
        (
            [tool(1, {"q": "a"}), tool(2, {"q": "b"}), llm(1)],
            [tool(1, {"q": "b"}), tool(2, {"q": "a"}), llm(1)],
            None,
        ),
        (
            [llm(1, node=None), llm(2, answer="x", messages_hash="2")],
            [llm(1, node=None), tool(1), llm(2, answer="y", messages_hash="3")],
            "A makes LLM call 2 in `plan`, where B makes tool call 1 `search` in `plan`.",
        ),
    ],
)
def test_the_first_divergence_names_the_step_of_both_sides(
    a: list[Step], b: list[Step], reason: str | None
) -> None:
    diff = diff_runs(run(a), run(b))

    assert diff.first_divergence is not None
    assert all(edit.operation == "same" for edit in diff.edits[: diff.first_divergence])
    if reason is None:
        assert "in another place than B, where it is tool call" in (diff.divergence_reason or "")
    else:
        assert diff.divergence_reason == reason


def test_totals_are_unknown_as_soon_as_a_part_is() -> None:
    priced = {"cost_usd": Decimal("0.01"), "input_tokens": 10, "duration_ms": None}

    diff = diff_runs(run(side=priced), run(side={**priced, "unpriced_calls": 1}))

    assert diff.delta_cost_usd is None
    assert diff.delta_duration_ms is None
    assert diff.delta_input_tokens == 0


def test_texts_are_compared_as_texts_and_values_as_json() -> None:
    texts = diff_runs(run(output="It is 3."), run(output="It is 4."))
    values = diff_runs(run(output={"n": 3}), run(output={"n": 4}))
    mixed = diff_runs(run(output="3"), run(output=3))

    assert texts.output_changes == []
    assert "-It is 3.\n" in texts.output.unified
    assert [(change.path, change.a, change.b) for change in values.output_changes] == [("n", 3, 4)]
    assert '-  "n": 3\n+  "n": 4\n' in values.output.unified
    assert not mixed.output.is_same


def test_no_output_is_not_an_empty_one() -> None:
    assert not diff_runs(run(output=None), run(output="")).output.is_same


@given(st.decimals(min_value=0, max_value=100_000, places=9))
def test_dollars_read_as_on_the_screens(amount_usd: Decimal) -> None:
    assert wording.dollars(amount_usd) == formats.money(amount_usd)


@given(st.floats(0, 1e8))
def test_long_times_read_as_on_the_screens(milliseconds: float) -> None:
    if milliseconds >= 10_000:
        assert wording.duration(milliseconds) == formats.duration(milliseconds)


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ("heat", "heat pumps", "'heat' → 'heat pumps'"),
        (3, None, "3 → nothing"),
        ([1, 2], [1], "[1,2] → [1]"),
        (["word" * 9, 1], ["word" * 9, 2], "2 items, others than before"),
        ("a\nb", "a b", "'a b' → 'a b' (white space)"),
        (
            "The quick brown fox jumps over the lazy dog near the old mill",
            "The quick brown fox jumps over the lazy dog near the new mill",
            "'…lazy dog near the old mill' → '…lazy dog near the new mill'",
        ),
    ],
)
def test_two_values_are_told_from_where_they_part(a: Any, b: Any, words: str) -> None:
    assert wording.change_words(a, b) == words


def test_a_long_text_is_clipped_quickly_and_in_one_line() -> None:
    long = "word\n" * 2_000_000

    assert wording.clipped(long) == "word word word word word word word word…"
    assert len(wording.change_words(long + "a", long + "b")) < 60
