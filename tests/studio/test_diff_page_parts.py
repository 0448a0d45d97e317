"""What the Diff page makes of a diff: rows, texts, amounts, the bridge from A to B."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from tests.support.stored import STARTED_AT

from secondtake.backend.models.diffs import (
    DiffSide,
    Operation,
    RunDiff,
    Step,
    StepEdit,
    TextDiff,
)
from secondtake.backend.models.runs import RunFacts
from secondtake.backend.run_diffs import Pair, pairs_of
from secondtake.studio.diff_page import steps
from secondtake.studio.diff_page.data import DiffView, Runs
from secondtake.studio.diff_page.header import header
from secondtake.studio.diff_page.money import piers_of, spans_of
from secondtake.studio.diff_page.rows import WINDOW_ROWS, Fold, fold_of, folded, unfolded, window_of
from secondtake.studio.diff_page.texts import (
    compared,
    is_rewritten,
    marked,
    telling_texts,
    whole_texts,
)


def step(number: int, **fields: Any) -> Step:
    return Step(
        **{"span_id": f"s{number}", "kind": "llm", "number": number, "name": "gpt-4o", **fields}
    )


def diff_of(operations: list[Operation], *, verdict: str = "B is cheaper.") -> RunDiff:
    """Return a diff with a pair for each operation."""
    steps_a: list[Step] = []
    steps_b: list[Step] = []
    edits: list[StepEdit] = []
    for operation in operations:
        has_a, has_b = operation != "inserted", operation != "deleted"
        place_a, place_b = len(steps_a), len(steps_b)
        if has_a:
            steps_a.append(step(place_a + 1, answer="one", duration_ms=900.0))
        if has_b:
            steps_b.append(step(place_b + 1, answer="two", duration_ms=4.0))
        edits.append(
            StepEdit(
                operation=operation,
                a=place_a if has_a else None,
                b=place_b if has_b else None,
                fields=["answer"] if operation == "edited" else [],
                delta_cost_usd=Decimal("-0.5"),
                delta_duration_ms=-100.0,
            )
        )
    changed = [place for place, each in enumerate(operations) if each != "same"]
    return RunDiff(
        a=side(cost_usd=Decimal(4), duration_ms=2000.0),
        b=side(cost_usd=Decimal(3), duration_ms=1500.0),
        verdict=verdict,
        steps_a=steps_a,
        steps_b=steps_b,
        edits=edits,
        first_divergence=changed[0] if changed else None,
        divergence_reason="its answer changed" if changed else None,
        counts={each: operations.count(each) for each in operations},
        output=TextDiff(is_same=True),
        delta_cost_usd=Decimal(-1),
        delta_duration_ms=-500.0,
    )


def side(**fields: Any) -> DiffSide:
    return DiffSide(**{"run_id": uuid4(), "short_id": "0", "status": "ok", **fields})


def view_of(diff: RunDiff) -> DiffView:
    empty: dict[str, Any] = dict.fromkeys(RunFacts.model_fields)
    runs = [
        RunFacts.model_validate({**empty, "run_id": each.run_id, "short_id": "0", "status": "ok"})
        for each in (diff.a, diff.b)
    ]
    return DiffView(diff, Runs(a=runs[0], b=runs[1]))


def steps_of(
    view: DiffView, *, step: int | None = None, opened: frozenset[str] = frozenset()
) -> str:
    """Return the rows of steps that are drawn at first."""
    rows = unfolded(view.rows, opened)
    window = window_of(rows, first=None, number=step)
    return str(steps.steps(view, rows, window=window, step=step))


def test_identical_steps_that_follow_each_other_are_one_row() -> None:
    rows = folded(pairs_of(diff_of(["same", "same", "edited", "same", "inserted"])))

    assert [len(row.pairs) if isinstance(row, Fold) else row.number for row in rows] == [2, 3, 1, 5]
    assert [row.is_first for row in rows if isinstance(row, Pair)] == [True, False]


def test_the_pairs_of_an_open_fold_are_rows_like_others() -> None:
    rows = folded(pairs_of(diff_of(["same", "same", "edited", "same"])))
    fold = fold_of(rows, 2)
    assert fold is not None
    assert fold_of(rows, 3) is None

    seen = unfolded(rows, {fold.name})

    assert [type(row) for row in seen] == [Fold, Pair, Pair, Pair, Fold]
    assert seen[2] is fold.pairs[1]


def test_so_many_rows_are_drawn_as_a_window_shows() -> None:
    rows = folded(pairs_of(diff_of(["edited"] * 1000)))
    assert window_of(rows, first=None, number=None) == range(WINDOW_ROWS)
    assert window_of(rows, first=None, number=WINDOW_ROWS // 2) == range(WINDOW_ROWS)
    assert 499 in window_of(rows, first=None, number=500)
    assert window_of(rows, first=40, number=500) == range(40, 40 + WINDOW_ROWS)
    assert window_of(rows, first=5000, number=None) == range(1000 - WINDOW_ROWS, 1000)
    assert window_of(rows[:3], first=None, number=2) == range(3)


def test_what_the_recording_answered_is_said_of_a_fold() -> None:
    diff = diff_of(["same"])
    served = [each.model_copy(update={"served_from": "recorded"}) for each in diff.steps_b]
    (fold,) = folded(pairs_of(diff.model_copy(update={"steps_b": served})))
    assert isinstance(fold, Fold)
    assert fold.served_from == "from the recording"


def test_a_moved_pair_says_from_where_to_where() -> None:
    diff = diff_of(["moved"])
    moved = [each.model_copy(update={"number": 3}) for each in diff.steps_b]
    view = view_of(diff.model_copy(update={"steps_b": moved}))

    text = steps_of(view)

    assert "swap_vert" in text
    assert "LLM call 1 in A, LLM call 3 in B" in text


def test_a_side_without_a_step_is_hatched() -> None:
    view = view_of(diff_of(["inserted", "deleted"]))
    text = steps_of(view)
    assert text.count('class="diff-side is-none"') == 2
    assert "only A" in text
    assert "only B" in text


def test_all_times_of_the_table_have_one_unit() -> None:
    text = steps_of(view_of(diff_of(["edited"])))
    assert "900 ms" in text
    assert "4 ms" in text
    assert "\N{MINUS SIGN}100 ms" in text


def test_columns_of_which_nothing_is_known_are_left_out() -> None:
    text = steps_of(view_of(diff_of(["edited"])))
    assert 'class="diff-steps no-tokens no-cost"' in text


def test_gains_and_losses_of_the_verdict_are_coloured_and_names_are_not() -> None:
    diff = diff_of(["edited"], verdict="B is 97 % cheaper and 1.5 s slower on `9 s faster`.")
    text = str(header(view_of(diff), now=STARTED_AT))
    assert '<b class="better">97 % cheaper</b>' in text
    assert '<b class="worse">1.5 s slower</b>' in text
    assert "<code>9 s faster</code>" in text


def test_the_bridge_adds_up_from_a_to_b() -> None:
    diff = diff_of(["edited", "same", "inserted"])

    piers = piers_of(diff, pairs_of(diff))

    assert [pier.whole for pier in piers] == ["A", "", "", "", "", "B"]
    costs = [pier.cost_usd or Decimal(0) for pier in piers]
    assert sum(costs[:-1], Decimal(0)) == costs[-1]
    times = [pier.duration_ms or 0.0 for pier in piers]
    assert sum(times[:-1]) == pytest.approx(times[-1])


def test_of_many_edits_the_smallest_are_one_bar() -> None:
    diff = diff_of(["edited"] * 40)
    piers = piers_of(diff, pairs_of(diff))
    assert "24 smaller edits" in [pier.label for pier in piers]


def test_bars_of_changes_hang_between_the_whole_runs() -> None:
    whole_a, less, more, whole_b = spans_of([4, -2, 1, 3])
    assert whole_a is not None
    assert less is not None
    assert more is not None
    assert whole_b is not None
    assert (whole_a.start, whole_a.length) == (0.0, 1.0)
    assert (less.start, less.length, less.is_less) == (0.5, 0.5, True)
    assert (more.start, more.length, more.is_less) == (0.5, 0.25, False)
    assert (whole_b.start, whole_b.length) == (0.0, 0.75)


def test_behind_an_unknown_change_no_bar_is_drawn() -> None:
    whole_a, unknown, after, whole_b = spans_of([4, None, 1, 3])
    assert whole_a is not None
    assert unknown is None
    assert after is None
    assert whole_b is not None


def test_a_tool_without_a_price_costs_nothing_in_the_bridge() -> None:
    diff = diff_of(["edited"])
    tools = [each.model_copy(update={"kind": "tool"}) for each in diff.steps_a]
    unknown = [each.model_copy(update={"delta_cost_usd": None}) for each in diff.edits]
    known = diff.model_copy(update={"steps_a": tools, "steps_b": tools, "edits": unknown})
    assert piers_of(known, pairs_of(known))[1].cost_usd == 0


def pair_of(a: Step | None, b: Step | None, *fields: Any) -> Pair:
    operation: Operation = "edited" if a and b else "deleted" if a else "inserted"
    return Pair(number=1, edit=StepEdit(operation=operation, fields=list(fields)), a=a, b=b)


def test_a_pair_shows_what_differs_and_what_came_out() -> None:
    a = step(1, answer="yes", sent=[{"role": "user", "content": "old"}])
    b = step(1, answer="yes", sent=[{"role": "user", "content": "new"}])
    assert telling_texts(pair_of(a, b, "messages")) == {
        "sent": ("user: old", "user: new"),
        "answer": ("yes", "yes"),
    }


def test_instructions_that_only_one_side_was_the_first_to_get_are_no_difference() -> None:
    told = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    pair = pair_of(step(1, answer="a", sent=told), step(1, answer="b", sent=told[1:]), "answer")
    assert whole_texts(pair)["sent"] == ("user: hi", "user: hi")


def test_a_tool_of_one_side_shows_what_it_was_given_and_gave() -> None:
    tool = step(1, kind="tool", name="read", arguments={"path": "a.md"}, answer="text")
    assert telling_texts(pair_of(tool, None)) == {
        "arguments": ('{"path": "a.md"}', ""),
        "answer": ("text", ""),
    }


def test_another_text_is_not_marked_word_by_word() -> None:
    a = "My user id is sophia and the reservation is H8Q05L, please cancel."
    b = "I just need a full refund for that flight of mine, thanks a lot!"
    assert is_rewritten(a, b, compared(a, b)[0])
    c = a.replace("H8Q05L", "3RK2T9")
    assert not is_rewritten(a, c, compared(a, c)[0])


def test_long_texts_keep_what_is_beside_a_change() -> None:
    same = "word " * 400
    one, _ = compared(f"{same}old {same}", f"{same}new {same}")
    shown = "".join(str(each) for each in marked(one, around=20, limit=500))
    assert "<del>old</del>" in shown
    assert len(shown) < 400
    assert 'title="1,980 characters"' in shown
