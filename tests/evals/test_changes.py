"""JSON values compared place by place; `deepdiff` is the second opinion."""

import copy
import random
from typing import Any

import pytest
from deepdiff import DeepDiff
from hypothesis import given
from hypothesis import strategies as st

from secondtake.evals.diffs.changes import CHANGES_MAX, list_changes
from secondtake.evals.diffs.features import canonical
from secondtake.evals.diffs.model import Change

LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "b", 1.0, 0.5])


def json_of(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["a", "b", "__c", "d e"]), inner, max_size=3)
        ),
        max_leaves=12,
    )


JSON = json_of(LEAVES)
# In lists deepdiff takes 1, 1.0 and True for the same; to us, as to a request's hash, they differ.
DISTINCT = json_of(st.none() | st.sampled_from(["", "a", "b", "c", 2, 3, 0.5, 7.25]))

OBJECTS = st.recursive(
    LEAVES, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=9
)


def told(changes: list[Change]) -> list[tuple[str, str, Any, Any]]:
    return [(change.path, change.kind, change.a, change.b) for change in changes]


@given(DISTINCT, DISTINCT)
def test_there_are_changes_exactly_where_deepdiff_finds_some(a: Any, b: Any) -> None:
    second = DeepDiff(a, b, ignore_private_variables=False, threshold_to_diff_deeper=0)

    assert bool(list_changes(a, b)) == bool(second)


def test_a_number_and_a_truth_are_never_the_same_in_a_list() -> None:
    a, b = [True, "b", 1.0], [1, "b", True]

    assert not DeepDiff(a, b), "deepdiff tells them apart now: compare everything with it"
    assert list_changes(a, b)


@given(JSON)
def test_a_value_differs_from_itself_in_nothing(value: Any) -> None:
    assert list_changes(value, copy.deepcopy(value)) == []


@given(OBJECTS, OBJECTS)
def test_swapping_the_sides_swaps_what_was_added_and_removed(a: Any, b: Any) -> None:
    forth, back = list_changes(a, b), list_changes(b, a)
    kinds = {"added": "removed", "removed": "added", "changed": "changed"}

    mirrored = {(each.path, kinds[each.kind], canonical([each.b, each.a])) for each in back}
    assert {(each.path, each.kind, canonical([each.a, each.b])) for each in forth} == mirrored


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (
            {"facts": [{"title": "x"}, {"title": "y"}]},
            {"facts": [{"title": "x"}, {"title": "z"}]},
            [("facts[1].title", "changed", "y", "z")],
        ),
        (
            {"facts": [{"id": 1}, {"id": 2}]},
            {"facts": [{"id": 0}, {"id": 1}, {"id": 2}]},
            [("facts[0]", "added", None, {"id": 0})],
        ),
        ([1, 2, 3], [1, 3], [("[1]", "removed", 2, None)]),
        ({"a": 1}, {"b": 1}, [("a", "removed", 1, None), ("b", "added", None, 1)]),
        ("x", "y", [("", "changed", "x", "y")]),
        ({"a": 1}, [1], [("", "changed", {"a": 1}, [1])]),
        (1, True, [("", "changed", 1, True)]),
        (1, 1.0, [("", "changed", 1, 1.0)]),
        (None, "", [("", "changed", None, "")]),
        ({"a.b": {"c d": 1}}, {"a.b": {"c d": 2}}, [('["a.b"]["c d"]', "changed", 1, 2)]),
        ({"__dunder": 1}, {"__dunder": 2}, [("__dunder", "changed", 1, 2)]),
        ({"x": {"max-tokens": 1}}, {"x": {"max-tokens": 2}}, [("x.max-tokens", "changed", 1, 2)]),
    ],
)
def test_each_change_has_its_path(
    a: Any, b: Any, expected: list[tuple[str, str, Any, Any]]
) -> None:
    assert told(list_changes(a, b)) == expected


def test_too_many_changes_are_drawn_together_to_whole_items() -> None:
    a = {"items": [{"x": i, "y": i} for i in range(CHANGES_MAX - 100)], "name": "a"}
    b = {"items": [{"x": i + 1, "y": i + 2} for i in range(CHANGES_MAX - 100)], "name": "a"}
    few = list_changes(a, b)

    assert len(few) <= CHANGES_MAX
    assert {change.path.partition("[")[0] for change in few} == {"items"}


def test_more_than_all_items_are_one_change_of_the_whole() -> None:
    a, b = {"items": list(range(9000))}, {"items": [i + 10_000 for i in range(9000)]}

    assert told(list_changes(a, b)) == [("items", "changed", a["items"], b["items"])]


def test_a_value_of_5_mb_is_compared_place_by_place() -> None:
    a = [{"id": i, "name": f"n{i}", "text": "lorem ipsum " * 6} for i in range(48_000)]
    b = copy.deepcopy(a)
    b[100]["name"] = "other"
    del b[40_000]
    b.insert(0, {"id": -1})

    assert len(canonical(a)) > 5_000_000
    assert [(change.path, change.kind) for change in list_changes(a, b)] == [
        ("[0]", "added"),
        ("[101].name", "changed"),
        ("[40000]", "removed"),
    ]


def test_lists_of_few_different_items_end() -> None:
    chance = random.Random(1)
    a = [chance.randrange(4) for _ in range(50_000)]
    b = [chance.randrange(4) for _ in range(50_000)]

    assert len(list_changes(a, b)) == 1


def test_values_that_are_no_json_do_not_raise() -> None:
    assert list_changes({"a": 10**40}, {"a": 10**41}) != []
    assert list_changes({"a": float("nan")}, {"a": None}) == []
    assert list_changes({1: "x"}, {1: "y"}) != []


def test_a_deep_value_is_compared_down_to_its_end() -> None:
    a: Any = {}
    b: Any = {"end": True}
    for _ in range(190):
        a, b = {"k": a}, {"k": b}

    assert list_changes(a, b)[0].path == ".".join(["k"] * 190) + ".end"
