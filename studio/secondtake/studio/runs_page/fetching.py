"""Asks the backend for what the page of runs shows."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from secondtake.backend.client import Client
from secondtake.backend.models.runs import RunFilter, RunQuery, RunSummary
from secondtake.backend.models.statistics import RunStatistics, StatisticsQuery
from secondtake.studio.runs_page.view import (
    RunsView,
    Span,
    needs_totals,
    pill_filter,
    run_filter,
)

PAGE_RUNS: Final = 60
"""Some rows more than fill a large window, so that the first ones are there soon."""
MORE_RUNS: Final = 240
"""Who scrolls wants many."""
BARS: Final[dict[Span, int]] = {"1h": 30, "24h": 48, "7d": 42, "30d": 30, "All": 42}
RECENT: Final = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Runs that fit a filter, as many as were asked for yet."""

    runs: tuple[RunSummary, ...]
    total_count: int
    next_cursor: str | None


NOTHING: Final = Listing(runs=(), total_count=0, next_cursor=None)


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """Everything that the page shows."""

    wanted: RunFilter | None
    """None: no run can fit, because what the pill needs is known of none."""
    listing: Listing
    statistics: RunStatistics
    threshold: RunStatistics | None
    """Of the runs without the pill, when the pill means the top of them."""


def find_default_span(client: Client, *, now: datetime) -> Span:
    """Return the span that shows something: the last seven days when they have runs, else all."""
    recent = client.list_runs(RunQuery(since=now - RECENT, limit=1))
    return "7d" if recent.total_count else "All"


def fetch(client: Client, view: RunsView, *, now: datetime, default_span: Span) -> Fetched:
    """Return what the view shows, with the first page of its runs.

    Raises:
        NoServerError: the server is away.
    """
    base = run_filter(view, now=now, default_span=default_span)
    bars = BARS[default_span if view.span is None else view.span] if not view.has_window else 42
    threshold = _statistics(client, base, bars) if needs_totals(view.pill) else None
    wanted = pill_filter(view.pill, base, threshold.totals if threshold else None)
    if wanted is None:
        none = base.model_copy(update={"max_duration_ms": -1.0})
        statistics = _statistics(client, none, bars)
        return Fetched(wanted=None, listing=NOTHING, statistics=statistics, threshold=threshold)
    # Side by side: the sum of the two would be what a click takes.
    statistics_later = _threads().submit(_statistics, client, wanted, bars)
    listing = list_page(client, wanted)
    return Fetched(
        wanted=wanted, listing=listing, statistics=statistics_later.result(), threshold=threshold
    )


def list_page(client: Client, wanted: RunFilter, *, cursor: str | None = None) -> Listing:
    """Return a page of the runs that fit; the first, or the longer one at a cursor."""
    limit = PAGE_RUNS if cursor is None else MORE_RUNS
    query = RunQuery(**wanted.model_dump(), limit=limit, cursor=cursor)
    page = client.list_runs(query)
    return Listing(
        runs=tuple(page.items), total_count=page.total_count, next_cursor=page.next_cursor
    )


def extended(client: Client, listing: Listing, wanted: RunFilter) -> Listing:
    """Return the listing with the page behind it; as it is at the end."""
    if listing.next_cursor is None:
        return listing
    page = list_page(client, wanted, cursor=listing.next_cursor)
    known = {run.run_id for run in listing.runs}
    return Listing(
        runs=(*listing.runs, *(run for run in page.runs if run.run_id not in known)),
        total_count=page.total_count,
        next_cursor=page.next_cursor,
    )


def renewed(known: Listing | None, first: Listing) -> Listing:
    """Return the runs known so far with those of the first page, asked for again.

    Runs are only added at the top, so what was known and is not on the first page any more comes
    behind it; where to go on stays the same.
    """
    if known is None or not known.runs:
        return first
    newest = {run.run_id for run in first.runs}
    older: Sequence[RunSummary] = [run for run in known.runs if run.run_id not in newest]
    if len(older) == len(known.runs):  # so many are new that there may be a gap
        return first
    return Listing(
        runs=(*first.runs, *older),
        total_count=first.total_count,
        next_cursor=known.next_cursor if older else first.next_cursor,
    )


@lru_cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="runs-page")


def _statistics(client: Client, wanted: RunFilter, bars: int) -> RunStatistics:
    return client.run_statistics(StatisticsQuery(**wanted.model_dump(), bars=bars))
