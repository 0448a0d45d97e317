"""From the steps of A to those of B: each step once, in order, with what it cost."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evals.made import llm, tool
from tests.evals.test_alignment import STEPS

from secondtake.evals.diffs.model import Step, StepEdit
from secondtake.evals.diffs.step_edits import step_edits

LONG_RUNS = st.lists(STEPS, max_size=14)
MIRROR = {"inserted": "deleted", "deleted": "inserted"}


def mirrored(edit: StepEdit) -> tuple[object, ...]:
    deltas = (edit.delta_cost_usd, edit.delta_duration_ms, edit.delta_input_tokens)
    negated = tuple(None if delta is None else -delta for delta in deltas)
    return MIRROR.get(edit.operation, edit.operation), edit.b, edit.a, tuple(edit.fields), negated


def told(edit: StepEdit) -> tuple[object, ...]:
    deltas = (edit.delta_cost_usd, edit.delta_duration_ms, edit.delta_input_tokens)
    return edit.operation, edit.a, edit.b, tuple(edit.fields), deltas


@given(LONG_RUNS, LONG_RUNS)
def test_every_step_is_in_exactly_one_edit(a: list[Step], b: list[Step]) -> None:
    edits = step_edits(a, b)

    assert sorted(edit.a for edit in edits if edit.a is not None) == list(range(len(a)))
    assert sorted(edit.b for edit in edits if edit.b is not None) == list(range(len(b)))


@given(LONG_RUNS, LONG_RUNS)
def test_moved_steps_aside_the_order_of_each_side_is_kept(a: list[Step], b: list[Step]) -> None:
    edits = [edit for edit in step_edits(a, b) if edit.operation != "moved"]

    of_a = [edit.a for edit in edits if edit.a is not None]
    of_b = [edit.b for edit in edits if edit.b is not None]

    assert of_a == sorted(of_a)
    assert of_b == sorted(of_b)


@given(LONG_RUNS, LONG_RUNS)
def test_swapping_the_sides_mirrors_every_edit(a: list[Step], b: list[Step]) -> None:
    forth, back = step_edits(a, b), step_edits(b, a)

    assert Counter(map(mirrored, forth)) == Counter(map(told, back))


@given(LONG_RUNS, LONG_RUNS)
def test_both_directions_part_at_the_same_place(a: list[Step], b: list[Step]) -> None:
    def same_until(edits: list[StepEdit]) -> int:
        places = (i for i, edit in enumerate(edits) if edit.operation != "same")
        return next(places, len(edits))

    assert same_until(step_edits(a, b)) == same_until(step_edits(b, a))


@given(LONG_RUNS)
def test_a_run_differs_from_itself_in_nothing(steps: list[Step]) -> None:
    edits = step_edits(steps, steps)

    assert all(edit.operation == "same" and not edit.fields for edit in edits)
    assert all(edit.why is None for edit in edits)


@given(LONG_RUNS, LONG_RUNS)
def test_what_is_moved_or_the_same_differs_in_no_field(a: list[Step], b: list[Step]) -> None:
    for edit in step_edits(a, b):
        assert (edit.operation == "edited") == bool(edit.fields)


def test_two_calls_that_changed_places_are_one_move() -> None:
    before = [tool(1, {"query": "x"}), tool(2, {"query": "y"}), llm()]
    after = [tool(1, {"query": "y"}), tool(2, {"query": "x"}), llm()]

    edits = step_edits(before, after)

    assert sorted(edit.operation for edit in edits) == ["moved", "same", "same"]
    assert edits[0].why in (
        "the same call in another place: tool call 1 → 2",
        "the same call in another place: tool call 2 → 1",
    )


def test_a_moved_step_stands_at_the_earlier_of_its_places() -> None:
    steps = [tool(i, {"query": f"q{i}"}) for i in range(5)]

    later = step_edits(steps, [*steps[1:], steps[0]])
    earlier = step_edits([*steps[1:], steps[0]], steps)

    assert next((edit.operation, edit.a, edit.b) for edit in later) == ("moved", 0, 4)
    assert next((edit.operation, edit.a, edit.b) for edit in earlier) == ("moved", 4, 0)


def test_deleted_steps_come_before_inserted_ones() -> None:
    edits = step_edits(
        [llm(), tool(1, name="search")], [llm(), tool(1, {"url": "x"}, name="fetch")]
    )

    assert [edit.operation for edit in edits] == ["same", "deleted", "inserted"]


@pytest.mark.parametrize(
    ("changed", "fields", "why"),
    [
        ({"name": "sim/weak"}, ["model"], "model sim/strong → sim/weak"),
        ({"messages_hash": "m2"}, ["messages"], "its prompt changed"),
        ({"tools_hash": "t2"}, ["tools"], "its tools changed"),
        ({"parameters_hash": "p2"}, ["parameters"], "its parameters changed"),
        ({"answer": "Bye."}, ["answer"], "its answer changed"),
        ({"error": "429"}, ["error"], "fails in B: 429"),
        ({"messages_hash": None}, [], None),
        ({"tools_hash": None}, [], None),
        ({"messages_hash": None, "parameters_hash": "p2"}, [], None),
        (
            {"name": "sim/weak", "messages_hash": "m2", "answer": None},
            ["model", "messages", "answer"],
            "model sim/strong → sim/weak; its prompt changed; its answer changed",
        ),
        (
            {"asked_for": [{"name": "search", "arguments": {}}]},
            ["answer"],
            "asks for no tool → `search`",
        ),
    ],
)
def test_an_edit_of_an_llm_call_says_what_differs(
    changed: dict[str, Any], fields: list[str], why: str | None
) -> None:
    edit = step_edits([llm()], [llm(**changed)])[0]

    assert (edit.fields, edit.why) == (fields, why)
    assert edit.operation == ("edited" if fields else "same")


@pytest.mark.parametrize(
    ("changed", "fields", "why"),
    [
        ({"arguments": {"query": "cold"}}, ["arguments"], "arguments: query 'heat' → 'cold'"),
        (
            {"arguments": {"query": "heat", "page": 2}},
            ["arguments"],
            "arguments: page added: 2",
        ),
        ({"answer": [1, 2, 3, 4]}, ["answer"], "result changed: 3 → 4 items"),
        ({"answer": {"total": 3}}, ["answer"], 'result changed: [1,2,3] → {"total":3}'),
        ({"node": "write"}, ["node"], "node plan → write"),
        ({"name": "find"}, ["name"], "tool search → find"),
        ({"error": "gone", "answer": None}, ["answer", "error"], None),
        (
            {"arguments": {"query": "heat "}},
            ["arguments"],
            "arguments: query 'heat' → 'heat' (white space)",
        ),
    ],
)
def test_an_edit_of_a_tool_call_says_what_differs(
    changed: dict[str, Any], fields: list[str], why: str | None
) -> None:
    edit = step_edits([tool()], [tool(**changed)])[0]

    assert edit.fields == fields
    assert why is None or edit.why == why


def test_a_changed_prompt_names_the_message_that_is_new() -> None:
    def asked(*texts: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": text} for text in texts]

    before = llm(sent=asked("Hello", "Book a flight to Dallas."), messages_hash="1")

    def why(*texts: str) -> str | None:
        return step_edits([before], [llm(sent=asked(*texts), messages_hash="2")])[0].why

    assert why("Hello", "Cancel it.") == (
        "its prompt changed: user 'Book a flight to Dallas.' → 'Cancel it.'"
    )
    assert why("Hello") == "its prompt changed: 1 message less"
    assert why("Hello", "Book a flight to Dallas.") == "earlier messages of its prompt changed"


def test_no_text_and_an_empty_text_are_the_same_answer() -> None:
    assert step_edits([llm(answer=None)], [llm(answer="")])[0].operation == "same"


def test_deltas_are_b_minus_a_and_an_absent_step_counts_as_nothing() -> None:
    a, b = llm(cost_usd=Decimal("0.003")), llm(cost_usd=Decimal("0.001"), duration_ms=100.0)

    edited = step_edits([a], [b])[0]
    deleted = step_edits([a], [])[0]
    inserted = step_edits([], [b])[0]

    assert (edited.delta_cost_usd, edited.delta_duration_ms) == (Decimal("-0.002"), -300.0)
    assert (deleted.delta_cost_usd, deleted.delta_input_tokens) == (Decimal("-0.003"), -100)
    assert (inserted.delta_cost_usd, inserted.delta_output_tokens) == (Decimal("0.001"), 10)


def test_a_delta_of_an_unknown_amount_is_unknown() -> None:
    unpriced = llm(cost_usd=None, duration_ms=None, input_tokens=None)

    for edit in (step_edits([llm()], [unpriced])[0], step_edits([unpriced], [])[0]):
        assert edit.delta_cost_usd is None
        assert edit.delta_duration_ms is None
        assert edit.delta_input_tokens is None


def test_an_answer_from_the_recording_was_paid_with_nothing() -> None:
    served = llm(cost_usd=None, served_from="recorded", avoided_cost_usd=Decimal("0.001"))

    assert step_edits([llm()], [served])[0].delta_cost_usd == Decimal("-0.001")
