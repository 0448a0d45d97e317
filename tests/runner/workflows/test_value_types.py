import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondtake.runner.workflows.value_types import Reducer, change_for, parse_type, reduce

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("name", "fits", "misfits"),
    [
        ("string", ["", "x"], [1, None, ["x"]]),
        ("integer", [0, -5], [1.0, True, "1"]),
        ("number", [0, 1.5], [True, "1", None]),
        ("boolean", [True, False], [0, "true"]),
        ("object", [{}, {"a": [1]}], [[], "x", {1: 2}, {"a": {1, 2}}]),
        ("list", [[], [1, "x"]], [(), {}, "x", [object()]]),
        ("list[integer]", [[], [1, 2]], [[1, "x"], [True], 1]),
        ("list[list[string]]", [[], [[]], [["a"], []]], [["a"], [[1]]]),
        ("any", [None, 1, {"a": None}], [{1}, object(), b"x", (1,)]),
    ],
)
def test_a_type_tells_what_fits(name: str, fits: list[Any], misfits: list[Any]) -> None:
    kind = parse_type(name)
    assert str(kind) == name
    assert [value for value in fits if kind.problem(value)] == []
    assert [value for value in misfits if not kind.problem(value)] == []


@pytest.mark.parametrize("name", ["str", "list[]", "list[str]", "", "List", "list[string"])
def test_an_unknown_type_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="unknown type"):
        parse_type(name)


@pytest.mark.parametrize(
    ("value", "name", "change"),
    [
        ("a", "list[string]", ["a"]),
        (["a", "b"], "list[string]", ["a", "b"]),
        (["a"], "list[list[string]]", [["a"]]),
        ([["a"]], "list[list[string]]", [["a"]]),
        ({"a": 1}, "list", [{"a": 1}]),
        ([1, "x"], "list", [1, "x"]),
        (7, "any", [7]),
    ],
)
def test_an_appended_item_becomes_a_list_and_a_list_extends(
    value: Any, name: str, change: list[Any]
) -> None:
    assert change_for(value, parse_type(name), "append") == change


def test_a_change_that_does_not_fit_says_how() -> None:
    with pytest.raises(ValueError, match="the number 5 is not a string"):
        change_for(5, parse_type("list[string]"), "append")
    with pytest.raises(ValueError, match="item 2: the number 5 is not a string"):
        change_for(["a", 5], parse_type("list[string]"), "append")
    with pytest.raises(ValueError, match="null is not an integer"):
        change_for(None, parse_type("integer"), "add")


@pytest.mark.parametrize(
    ("current", "change", "reducer", "value"),
    [
        ("a", "b", "replace", "b"),
        (["a"], ["b"], "append", ["a", "b"]),
        (None, ["b"], "append", ["b"]),
        (2, 3.5, "add", 5.5),
        (None, 3, "add", 3),
        ({"a": 1, "b": 1}, {"b": 2}, "merge", {"a": 1, "b": 2}),
        (None, {"b": 2}, "merge", {"b": 2}),
    ],
)
def test_each_reducer_joins_a_change(
    current: Any, change: Any, reducer: Reducer, value: Any
) -> None:
    assert reduce(current, change, reducer) == value


@given(current=st.lists(JSON, max_size=3), change=st.lists(JSON, max_size=3))
def test_reducing_leaves_both_sides_as_they_were(current: list[Any], change: list[Any]) -> None:
    before = (copy.deepcopy(current), copy.deepcopy(change))
    result = reduce(current, change, "append")
    result.append("more")
    for item in result[len(current) :]:
        if isinstance(item, list):
            item.append("more")
    assert (current, change) == before
