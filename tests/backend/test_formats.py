"""How money, time, tokens and foreign text are written."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondtake.backend import formats


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "—"),
        ("0", "$0"),
        ("0.000000000", "$0"),
        ("1234.4", "$1,234"),
        ("1000", "$1,000"),
        ("999.996", "$1,000"),
        ("999.99", "$999.99"),
        ("12.344", "$12.34"),
        ("1", "$1.00"),
        ("0.9996", "$1.00"),
        ("0.5", "$0.500"),
        ("0.0234", "$0.023"),
        ("0.01", "$0.010"),
        ("0.00996", "$0.010"),
        ("0.0096", "$0.0096"),
        ("0.00012345", "$0.00012"),
        ("0.0000012", "$0.000001"),
        ("0.000000999", "<$0.000001"),
        ("1234567.8", "$1,234,568"),
        ("-0.5", "\N{MINUS SIGN}$0.500"),
    ],
)
def test_money_has_the_digits_that_its_size_asks_for(amount: str | None, shown: str) -> None:
    assert formats.money(None if amount is None else Decimal(amount)) == shown


def test_a_column_of_money_has_one_precision() -> None:
    amounts = [None, "0", "0.00002", "0.00005", "0.00006", "12.3", "1234.56789"]
    column = formats.money_column(None if a is None else Decimal(a) for a in amounts)
    assert column == [
        "—", "$0", "<$0.0001", "<$0.0001", "$0.0001", "$12.3000", "$1,234.5679",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (None, "—"), (0, "0 ms"), (0.001, "<0.01 ms"), (0.42, "0.42 ms"), (0.999, "1 ms"),
        (1.4, "1 ms"), (842, "842 ms"), (999.4, "999 ms"), (999.6, "1.00 s"), (3420, "3.42 s"),
        (9996, "10.0 s"), (15_200, "15.2 s"), (59_940, "59.9 s"), (59_960, "1m 00s"),
        (125_000, "2m 05s"), (3_599_700, "1h 00m"), (4_320_000, "1h 12m"), (360_000_000, "100h 00m"),
    ],
)  # fmt: skip
def test_a_duration_has_the_unit_that_its_size_asks_for(
    milliseconds: float | None, shown: str
) -> None:
    assert formats.duration(milliseconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "—"), (0, "0"), (9412, "9,412"), (9999, "9,999"), (10_000, "10.0k"),
        (12_000, "12.0k"), (999_949, "999.9k"), (999_950, "1.00M"), (1_240_000, "1.24M"),
        (2_500_000_000, "2.50B"), (2**63 - 1, "9,223,372,037B"),
    ],
)  # fmt: skip
def test_tokens_are_exact_below_ten_thousand(count: int | None, shown: str) -> None:
    assert formats.tokens(count) == shown


def test_tokens_of_which_one_side_is_unknown_say_so() -> None:
    assert formats.tokens_in_out(9412, None) == "9,412 → —"
    assert formats.tokens_in_out(None, None) == "—"


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_a_moment_is_local_and_short() -> None:
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    assert formats.moment(datetime(2026, 11, 21, 8, 34, 48, tzinfo=UTC), now=now) == "09:34:48"
    assert formats.moment(datetime(2026, 11, 20, 23, 30, tzinfo=UTC), now=now) == "00:30:00"
    assert formats.moment(datetime(2026, 11, 20, 16, 44, tzinfo=UTC), now=now) == "20 Nov 17:44"
    assert formats.moment(datetime(2025, 3, 2, 16, 44, tzinfo=UTC), now=now) == "2 Mar 2025"
    assert formats.moment(None, now=now) == "—"


def test_a_full_time_says_its_zone() -> None:
    at = datetime(2026, 11, 21, 8, 34, 48, 123456, tzinfo=UTC)
    assert formats.utc(at) == "2026-11-21 08:34:48.123 UTC"


def test_text_that_would_steer_the_terminal_is_written_out() -> None:
    hostile = "a\x1b[31mred\x1b]0;title\x07\x9b2J\r\u202egnp.exe\ud800\x00\tb\nc"
    shown = formats.visible(hostile)
    assert shown == (r"a\x1b[31mred\x1b]0;title\x07\x9b2J\x0d\u202egnp.exe\ud800\x00" + "\tb\nc")


@given(st.text())
def test_no_text_keeps_a_control_character(text: str) -> None:
    shown = formats.visible(text)
    assert all(c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f") for c in shown)
    assert "\n" not in formats.one_line(text)


@given(st.text())
def test_json_with_controls_written_out_is_the_same_value(text: str) -> None:
    written = formats.spell_controls_in_json(json.dumps({text: text}, ensure_ascii=False))
    assert json.loads(written) == {text: text}
    assert "\x9b" not in written


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (formats.money_delta(None), "—"),
        (formats.money_delta(Decimal("0.000000000")), "±0"),
        (formats.money_delta(Decimal("-0.003672"), places=5), "\N{MINUS SIGN}$0.00367"),
        (formats.money_delta(Decimal("0.0000001"), places=5), "+<$0.00001"),
        (formats.duration_delta(-1780.2), "\N{MINUS SIGN}1.78 s"),
        (formats.duration_delta(None), "—"),
        (formats.tokens_delta(12_000), "+12.0k"),
        (formats.number_delta(0.2 - 0.6), "\N{MINUS SIGN}0.4"),
        (formats.number_delta(0.0), "±0"),
        (formats.percent_change(1, 0.5), "\N{MINUS SIGN}50%"),
        (formats.percent_change(Decimal(1), Decimal("1.001")), "+<1%"),
        (formats.percent_change(2, 2), "±0%"),
        (formats.percent_change(1, 30), "\N{MULTIPLICATION SIGN}30"),
        (formats.percent_change(0, 30), ""),
        (formats.percent_change(None, 30), ""),
    ],
)
def test_a_change_has_a_sign(shown: str, expected: str) -> None:
    assert shown == expected


@pytest.mark.parametrize(
    ("changes_ms", "shown"),
    [
        ([0.25, -9.0, None, 0.0], ["+0.25 ms", "\N{MINUS SIGN}9.00 ms", "—", "±0"]),
        ([12.4, -480.0], ["+12 ms", "\N{MINUS SIGN}480 ms"]),
        ([12.4, -1480.0], ["+0.01 s", "\N{MINUS SIGN}1.48 s"]),
        ([150_000.0, -1480.0], ["+150 s", "\N{MINUS SIGN}1 s"]),
        ([], []),
    ],
)
def test_a_column_of_times_has_one_unit(changes_ms: list[float | None], shown: list[str]) -> None:
    assert formats.duration_delta_column(changes_ms) == shown


@pytest.mark.parametrize(
    ("times_ms", "shown"),
    [
        ([4.2, 893.0, None], ["4 ms", "893 ms", "—"]),
        ([0.0, 0.3, 893.0], ["0 ms", "<1 ms", "893 ms"]),
        ([0.9, 2900.0], ["<0.01 s", "2.90 s"]),
        ([0.42, 7.0], ["0.42 ms", "7.00 ms"]),
        ([1500.0, 250_000.0], ["2 s", "250 s"]),
        ([], []),
    ],
)
def test_a_column_of_durations_has_one_unit(times_ms: list[float | None], shown: list[str]) -> None:
    assert formats.duration_column(times_ms) == shown


def test_columns_beside_each_other_have_one_unit() -> None:
    assert formats.duration_column([400.0], beside_ms=[None, 1200.0]) == ["0.40 s"]
    assert formats.duration_delta_column([400.0], beside_ms=[1200.0]) == ["+0.40 s"]
