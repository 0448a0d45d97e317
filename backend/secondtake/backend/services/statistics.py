"""What many runs add up to, and how that went over time."""

from datetime import UTC, datetime, timedelta
from typing import Final

from duckdb import DuckDBPyConnection

from secondtake.backend.models.statistics import (
    RunStatistics,
    RunTotals,
    StatisticsQuery,
    TimeBar,
    TrendBar,
)
from secondtake.backend.store.patience import patient
from secondtake.backend.store.rows import at, microseconds
from secondtake.backend.store.snapshot import snapshot
from secondtake.backend.store.statistics import (
    Window,
    add_up,
    first_and_last,
    no_runs,
)

CLOCKS_DIFFER: Final = timedelta(days=1)
"""A run from a host whose clock is ahead still is in the last bar; one beyond this is in none."""


@patient
def run_statistics(
    con: DuckDBPyConnection, query: StatisticsQuery, *, now: datetime | None = None
) -> RunStatistics:
    """Add up the runs that fit.

    The bars cut the window evenly: from `since`, else from the first run that fits, to `until`,
    else to now. Durations are interpolated between runs, the cost percentile is that of a run.

    Args:
        con: the store.
        query: which runs, and how many bars.
        now: where an open window ends; by default the clock.
    """
    with snapshot(con):
        window = _window(con, query, now or datetime.now(UTC))
        sums = add_up(con, query, window)
    if window is None:
        return RunStatistics(
            since=query.since,
            until=query.until,
            totals=sums.totals,
            previous=None,
            bars=[],
            trend=[],
        )
    return RunStatistics(
        since=at(window.since_us),
        until=at(window.until_us),
        totals=sums.totals,
        previous=sums.previous if window.previous_us is not None else None,
        bars=_bars(window, sums.bars),
        trend=_trend(window, sums.trend),
    )


def _window(con: DuckDBPyConnection, query: StatisticsQuery, now: datetime) -> Window | None:
    """Return the window; None when it holds no time."""
    since, until = query.since, query.until
    if since is None or until is None:
        first, last = first_and_last(con, query)
        since = since or first
        if until is None and last is not None:
            until = max(now, min(last, now + CLOCKS_DIFFER) + timedelta(microseconds=1))
        until = until or now
    if since is None or since >= until:
        return None
    since_us, until_us = microseconds(since), microseconds(until)
    return Window(
        since_us=since_us,
        until_us=until_us,
        bars=query.bars,
        trend_bars=query.trend_bars,
        previous_us=_previous(since_us, until_us) if query.since is not None else None,
    )


def _previous(since_us: int, until_us: int) -> int | None:
    begins_us = 2 * since_us - until_us
    try:
        at(begins_us)
    except OverflowError:  # before the year 1
        return None
    return begins_us


def _bars(window: Window, found: dict[int, RunTotals]) -> list[TimeBar]:
    edges = window.edges(window.bars)
    sums = [found.get(place, no_runs()) for place in range(window.bars)]
    return [
        TimeBar(
            started_at=edges[place],
            ended_at=edges[place + 1],
            runs=each.runs,
            failed_runs=each.failed_runs,
        )
        for place, each in enumerate(sums)
    ]


def _trend(window: Window, found: dict[int, RunTotals]) -> list[TrendBar]:
    edges = window.edges(window.trend_bars)
    return [
        TrendBar(
            started_at=edges[place],
            ended_at=edges[place + 1],
            **found.get(place, no_runs()).model_dump(),
        )
        for place in range(window.trend_bars)
    ]
