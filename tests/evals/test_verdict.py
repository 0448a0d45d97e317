"""The sentence above a diff answers first, and claims nothing that is not known."""

from decimal import Decimal
from typing import Any

import pytest
from tests.evals.made import llm, run, tool

from secondtake.evals.diffs.compare import diff_runs
from secondtake.evals.diffs.model import Step


def verdict(a: dict[str, Any], b: dict[str, Any], **said: Any) -> str:
    """Return the verdict of two runs that made the same steps."""
    steps = [llm(1), tool(1)]
    return diff_runs(run(steps, side=a), run(steps, side=b, **said)).verdict


def test_the_same_run_is_exactly_the_same() -> None:
    assert verdict({}, {}) == "Both did exactly the same."


@pytest.mark.parametrize(
    ("a_usd", "b_usd", "expected"),
    [
        ("0.0100", "0.0058", "B is 42 % cheaper"),
        ("0.0100", "0.0101", "B is 1 % more expensive"),
        ("0.0100", "0.01001", None),
        ("0.0100", "0.000001", "B is over 99 % cheaper"),
        ("0.0100", "0", "B is 100 % cheaper"),
        ("0.0100", "0.0190", "B is 90 % more expensive"),
        ("0.0100", "0.0240", "B is 2.4 times as expensive"),
        ("0", "0.0021", "B costs $0.0021, A costs nothing"),
        ("0", "0", None),
        (None, "0.0021", "B costs $0.0021, what A costs is unknown"),
        ("0.0021", None, "what B costs is unknown"),
        (None, None, "what they cost is unknown"),
    ],
)
def test_money_is_told_without_false_precision(
    a_usd: str | None, b_usd: str | None, expected: str | None
) -> None:
    a = {"cost_usd": None if a_usd is None else Decimal(a_usd)}
    b = {"cost_usd": None if b_usd is None else Decimal(b_usd)}

    tail = "" if expected is None else f"; {expected}"
    assert verdict(a, b) == f"Both did exactly the same{tail}."


def test_a_cost_that_is_known_in_part_is_unknown() -> None:
    words = verdict({"cost_usd": Decimal("0.01")}, {"unpriced_calls": 2})

    assert words == "Both did exactly the same; what B costs is unknown (2 calls without a price)."


@pytest.mark.parametrize(
    ("a_ms", "b_ms", "expected"),
    [
        (5000.0, 1900.0, "B is 3.1 s faster"),
        (5000.0, 5300.0, "B is 300 ms slower"),
        (5000.0, 5100.0, None),
        (10.0, 40.0, None),
        (None, 40.0, None),
        (60_000.0, 200_000.0, "B is 2m 20s slower"),
    ],
)
def test_time_is_told_when_it_is_more_than_chance(
    a_ms: float | None, b_ms: float, expected: str | None
) -> None:
    words = verdict({"duration_ms": a_ms}, {"duration_ms": b_ms})

    assert words == "Both did exactly the same" + (f"; {expected}." if expected else ".")


def test_simulated_prices_are_called_so() -> None:
    words = verdict({"simulated": True}, {"simulated": True, "cost_usd": Decimal("0.0005")})

    assert words == "Both did exactly the same; B is 50 % cheaper at simulated prices."


def test_a_replay_from_the_recording_is_no_saving_of_its_own() -> None:
    a = run([llm(1), llm(2)], side={"cost_usd": Decimal("0.002")})
    served = {"served_from": "recorded", "cost_usd": Decimal(0), "duration_ms": 0.0}
    saved = {"avoided_cost_usd": Decimal("0.001"), **served}
    b_side = {"cost_usd": Decimal(0), "duration_ms": 2.0}

    words = diff_runs(a, run([llm(1, **saved), llm(2, **saved)], side=b_side)).verdict
    unknown = diff_runs(a, run([llm(1, **served), llm(2, **saved)], side=b_side)).verdict

    assert words == "Both did exactly the same; B had all 2 calls answered by the recording."
    assert unknown.endswith("by the recording; what B costs is unknown.")


def test_money_after_a_replay_counts_every_call() -> None:
    a = run([llm(1), llm(2)], side={"cost_usd": Decimal("0.002")})
    saved = {"served_from": "recorded", "avoided_cost_usd": Decimal("0.001"), "cost_usd": 0}
    b = run(
        [llm(1, **saved), llm(2, name="sim/weak", answer="Bye.", cost_usd=Decimal("0.0005"))],
        side={"cost_usd": Decimal("0.0005")},
    )

    assert diff_runs(a, b).verdict == (
        "B is 25 % cheaper with every call paid; it had 1 of its 2 calls answered by the "
        "recording; only LLM call 2 in `plan` differs, but the final answer is the same."
    )


def test_what_was_not_recorded_is_not_called_the_same() -> None:
    words = diff_runs(run([llm(messages_hash=None)]), run([llm(messages_hash=None)])).verdict

    assert words == "Both did the same as far as was recorded."


def test_the_same_steps_with_another_configuration_say_so() -> None:
    a = run([llm()], configuration={"seed": 1}, inputs={"q": "x"})
    b = run([llm()], configuration={"seed": 2}, inputs={"q": "y"})

    assert diff_runs(a, b).verdict == (
        "Both did exactly the same, though their inputs and configurations differ."
    )


def test_two_runs_without_a_call_say_so() -> None:
    assert diff_runs(run(), run()).verdict == "Neither made a call, and both ended the same way."


def test_a_failed_side_comes_first() -> None:
    a = run([llm(1), tool(1)])
    b = run([llm(1)], side={"status": "error"}, output=None)

    assert diff_runs(a, b).verdict == (
        "B failed, A ended well; B ends before tool call 1 `search` in `plan` of A."
    )


def test_both_failed_alike() -> None:
    words = verdict({"status": "error"}, {"status": "error"})

    assert words == "Both did exactly the same, and failed."


def test_scores_are_compared_by_name() -> None:
    scores = {"scores": {"policy": 0.95, "tone": 0.5, "only_a": 1.0}}
    b = run([llm(answer="Bye.")], side={"scores": {"policy": 0.55, "tone": 0.6}}, output="Other.")

    assert diff_runs(run([llm()], side=scores), b).verdict == (
        "B scores 0.40 lower on `policy` and 0.10 higher on `tone`; "
        "only LLM call 1 in `plan` differs, and the final answer is another."
    )


def test_another_way_is_told_with_its_first_step() -> None:
    a = run([llm(1), tool(1), llm(2)])
    b = run([llm(1), tool(1, {"query": "cold"}), llm(2, answer="Bye.")], output="Another.")

    assert diff_runs(a, b).verdict == (
        "From tool call 1 `search` in `plan` on B goes another way, and the final answer is another."
    )


def test_other_requests_that_changed_no_answer_are_told_so() -> None:
    a, b = run([llm(1), llm(2)]), run([llm(1, name="sim/weak"), llm(2, name="sim/weak")])

    assert diff_runs(a, b).verdict == (
        "B sends 2 requests that differ and gets the same answers, "
        "and the final answer is the same."
    )


def test_another_answer_after_the_same_calls_is_told_so() -> None:
    words = diff_runs(run([llm()]), run([llm()], output="Other.")).verdict

    assert words == "B makes the same calls, but ends with another answer."


def test_a_run_that_goes_on_is_told_so() -> None:
    words = diff_runs(run([llm(1)]), run([llm(1), tool(1)], output="More.")).verdict

    assert words == (
        "B goes on with tool call 1 `search` in `plan`, where A ends, and the final answer is another."
    )


@pytest.mark.parametrize(
    ("b", "expected"),
    [
        ([llm(1), llm(2)], "Only tool call 1 `search` in `plan` of A is missing"),
        ([llm(1), tool(1), tool(2, {}), llm(2)], "Only tool call 2 `search` in `plan` is new"),
    ],
)
def test_a_single_step_that_differs_is_named(b: list[Step], expected: str) -> None:
    words = diff_runs(run([llm(1), tool(1), llm(2)]), run(b)).verdict

    assert words == f"{expected}, but the final answer is the same."


def test_branches_that_raced_made_the_same_calls_in_another_order() -> None:
    x, y = tool(1, {"query": "x"}), tool(2, {"query": "y"})

    assert diff_runs(run([x, y]), run([y, x])).verdict == (
        "B makes the same calls in another order, and the final answer is the same."
    )
