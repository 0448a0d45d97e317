"""What the page of runs makes of what the client returns: pure functions."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondtake.backend.models.runs import RunFilter, RunSummary
from secondtake.backend.models.statistics import RunStatistics, RunTotals, TimeBar, TrendBar
from secondtake.studio.components.facet_picker import Facet, drawn_facet
from secondtake.studio.components.histogram import axis_labels, drawn_bars
from secondtake.studio.runs_page.fetching import Listing, renewed
from secondtake.studio.runs_page.figures import Change, figures, relative_change
from secondtake.studio.runs_page.previews import said
from secondtake.studio.runs_page.rows import run_rows
from secondtake.studio.runs_page.strip import strip
from secondtake.studio.runs_page.view import (
    PILLS,
    SIMULATED,
    SPANS,
    STATUSES,
    RunsView,
    from_query,
    pill_filter,
    run_filter,
    to_query,
    toggled,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WORDS = st.text(min_size=1, max_size=20)
MOMENTS = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def summary(number: int = 0, **fields: Any) -> RunSummary:
    empty = dict.fromkeys(RunSummary.model_fields)
    given = {"run_id": UUID(int=number), "short_id": f"{number:013}", "status": "ok", **fields}
    return RunSummary.model_validate({**empty, **given})


def totals(**fields: Any) -> RunTotals:
    counts = ("runs", "failed_runs", "running_runs", "waiting_runs", "unpriced_runs")
    empty = {name: 0 if name in counts else None for name in RunTotals.model_fields}
    return RunTotals.model_validate({**empty, **fields})


def statistics(now: RunTotals, before: RunTotals | None = None) -> RunStatistics:
    trend = [
        TrendBar(started_at=NOW, ended_at=NOW, **totals(runs=runs).model_dump()) for runs in (1, 4)
    ]
    return RunStatistics(since=NOW, until=NOW, totals=now, previous=before, bars=[], trend=trend)


@st.composite
def views(draw: st.DrawFn) -> RunsView:
    since = draw(st.none() | MOMENTS)
    money = st.none() | st.decimals(0, 1000, places=4)
    return RunsView(
        span=None if since else draw(st.none() | st.sampled_from(SPANS)),
        since=since,
        until=since + timedelta(hours=draw(st.integers(1, 99))) if since else None,
        pill=draw(st.none() | st.sampled_from(PILLS)),
        text=draw(st.text(max_size=20)),
        status=tuple(s for s in STATUSES if draw(st.booleans())),
        workflow=tuple(draw(st.lists(WORDS, max_size=2, unique=True))),
        model=tuple(draw(st.lists(WORDS, max_size=2, unique=True))),
        tag=tuple(f"{name}=x" for name in draw(st.lists(WORDS, max_size=2, unique=True))),
        session=draw(st.none() | WORDS),
        user=draw(st.none() | WORDS),
        min_cost_usd=draw(money),
        max_cost_usd=draw(money),
        simulated=draw(st.sampled_from(SIMULATED)),
        live=draw(st.booleans()),
    )


@given(views())
def test_the_address_gives_the_same_view_back(view: RunsView) -> None:
    assert from_query(to_query(view)) == view


@pytest.mark.parametrize(
    "query",
    [
        {"range": ["9y"]}, {"view": ["Nice"]}, {"since": ["yesterday"]}, {"min_cost": ["-1"]},
        {"max_cost": ["NaN"]}, {"min_s": ["1e999999"]}, {"status": ["fine"]}, {"tag": ["bare"]},
        {"since": ["2026-01-02T00:00:00Z"], "until": ["2026-01-01T00:00:00Z"]}, {"other": ["x"]},
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_read_narrows_nothing(query: dict[str, list[str]]) -> None:
    view = from_query(query)
    filtered = run_filter(view, now=NOW, default_span="All")
    assert (view, filtered) == (RunsView(), RunFilter())


def test_a_view_becomes_a_filter() -> None:
    view = RunsView(span="24h", tag=("team=eu=1",), text=" x ", simulated="Only", min_duration_s=2)

    made = run_filter(view, now=NOW, default_span="7d")

    assert made.since == NOW - timedelta(days=1)
    assert made.tags == {"team": "eu=1"}
    assert (made.text, made.simulated, made.min_duration_ms) == ("x", True, 2000)


def test_what_slow_and_expensive_mean_comes_from_the_runs() -> None:
    base = RunFilter(min_duration_ms=10)
    some = totals(duration_p95_ms=9000.0, cost_p95_usd=Decimal("0.5"))

    slow, expensive = (pill_filter(pill, base, some) for pill in ("Slow", "Expensive"))

    assert slow is not None
    assert expensive is not None
    assert (slow.min_duration_ms, expensive.min_cost_usd) == (9000, Decimal("0.5"))
    assert pill_filter("Slow", base, totals()) is None
    assert pill_filter("Failed", RunFilter(status=("ok",)), None) is None


def test_a_facet_is_set_and_taken_away() -> None:
    view = toggled(toggled(RunsView(), "tag", "team=eu"), "tag", "team=us")
    assert view.tag == ("team=us",)
    assert toggled(view, "tag", "team=us") == RunsView()
    assert toggled(toggled(RunsView(), "user", "anna"), "user", "anna") == RunsView()


@pytest.mark.parametrize(
    ("preview", "shown"),
    [
        ('"plain text"', "plain text"),
        ('{"topic":"heat pumps"}', "heat pumps"),
        ('{"task_id":99}', "task_id 99"),
        ('{"id":7,"instruction":"You are Ann and you want', "You are Ann and you want…"),
        ('{"a":1,"b":"x","c":[1,2', "a 1 · b x · c [1, 2]…"),
        ('{"text":"cut in an esc\\u00', "cut in an esc…"),
        ("[1,2]", "[1, 2]"),
        ("", "…"),
        ('"two\\nlines\\u001b[31m"', "two lines\\x1b[31m"),
        (None, None),
    ],
)
def test_a_preview_says_the_longest_text(preview: str | None, shown: str | None) -> None:
    assert said(preview) == shown


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner)
       | st.dictionaries(st.text(), inner), max_leaves=8), st.integers(0, 60))  # fmt: skip
def test_any_cut_of_any_json_says_something(value: object, length: int) -> None:
    import json

    assert isinstance(said(json.dumps(value)[:length]), str)


def test_a_row_says_what_is_known_and_marks_what_is_not() -> None:
    unpriced = summary(
        cost_usd=Decimal("0.0536"), unpriced_calls=2, started_at=NOW, duration_ms=8190.0
    )
    unknown = summary(1)
    row, empty = run_rows([unpriced, unknown], now=NOW)

    assert (row["cost"], row["cost_mark"], row["time"]) == ("$0.0536", "+", "8.19 s")
    assert "2 calls without a known price" in str(row["cost_tip"])
    shown = [empty[name] for name in ("cost", "time", "tokens", "score", "model", "output")]
    assert shown == ["—"] * 6
    assert row["known_start"] is True
    assert empty["known_start"] is False


def test_a_row_says_how_it_stands() -> None:
    runs = [
        summary(status="running", current_node="plan"),
        summary(status="running", question='"Send it?"'),
        summary(status="error", error_type="ValueError", error_message="no\nnumber"),
        summary(status="interrupted"),
    ]
    found = [(row["output"], row["tone"], row["symbol"]) for row in run_rows(runs, now=NOW)]
    assert found == [
        ("at plan", "running", "progress_activity"),
        ("waits for an answer: Send it?", "warn", "pause_circle"),
        ("ValueError: no number", "error", "error"),
        ("interrupted: its process ended", "plain", "error"),
    ]


def test_changes_say_what_they_are_against() -> None:
    now = totals(runs=500, failed_runs=35, cost_usd=Decimal(92), duration_p95_ms=1060.0)
    before = totals(runs=446, failed_runs=22, cost_usd=Decimal(100), duration_p95_ms=1000.0)

    runs, failed, cost, _, _, slow = figures(statistics(now, before), before="prior 7 d")

    found = [(each.change, each.note) for each in (runs, failed, cost, slow)]
    assert found == [
        (Change(text="▲ 12 %", tone="plain"), "vs prior 7 d"),
        (Change(text="▲ 2.1 pts", tone="worse"), "vs prior 7 d"),
        (Change(text="▼ 8 %", tone="better"), "vs prior 7 d"),
        (Change(text="▲ 6 %", tone="worse"), "vs prior 7 d"),
    ]


def test_without_a_period_before_there_is_no_change() -> None:
    made = figures(statistics(totals(runs=3, running_runs=1)), before=None)
    assert all(figure.change is None for figure in made)
    assert [figure.value for figure in made] == ["3", "0.0 %", "—", "—", "—", "—"]
    assert made[0].note == "1 running"
    assert made[0].bars == (0.25, 1.0)
    assert "kpi-value" in str(strip(made))


def test_small_changes_have_no_colour() -> None:
    change = relative_change(104, 100, more_is="worse")
    assert change is not None
    assert (change.text, change.tone) == ("▲ 4 %", "plain")
    assert relative_change(1, 0, more_is="worse") is None


def test_a_change_of_many_times_is_a_factor() -> None:
    for now, text in (
        (900, "▲ 800 %"),
        (1200, "▲ 12-fold"),
        (1e9, "▲ >9,999-fold"),
        (0, "▼ 100 %"),
    ):
        change = relative_change(now, 100, more_is="plain")
        assert change is not None
        assert change.text == text


def test_bars_are_heights_with_failures_at_the_foot() -> None:
    bars = [
        TimeBar(started_at=NOW + timedelta(hours=h), ended_at=NOW + timedelta(hours=h + 1),
                runs=runs, failed_runs=failed)
        for h, (runs, failed) in enumerate([(0, 0), (4, 1), (2, 2)])
    ]  # fmt: skip
    drawn = drawn_bars(bars, now=NOW)
    assert [(bar["height"], bar["failed"]) for bar in drawn] == [(0, 0), (1, 0.25), (0.5, 0.5)]
    assert drawn[1]["tip"].endswith("\n4 runs, 1 failed")


def test_the_axis_has_a_label_where_a_day_begins() -> None:
    starts = [NOW + timedelta(hours=4 * step) for step in range(42)]
    labels = axis_labels(starts, now=NOW)
    assert [label for label in labels if label] == [f"{day} Nov" for day in range(21, 28)]
    assert len(axis_labels([], now=NOW)) == 0


@given(bars=st.integers(1, 60), length_s=st.floats(0.001, 4e7, allow_nan=False), start=MOMENTS)
def test_labels_of_the_axis_are_few_and_distinct(
    bars: int, length_s: float, start: datetime
) -> None:
    step = timedelta(seconds=length_s / bars)
    labels = axis_labels([start + place * step for place in range(bars)], now=NOW)
    shown = [label for label in labels if label]
    assert len(labels) == bars
    assert len(shown) == len(set(shown)) <= 8
    assert bars < 20 or length_s < 20 or len(shown) >= 2


def test_the_axis_of_a_few_minutes_says_each_time_once() -> None:
    minutes = axis_labels([NOW + timedelta(seconds=10 * step) for step in range(42)], now=NOW)
    assert [label for label in minutes if label] == [f"12:0{minute}" for minute in range(1, 7)]
    seconds = axis_labels([NOW + timedelta(seconds=step / 2) for step in range(42)], now=NOW)
    assert [label for label in seconds if label] == [f"12:00:{s:02}" for s in range(1, 20, 3)]


def test_news_comes_first_and_nothing_known_is_lost() -> None:
    runs = [summary(number) for number in range(6)]
    known = Listing(runs=tuple(runs[1:6]), total_count=9, next_cursor="after 5")
    first = Listing(runs=tuple(runs[0:3]), total_count=10, next_cursor="after 2")

    merged = renewed(known, first)

    assert [run.run_id.int for run in merged.runs] == [0, 1, 2, 3, 4, 5]
    assert (merged.total_count, merged.next_cursor) == (10, "after 5")
    assert renewed(Listing(runs=(summary(99),), total_count=1, next_cursor=None), first) == first


def test_a_chosen_value_stays_in_its_list() -> None:
    drawn = drawn_facet(Facet(name="model", title="Model", values=[], chosen=["gone\u202e"]))
    assert drawn["values"] == [
        {"value": "gone\u202e", "label": "gone\\u202e", "runs": "0", "chosen": True}
    ]
