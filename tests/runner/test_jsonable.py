import dataclasses
import datetime
import enum
import math
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from secondtake.runner.jsonable import canonical_bytes, clean_text, to_json_value


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int


class Model(BaseModel):
    name: str


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**64, {"$int": str(2**64)}),
        (2**64 - 1, 2**64 - 1),
        (-(2**63) - 1, {"$int": str(-(2**63) - 1)}),
        (math.nan, {"$float": "nan"}),
        (-math.inf, {"$float": "-inf"}),
        (b"\x00\xff", {"$bytes": "AP8="}),
        (Decimal("1.10"), "1.10"),
        (Path("a/b"), "a/b"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (Colour.RED, "red"),
        ({3, 1, 2}, [1, 2, 3]),
        ((1, "a"), [1, "a"]),
        (Point(x=1), {"x": 1}),
        (Model(name="n"), {"name": "n"}),
        ({1: "a", None: "b"}, {"1": "a", "null": "b"}),
        ("\ud800", "\\ud800"),
        (Rude(), {"$repr": "<Rude>"}),
    ],
)
def test_each_kind_of_value_becomes_json_by_its_rule(value: Any, expected: Any) -> None:
    assert to_json_value(value) == expected


def test_a_value_inside_itself_is_cut() -> None:
    loop: list[Any] = [1]
    loop.append(loop)

    assert to_json_value(loop) == [1, {"$cycle": True}]


def test_a_very_deep_value_is_cut_and_not_refused() -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = [deep]

    assert b"deeper than 200 levels" in orjson.dumps(to_json_value(deep))


ANY_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)


@given(ANY_VALUE)
def test_any_value_can_be_written_and_stays_itself_when_converted_again(value: Any) -> None:
    once = to_json_value(value)

    assert to_json_value(once) == once
    assert orjson.loads(canonical_bytes(once)) == once


@given(st.text(st.characters()))
def test_text_keeps_everything_but_lone_surrogates(text: str) -> None:
    cleaned = clean_text(text)

    assert cleaned.encode().decode() == cleaned
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert cleaned == text
