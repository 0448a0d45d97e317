"""Which answers count as the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondtake.evals.comparisons.answers import answer_key, answer_text

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Paris", " paris.\n"),
        ("It is\n391", "It is 391."),
        ("Caf\u00e9", "Cafe\u0301"),
        ({"a": 1, "b": [2, 3]}, {"b": [2.0, 3], "a": 1.0}),
        ({"a": 1}, '{"a": 1}'),
        ({"a": 1}, '```json\n{ "a": 1 }\n```'),
        ([1, "X"], '[1, "x"]'),
        ({"city": "Paris"}, {"city": "paris."}),
        (12, 12.0),
        ("", " \n"),
    ],
)
def test_answers_that_are_the_same(a: Any, b: Any) -> None:
    assert answer_key(a) == answer_key(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("12", "twelve"),
        ("12", 12),
        ("The answer is 391", "391"),
        (True, 1),
        (False, 0),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": "1"}),
        ({"a": None}, {}),
        (1.5, 1),
        ("Paris!", "Paris"),
        ("{broken", "{broken}"),
    ],
)
def test_answers_that_differ(a: Any, b: Any) -> None:
    assert answer_key(a) != answer_key(b)


def test_no_answer_is_like_no_other() -> None:
    assert answer_key(None) is None


def test_what_looks_like_json_and_is_none_is_a_text() -> None:
    assert answer_key("[see below]") == answer_key("[See below].")
    assert answer_key("[" * 5000) is not None


@given(JSON_VALUES)
def test_an_answer_is_like_itself_however_it_is_written(value: Any) -> None:
    if isinstance(value, dict | list):
        assert answer_key(value) == answer_key(answer_text(value))
    assert answer_key(value) == answer_key(value)
