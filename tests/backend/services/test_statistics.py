"""What runs add up to, counted again by hand."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from duckdb import DuckDBPyConnection
from tests.backend.journal_files import finished, llm_call, node, started, tool_call
from tests.support.stored import write_events

from secondtake.backend.loader import load_pending
from secondtake.backend.models.runs import RunQuery
from secondtake.backend.models.statistics import RunTotals, StatisticsQuery
from secondtake.backend.services.runs import list_runs
from secondtake.backend.services.statistics import run_statistics
from secondtake.runner.events import BaseEvent

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FAILED = ("error", "interrupted", "budget_exceeded")


class Written:
    """A run as it was written, for counting it again."""

    def __init__(self, random: Random) -> None:
        self.run_id = uuid4()
        self.at = NOW - timedelta(minutes=random.randrange(0, 6000))
        self.status = random.choice(["ok", "ok", "error", "running", "cancelled", *FAILED])
        self.duration_ms = random.choice([None, random.uniform(0, 9000)])
        self.waits = self.status == "running" and random.random() < 0.5
        self.calls: list[dict[str, Any]] = [
            {
                "simulated": random.random() < 0.4,
                "cost_usd": random.choice([None, Decimal(random.randrange(10**7)) / 10**9]),
                "input_tokens": random.choice([None, random.randrange(900)]),
                "output_tokens": 7,
                "cache_read_tokens": None,
            }
            for _ in range(random.randrange(4))
        ]
        self.tool_usd = random.choice([None, None, Decimal("0.25")])

    def events(self) -> list[BaseEvent]:
        """Return what a recorder would write."""
        at: dict[str, Any] = {"recorded_at": self.at, "started_at": self.at}
        begun, _ = node(self.run_id)
        question = {"question": "Go on?"} if self.waits else None
        events: list[BaseEvent] = [
            started(self.run_id, **at),
            begun.model_copy(update={"question": question}),
            tool_call(self.run_id, cost_usd=self.tool_usd),
        ]
        events += [
            llm_call(self.run_id, f"llm-{number}", **call) for number, call in enumerate(self.calls)
        ]
        if self.status != "running":
            end = {"status": self.status, "duration_ms": self.duration_ms, "ended_at": None}
            events.append(finished(self.run_id, **end))
        return events

    def costs(self, *, simulated: bool | None = None) -> list[Decimal]:
        """Return the known amounts of its calls."""
        known = [
            (call["cost_usd"], call["simulated"])
            for call in self.calls
            if call["cost_usd"] is not None
        ]
        if self.tool_usd is not None:
            known.append((self.tool_usd, False))
        return [amount for amount, is_simulated in known if simulated in (None, is_simulated)]


def total(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def interpolated(values: Sequence[float], share: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low, high = math.floor(place), math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def counted(runs: Sequence[Written]) -> RunTotals:
    """Add runs up in Python."""
    calls = [call for run in runs for call in run.calls]
    took = [r.duration_ms for r in runs if r.status != "running" and r.duration_ms is not None]
    costs = sorted(sum(run.costs(), Decimal(0)) for run in runs if run.costs())
    return RunTotals(
        runs=len(runs),
        failed_runs=sum(run.status in FAILED for run in runs),
        running_runs=sum(run.status == "running" for run in runs),
        waiting_runs=sum(run.waits for run in runs),
        cost_usd=total([amount for run in runs for amount in run.costs(simulated=False)]),
        simulated_cost_usd=total([amount for run in runs for amount in run.costs(simulated=True)]),
        unpriced_runs=sum(any(call["cost_usd"] is None for call in run.calls) for run in runs),
        input_tokens=total([call["input_tokens"] for call in calls]),
        output_tokens=total([call["output_tokens"] for call in calls]),
        cache_read_tokens=None,
        duration_p50_ms=interpolated(took, 0.5),
        duration_p95_ms=interpolated(took, 0.95),
        cost_p95_usd=costs[math.ceil(0.95 * len(costs)) - 1] if costs else None,
    )


def assert_same(found: RunTotals, expected: RunTotals) -> None:
    for name, value in expected.model_dump().items():
        assert getattr(found, name) == (pytest.approx(value) if isinstance(value, float) else value)


def write(con: DuckDBPyConnection, home: Path, runs: Sequence[Written]) -> None:
    write_events(home, *(event for run in runs for event in run.events()))
    load_pending(con, home)
    for run in runs:  # their writer is gone, and nobody listens
        con.execute("UPDATE runs SET status = ? WHERE run_id = ?", [run.status, run.run_id])


@pytest.mark.parametrize("seed", range(5))
def test_the_sums_are_those_of_a_count_by_hand(
    con: DuckDBPyConnection, home: Path, seed: int
) -> None:
    random = Random(seed)
    runs = [Written(random) for _ in range(random.randrange(1, 60))]
    write(con, home, runs)
    since, until = NOW - timedelta(hours=40), NOW - timedelta(hours=2)
    query = StatisticsQuery(since=since, until=until, bars=7, trend_bars=5)
    found = run_statistics(con, query, now=NOW)

    def between(first: datetime, last: datetime) -> list[Written]:
        return [run for run in runs if first <= run.at < last]

    assert (found.since, found.until) == (since, until)
    assert_same(found.totals, counted(between(since, until)))
    assert found.previous is not None
    assert_same(found.previous, counted(between(since - (until - since), since)))
    assert (len(found.bars), len(found.trend)) == (7, 5)
    assert found.bars[0].started_at == since
    assert found.bars[-1].ended_at == until
    for bar in found.bars:
        inside = between(bar.started_at, bar.ended_at)
        assert (bar.runs, bar.failed_runs) == (
            len(inside),
            sum(run.status in FAILED for run in inside),
        )
    for part in found.trend:
        assert_same(part, counted(between(part.started_at, part.ended_at)))
    assert sum(bar.runs for bar in found.bars) == found.totals.runs


def test_an_open_window_begins_with_the_first_run_and_ends_now(
    con: DuckDBPyConnection, home: Path
) -> None:
    runs = [Written(Random(number)) for number in range(20)]
    write(con, home, runs)
    found = run_statistics(con, StatisticsQuery(), now=NOW)
    assert (found.since, found.until) == (min(run.at for run in runs), NOW)
    assert found.previous is None
    assert sum(bar.runs for bar in found.bars) == found.totals.runs == 20
    assert (len(found.bars), len(found.trend)) == (42, 14)


def test_nothing_adds_up_to_nothing_known(con: DuckDBPyConnection) -> None:
    found = run_statistics(con, StatisticsQuery(), now=NOW)
    assert (found.since, found.bars, found.trend, found.previous) == (None, [], [], None)
    assert found.totals.runs == 0
    assert (found.totals.cost_usd, found.totals.input_tokens) == (None, None)
    asked = run_statistics(con, StatisticsQuery(since=NOW - timedelta(days=1)), now=NOW)
    assert {bar.runs for bar in asked.bars} == {0}
    assert asked.previous is not None
    assert asked.previous.runs == 0


def test_a_run_without_times_is_in_the_totals_and_in_no_bar(
    con: DuckDBPyConnection, home: Path
) -> None:
    write(con, home, [Written(Random(1)), Written(Random(2))])
    con.execute(
        "UPDATE runs SET started_at = NULL, recorded_at = NULL "
        "WHERE run_id = (SELECT max(run_id) FROM runs)"
    )
    found = run_statistics(con, StatisticsQuery(), now=NOW)
    assert found.totals.runs == 2
    assert sum(bar.runs for bar in found.bars) == 1


def test_a_window_that_holds_no_time_has_no_bars(con: DuckDBPyConnection, home: Path) -> None:
    write(con, home, [Written(Random(1))])
    for query in (
        StatisticsQuery(since=NOW, until=NOW),
        StatisticsQuery(since=NOW, until=NOW - timedelta(days=1)),
        StatisticsQuery(since=NOW + timedelta(days=9)),
    ):
        found = run_statistics(con, query, now=NOW)
        assert (found.totals.runs, found.bars, found.previous) == (0, [], None)


def test_a_window_as_long_as_the_calendar_has_none_before(con: DuckDBPyConnection) -> None:
    query = StatisticsQuery(
        since=datetime(1900, 1, 1, tzinfo=UTC), until=datetime.max.replace(tzinfo=UTC)
    )
    assert run_statistics(con, query, now=NOW).previous is None


def test_a_run_whose_clock_was_ahead_is_in_the_last_bar(
    con: DuckDBPyConnection, home: Path
) -> None:
    run = Written(Random(3))
    run.at = NOW + timedelta(minutes=5)
    write(con, home, [run])
    found = run_statistics(con, StatisticsQuery(since=NOW - timedelta(hours=1)), now=NOW)
    assert found.bars[-1].runs == 1


def test_a_bar_counts_the_runs_that_the_list_shows_for_its_time(
    con: DuckDBPyConnection, home: Path
) -> None:
    write(con, home, [Written(Random(number)) for number in range(30)])
    for bar in run_statistics(con, StatisticsQuery(bars=6), now=NOW).bars:
        page = list_runs(con, RunQuery(since=bar.started_at, until=bar.ended_at))
        assert page.total_count == bar.runs
