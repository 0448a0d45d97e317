"""The vocabulary guards itself."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from secondtake.runner import event_scalars, events
from secondtake.runner.events import TABLES, BaseEvent, Event, ToolCall, event_adapter
from secondtake.runner.journal import encode
from secondtake.runner.jsonable import clean_text

KINDS = get_args(get_args(Event)[0])
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def declared_events() -> set[type[BaseEvent]]:
    return {
        value
        for value in vars(events).values()
        if isinstance(value, type) and issubclass(value, BaseEvent) and "kind" in value.model_fields
    }


def test_every_event_class_is_in_the_union_and_fills_a_table() -> None:
    assert declared_events() == set(KINDS)
    assert {kind.model_fields["kind"].default for kind in KINDS} == set(TABLES)


def bare_types(annotation: Any) -> str:
    """Name what a field holds, without None and without its limits."""
    parts = get_args(annotation) if type(None) in get_args(annotation) else (annotation,)
    plain = [part.__origin__ if hasattr(part, "__metadata__") else part for part in parts]
    return str(sorted(str(part) for part in plain if part is not type(None)))


def test_a_field_name_has_one_type_in_every_kind() -> None:
    types: dict[str, set[str]] = {}
    for kind in KINDS:
        for name, field in kind.model_fields.items():
            if name not in ("kind", "status"):
                types.setdefault(name, set()).add(bare_types(field.annotation))

    assert {name: found for name, found in types.items() if len(found) > 1} == {}


TEXT = st.text().filter(lambda text: clean_text(text) == text)
ANY_TOOL_CALL = st.fixed_dictionaries(
    {
        "run_id": st.uuids(),
        "recorded_at": st.datetimes(timezones=st.timezones()),
        "span_id": TEXT,
        "tool": TEXT,
    },
    optional={
        "seq": st.integers(0, event_scalars.INT64_MAX),
        "started_at": st.datetimes(timezones=st.just(UTC)),
        "duration_ms": st.floats(0, allow_nan=False, allow_infinity=False),
        "arguments": st.dictionaries(TEXT, TEXT | st.integers(-(2**63), 2**63) | st.booleans()),
        "result": st.lists(TEXT),
        "cost_usd": st.decimals(-999_999_999, 999_999_999, places=9),
        "attempt": st.integers(0, 2**31 - 1),
        "error_message": TEXT,
        "extra": st.dictionaries(TEXT, TEXT),
    },
)


@given(ANY_TOOL_CALL)
def test_an_event_comes_back_from_its_line_as_it_was(fields: dict[str, Any]) -> None:
    event = ToolCall(**fields)
    line = encode(event)

    assert event_adapter().validate_json(line) == event
    assert None not in orjson.loads(line).values()


def tool_call(**fields: Any) -> ToolCall:
    return ToolCall(
        **{"run_id": UUID(int=1), "recorded_at": NOON, "span_id": "s", "tool": "t", **fields}
    )


def test_a_time_of_another_zone_becomes_utc() -> None:
    berlin = NOON.astimezone(timezone(timedelta(hours=1)))

    assert b'"recorded_at":"2026-11-21T12:00:00Z"' in encode(tool_call(recorded_at=berlin))


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempt": -1},
        {"attempt": 2**31},
        {"seq": 2**63},
        {"duration_ms": float("nan")},
        {"duration_ms": -1.0},
        {"recorded_at": datetime(2026, 11, 21, 12)},  # noqa: DTZ001 - this is what is refused
        {"tool": None},
        {"surprise": 1},
    ],
)
def test_what_a_table_could_not_hold_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        tool_call(**wrong)
