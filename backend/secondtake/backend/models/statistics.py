"""What many runs add up to."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from secondtake.backend.models.base import Model
from secondtake.backend.models.runs import RunFilter


class StatisticsQuery(RunFilter):
    """Which runs to add up, and into how many bars of time."""

    bars: Annotated[int, Field(ge=1, le=200)] = 42
    trend_bars: Annotated[int, Field(ge=1, le=60)] = 14


class RunTotals(Model):
    """What a number of runs add up to."""

    runs: int
    failed_runs: int
    """Ended as `error`, `interrupted` or `budget_exceeded`."""
    running_runs: int
    waiting_runs: int
    """Of the running ones: those that wait for a person."""
    cost_usd: Decimal | None
    """Real money only; None when no call's price is known."""
    simulated_cost_usd: Decimal | None
    unpriced_runs: int
    """Runs with a call whose price is unknown; what they cost is missing in the sums."""
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    duration_p50_ms: float | None
    """Of runs that ended."""
    duration_p95_ms: float | None
    cost_p95_usd: Decimal | None
    """Of runs with a known cost, simulated ones too: for finding the expensive ones."""


class TimeBar(Model):
    """Runs that started in a stretch of time."""

    started_at: datetime
    ended_at: datetime
    runs: int
    failed_runs: int


class TrendBar(RunTotals):
    """What the runs of a stretch of time add up to."""

    started_at: datetime
    ended_at: datetime


class RunStatistics(Model):
    """What the runs that fit add up to, and how that went over time."""

    since: datetime | None
    """The window: as asked for, else from the first run that fits."""
    until: datetime | None
    totals: RunTotals
    previous: RunTotals | None
    """Of the window of the same length before; None when `since` was not asked for."""
    bars: list[TimeBar]
    trend: list[TrendBar]


class FacetValue(Model):
    """A value that runs have, and how many have it."""

    value: str
    runs: int


class RunFacets(Model):
    """What there is to filter by; of each the 200 most frequent.

    A value of more than 300 characters is left out; a filter still finds it.
    """

    workflows: list[FacetValue]
    models: list[FacetValue]
    sessions: list[FacetValue]
    users: list[FacetValue]
    tags: list[FacetValue]
    """As `name=value`."""
    statuses: list[FacetValue]
