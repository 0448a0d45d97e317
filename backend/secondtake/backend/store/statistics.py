"""Adds runs up: all that fit, those of the window before, and by stretches of the window.

One query finds the first and last run where the window is open, one more adds up. A run's time is
its start, else when it was recorded, as in the list of runs; one without either is in the totals
and in no stretch. Amounts of simulated models and real money are told apart by call, because one
run may have both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from duckdb import DuckDBPyConnection

from secondtake.backend.models.runs import RunFilter
from secondtake.backend.models.statistics import RunTotals
from secondtake.backend.store.rows import at, fetch, naive_utc
from secondtake.backend.store.run_filter import RUN_AT, WAITING, conditions


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of time, cut evenly. All in microseconds since 1970."""

    since_us: int
    until_us: int
    """Not part of it."""
    bars: int
    trend_bars: int
    previous_us: int | None
    """Where the window of the same length before begins; None when nobody asked for it."""

    def edges(self, pieces: int) -> list[datetime]:
        """Return where each of so many pieces begins, and at last where the window ends."""
        span = self.until_us - self.since_us
        # Rounded up: the first microsecond whose piece, rounded down, is this one.
        return [at(self.since_us - (-place * span // pieces)) for place in range(pieces + 1)]


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What was added up; stretches without runs are absent."""

    totals: RunTotals
    previous: RunTotals
    bars: dict[int, RunTotals]
    trend: dict[int, RunTotals]


def first_and_last(
    con: DuckDBPyConnection, query: RunFilter
) -> tuple[datetime | None, datetime | None]:
    """Return the times of the first and of the last run that fit."""
    where, parameters = conditions(query)
    sql = f"SELECT min({RUN_AT}) AS first_at, max({RUN_AT}) AS last_at FROM runs WHERE {where}"
    row = fetch(con, sql, parameters)[0]
    return row["first_at"], row["last_at"]


def add_up(con: DuckDBPyConnection, query: RunFilter, window: Window | None) -> Sums:
    """Add up the runs that fit; by stretches when there is a window."""
    wanted = query
    if window is not None and window.previous_us is not None:
        wanted = query.model_copy(update={"since": at(window.previous_us)})
    where, parameters = conditions(wanted)
    parameters |= _window_parameters(query, window)
    rows = fetch(con, _SQL.format(where=where), parameters)
    found = {(row.pop("part"), row.pop("bar"), row.pop("trend")): row for row in rows}
    return Sums(
        totals=_totals(found.get(("now", None, None))),
        previous=_totals(found.get(("before", None, None))),
        bars={bar: _totals(row) for (_, bar, _), row in found.items() if bar is not None},
        trend={trend: _totals(row) for (_, _, trend), row in found.items() if trend is not None},
    )


def no_runs() -> RunTotals:
    """Return what no runs add up to: nothing is known of their amounts."""
    counts = ("runs", "failed_runs", "running_runs", "waiting_runs", "unpriced_runs")
    return RunTotals.model_validate(
        {name: 0 if name in counts else None for name in RunTotals.model_fields}
    )


def _totals(row: dict[str, Any] | None) -> RunTotals:
    return no_runs() if row is None else RunTotals.model_validate(row)


def _window_parameters(query: RunFilter, window: Window | None) -> dict[str, Any]:
    from_at = None if query.since is None else naive_utc(query.since)
    if window is None:
        return {"from_at": from_at, "since_us": 0, "span_us": 0, "bars": 1, "trend_bars": 1}
    return {
        "from_at": from_at,
        "since_us": window.since_us,
        "span_us": window.until_us - window.since_us,
        "bars": window.bars,
        "trend_bars": window.trend_bars,
    }


_MEASURES: Final[Sequence[str]] = (
    "count(*) AS runs",
    "count(*) FILTER (status IN ('error', 'interrupted', 'budget_exceeded')) AS failed_runs",
    "count(*) FILTER (status = 'running') AS running_runs",
    "count(*) FILTER (is_waiting) AS waiting_runs",
    "sum(real_usd) AS cost_usd",
    "sum(simulated_usd) AS simulated_cost_usd",
    "count(*) FILTER (unpriced_calls > 0) AS unpriced_runs",
    "sum(input_tokens) AS input_tokens",
    "sum(output_tokens) AS output_tokens",
    "sum(cache_read_tokens) AS cache_read_tokens",
    "quantile_cont(duration_ms, 0.5) FILTER (status <> 'running') AS duration_p50_ms",
    "quantile_cont(duration_ms, 0.95) FILTER (status <> 'running') AS duration_p95_ms",
    # Not between two: what a run did cost.
    "quantile_disc(cost_usd, 0.95) AS cost_p95_usd",
)

_PRICED_CALLS: Final = """
    SELECT run_id, cost_usd, coalesce(simulated, false) AS simulated
    FROM llm_calls WHERE cost_usd IS NOT NULL
    UNION ALL
    SELECT run_id, cost_usd, coalesce(simulated, false)
    FROM tool_calls WHERE cost_usd IS NOT NULL
"""

# `mixed` is nearly always empty: only there the amounts of calls must be looked at.
_SQL: Final = f"""
    WITH fitting AS MATERIALIZED (
        SELECT run_id, status, {WAITING} AS is_waiting, cost_usd, coalesce(simulated, false)
                   AS simulated, unpriced_calls, input_tokens, output_tokens, cache_read_tokens,
               duration_ms, epoch_us({RUN_AT}) AS run_us,
               CASE WHEN $from_at IS NULL OR {RUN_AT} >= $from_at::TIMESTAMP THEN 'now'
                    ELSE 'before' END AS part
        FROM runs
        WHERE {{where}}
    ),
    calls AS NOT MATERIALIZED ({_PRICED_CALLS}),
    mixed AS MATERIALIZED (
        SELECT DISTINCT run_id FROM calls
        WHERE NOT simulated AND run_id IN (SELECT run_id FROM fitting WHERE simulated)
    ),
    split AS (
        SELECT run_id, sum(cost_usd) FILTER (NOT simulated) AS real_usd,
               sum(cost_usd) FILTER (simulated) AS simulated_usd
        FROM calls WHERE run_id IN (FROM mixed)
        GROUP BY run_id
    ),
    measured AS (
        SELECT f.*, CASE WHEN s.run_id IS NOT NULL THEN s.real_usd
                         WHEN NOT simulated THEN f.cost_usd END AS real_usd,
               CASE WHEN s.run_id IS NOT NULL THEN s.simulated_usd
                    WHEN simulated THEN f.cost_usd END AS simulated_usd,
               CASE WHEN part = 'now' AND run_us >= $since_us AND run_us < $since_us + $span_us
                    THEN run_us - $since_us END::HUGEINT AS passed_us
        FROM fitting f LEFT JOIN split s ON s.run_id = f.run_id
    ),
    placed AS (
        SELECT *, (passed_us * $bars // nullif($span_us, 0))::INTEGER AS bar,
               (passed_us * $trend_bars // nullif($span_us, 0))::INTEGER AS trend
        FROM measured
    )
    SELECT CASE WHEN grouping(bar) = 1 AND grouping(trend) = 1 THEN part ELSE 'bars' END AS part,
           bar, trend, {", ".join(_MEASURES)}
    FROM placed
    GROUP BY GROUPING SETS ((part), (bar), (trend))
    HAVING grouping(part) = 0 OR coalesce(bar, trend) IS NOT NULL
"""
