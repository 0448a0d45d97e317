"""Sentences around the list of runs."""

from secondtake.backend.formats import count, counted, duration, money
from secondtake.backend.models.statistics import RunStatistics
from secondtake.studio.runs_page.fetching import Listing
from secondtake.studio.runs_page.view import IN_WORDS, SHORT, RunsView, Span


def before(view: RunsView, span: Span, statistics: RunStatistics) -> str | None:
    """Return what changes are against, as `prior 7 d`; None when there is no such period."""
    if not view.has_window:
        return f"prior {SHORT[span]}" if span in SHORT else None
    if statistics.since is None or statistics.until is None:
        return None
    length = statistics.until - statistics.since
    return f"prior {duration(length.total_seconds() * 1000)}"


def count_line(view: RunsView, listing: Listing, threshold: RunStatistics | None) -> str:
    """Return how many runs there are, and what the view's own word means."""
    shown, total = len(listing.runs), max(listing.total_count, len(listing.runs))
    runs = counted(total, "run")
    parts = [runs if shown == total else f"newest {count(shown)} of {runs}"]
    if threshold is not None:
        totals = threshold.totals
        if view.pill == "Slow":
            bound = duration(totals.duration_p95_ms)
            parts.append(f"slow: at least {bound}, the 95th percentile of {count(totals.runs)}")
        elif view.pill == "Expensive":
            bound = money(totals.cost_p95_usd)
            parts.append(
                f"expensive: at least {bound}, the 95th percentile of {count(totals.runs)}"
            )
    return " · ".join(parts)


def why_none(view: RunsView, span: Span) -> str:
    """Return why the list is empty."""
    when = "in this window" if view.has_window else f"in the last {_last(span)}"
    if not view.has_window and span == "All":
        when = "at any time"
    if view.pill == "Waiting" and not view.filter_count and not view.text:
        return f"No run that started {when} waits for a person's answer."
    if view.pill == "Unpriced" and not view.filter_count and not view.text:
        return f"Every call of the runs that started {when} has a known price."
    if view.pill in ("Slow", "Expensive"):
        known = "duration" if view.pill == "Slow" else "cost"
        return f"No run that fits the filters and started {when} has a known {known}."
    if view.is_narrowed:
        return f"No run that started {when} fits the filters."
    return f"No run started {when}."


def _last(span: Span) -> str:
    return IN_WORDS.get(span, "").removeprefix("the ")
