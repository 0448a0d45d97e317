"""The tree of a run, from spans that may claim any parent."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secondtake.backend.services.spans import build_tree


def span(span_id: str, parent: str | None = None, **fields: Any) -> dict[str, Any]:
    names = (
        "seq", "span_kind", "name", "node_path", "started_at", "ended_at", "duration_ms",
        "error_type", "error_message", "input_tokens", "output_tokens", "cost_usd", "served_from",
    )  # fmt: skip
    return {**dict.fromkeys(names), "span_id": span_id, "parent_span_id": parent, **fields}


def call(span_id: str, parent: str | None, cost: str | None, **fields: Any) -> dict[str, Any]:
    amount = None if cost is None else Decimal(cost)
    known = {"span_kind": "llm", "served_from": "live", "input_tokens": 10}
    return span(span_id, parent, cost_usd=amount, **{**known, **fields})


def drawn(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(found.span_id, found.depth) for found in build_tree(rows)]


def test_children_follow_their_parent_in_the_order_given() -> None:
    rows = [span("c", "a"), span("a"), span("d", "b"), span("b", "a")]
    assert drawn(rows) == [("a", 0), ("c", 1), ("b", 1), ("d", 2)]


def test_a_span_whose_parent_is_unknown_is_a_root() -> None:
    assert drawn([span("a", "gone")]) == [("a", 0)]


def test_spans_that_are_each_others_parents_are_all_shown_once() -> None:
    rows = [span("a", "b"), span("b", "a"), span("c", "c")]
    assert sorted(drawn(rows)) == [("a", 0), ("b", 1), ("c", 0)]


def test_two_spans_with_one_id_are_both_shown() -> None:
    assert len(drawn([span("a"), span("a"), span("b", "a")])) == 3


def test_a_sum_is_of_the_leaf_calls_alone_and_unknown_without_any() -> None:
    rows = [
        span("root"),
        span("node", "root"),
        call("x", "node", "0.1"),
        call("y", "node", "0.02"),
        call("z", "root", None),
        span("empty", "root"),
    ]
    found = {each.span_id: each for each in build_tree(rows)}
    assert found["root"].cost_usd == Decimal("0.12")
    assert (found["root"].unpriced_calls, found["root"].llm_calls) == (1, 3)
    assert found["node"].unpriced_calls == 0
    assert found["empty"].cost_usd is None


def test_a_failed_call_that_used_nothing_is_not_unpriced() -> None:
    failed = call("x", None, None, error_type="Timeout", input_tokens=None)
    recorded = call("y", None, None, served_from="recorded")
    assert [each.unpriced_calls for each in build_tree([failed, recorded])] == [0, 0]


def test_a_tree_deeper_than_pythons_stack_is_built() -> None:
    rows = [span(str(n), str(n - 1) if n else None) for n in range(5000)]
    assert drawn(rows)[-1] == ("4999", 4999)


ids = st.integers(0, 12).map(str)


@given(st.lists(st.tuples(ids, st.none() | ids, st.integers(0, 5)), max_size=40))
def test_every_span_is_shown_once_and_no_cent_is_lost(
    rows: list[tuple[str, str | None, int]],
) -> None:
    spans = [call(name, parent, str(cents)) for name, parent, cents in rows]
    tree = build_tree(spans)
    assert sorted(each.span_id for each in tree) == sorted(name for name, _, _ in rows)
    total = sum((each.cost_usd or Decimal(0) for each in tree if each.depth == 0), Decimal(0))
    assert total == sum(cents for _, _, cents in rows)
    for before, after in pairwise(tree):
        assert after.depth <= before.depth + 1
