"""The six figures above the list of runs: value, change against the period before, and trend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from secondtake.backend.formats import (
    UNKNOWN,
    count,
    counted,
    duration,
    money,
    tokens,
)
from secondtake.backend.models.statistics import RunStatistics, RunTotals

Tone = Literal["plain", "better", "worse"]

MATTERS: Final = 0.05
"""A change below five per cent has no colour."""
SO_MUCH_MORE: Final = 9.0
"""From ten times as much on, a change is told as a factor: thousands of per cent tell nothing."""
MINUS: Final = "\N{MINUS SIGN}"
UP, DOWN = "▲", "▼"


@dataclass(frozen=True, kw_only=True)
class Change:
    """How a figure differs from that of the period before."""

    text: str
    """As `▲ 12 %` or `▼ 1.9 pts`."""
    tone: Tone


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One of the six."""

    label: str
    value: str
    change: Change | None
    note: str
    """Behind the change: what it is against, or what else there is to know."""
    warning: str | None
    """What the value does not contain."""
    bars: tuple[float | None, ...]
    """Of the trend, oldest first, each from 0 to 1; None: unknown."""
    tip: str | None = None


Measure = Callable[[RunTotals], float | None]


def figures(statistics: RunStatistics, *, before: str | None) -> list[Figure]:
    """Return the six figures.

    Args:
        statistics: of the runs that are looked at.
        before: the period before, as `prior 7 d`; None when there is none to compare with.
    """
    totals, previous = statistics.totals, statistics.previous
    told = _against(previous, before)
    return [
        _runs(statistics, told),
        _failed(statistics, told),
        _cost(statistics, told),
        _tokens(statistics),
        _time(statistics, told, "Duration p50", lambda t: t.duration_p50_ms, totals),
        _time(statistics, told, "Duration p95", lambda t: t.duration_p95_ms, totals),
    ]


def relative_change(
    now: float | None, then: float | None, *, more_is: Literal["better", "worse", "plain"]
) -> Change | None:
    """Return a change in per cent; None when one of the two is unknown or there was nothing."""
    if now is None or not then:
        return None
    change = (now - then) / then
    if abs(change) < 0.005:
        return Change(text="±0 %", tone="plain")
    arrow = UP if change > 0 else DOWN
    size = f"{change:.0%}".removesuffix("%").removeprefix("-") + " %"
    if change >= SO_MUCH_MORE:
        size = f"{now / then:,.0f}-fold" if now / then < 10_000 else ">9,999-fold"
    return Change(text=f"{arrow} {size}", tone=_tone(change, change > 0, more_is))


def _against(previous: RunTotals | None, before: str | None) -> str | None:
    """Return what a change is against, None when there is no period before."""
    if previous is None or before is None:
        return None
    return f"vs {before}"


def _runs(statistics: RunStatistics, against: str | None) -> Figure:
    totals, previous = statistics.totals, statistics.previous
    change = relative_change(totals.runs, previous.runs if previous else None, more_is="plain")
    going = [counted(totals.running_runs, "running", "running")] if totals.running_runs else []
    if totals.waiting_runs:
        going.append(f"{count(totals.waiting_runs)} waiting")
    return Figure(
        label="Runs",
        value=count(totals.runs),
        change=change,
        note=_note(change, against, previous, otherwise=" · ".join(going)),
        warning=None,
        bars=_bars(statistics, lambda t: t.runs),
        tip=" · ".join(going) or None,
    )


def _failed(statistics: RunStatistics, against: str | None) -> Figure:
    totals, previous = statistics.totals, statistics.previous
    share, then = _share(totals), _share(previous) if previous else None
    change = None
    if share is not None and then is not None:
        points = round((share - then) * 100, 1)
        arrow = UP if points > 0 else DOWN
        tone = _tone((share - then) / (then or share), points > 0, "worse") if points else "plain"
        change = Change(text=f"{arrow} {abs(points):.1f} pts" if points else "±0 pts", tone=tone)
    runs = counted(totals.failed_runs, "run")
    return Figure(
        label=f"Failed · {runs}" if totals.failed_runs else "Failed",
        value=UNKNOWN if share is None else f"{share * 100:.1f} %",
        change=change,
        note=against if change and against else "",
        warning=None,
        bars=_bars(statistics, lambda t: t.failed_runs if t.runs else None),
    )


def _cost(statistics: RunStatistics, against: str | None) -> Figure:
    totals, previous = statistics.totals, statistics.previous
    change = relative_change(
        _number(totals.cost_usd), _number(previous.cost_usd if previous else None), more_is="worse"
    )
    unpriced = f"{count(totals.unpriced_runs)} unpriced" if totals.unpriced_runs else None
    runs = counted(totals.unpriced_runs, "run")
    made_up = money(totals.simulated_cost_usd) if totals.simulated_cost_usd else None
    tips = [
        "Real money of the calls whose price is known.",
        f"{runs} with a call whose price is unknown: that is missing here." if unpriced else "",
        f"Simulated models made up {made_up} more: no money was spent." if made_up else "",
    ]
    return Figure(
        label="Cost",
        value=money(totals.cost_usd),
        change=change,
        note=_note(change, against, None, otherwise=f"{made_up} simulated" if made_up else ""),
        warning=unpriced,
        bars=_bars(statistics, lambda t: _number(t.cost_usd)),
        tip="\n".join(tip for tip in tips if tip),
    )


def _tokens(statistics: RunStatistics) -> Figure:
    totals = statistics.totals
    known = [n for n in (totals.input_tokens, totals.output_tokens) if n is not None]
    cached = ""
    if totals.input_tokens and totals.cache_read_tokens is not None:
        share = totals.cache_read_tokens / totals.input_tokens
        cached = f"{share * 100:.0f} % of input cached"
    tip = f"{tokens(totals.input_tokens)} in, {tokens(totals.output_tokens)} out"
    return Figure(
        label="Tokens",
        value=tokens(sum(known)) if known else UNKNOWN,
        change=None,
        note=cached,
        warning=None,
        bars=_bars(statistics, _all_tokens),
        tip=tip if known else None,
    )


def _time(
    statistics: RunStatistics,
    against: str | None,
    label: str,
    measure: Measure,
    totals: RunTotals,
) -> Figure:
    previous = statistics.previous
    change = relative_change(
        measure(totals), measure(previous) if previous else None, more_is="worse"
    )
    return Figure(
        label=label,
        value=duration(measure(totals)),
        change=change,
        note=_note(change, against, None, otherwise=""),
        warning=None,
        bars=_bars(statistics, measure),
        tip="Of runs that ended and whose duration is known.",
    )


def _note(
    change: Change | None, against: str | None, previous: RunTotals | None, *, otherwise: str
) -> str:
    if change is not None and against is not None:
        return against
    if previous is not None and previous.runs == 0 and against is not None and not otherwise:
        return "none in the period before"
    return otherwise


def _tone(change: float, is_more: bool, more_is: Literal["better", "worse", "plain"]) -> Tone:
    if more_is == "plain" or abs(change) < MATTERS:
        return "plain"
    if is_more:
        return more_is
    return "better" if more_is == "worse" else "worse"


def _bars(statistics: RunStatistics, measure: Measure) -> tuple[float | None, ...]:
    values = [measure(bar) for bar in statistics.trend]
    return scaled(values)


def scaled(values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return values as shares of the largest."""
    largest = max((value for value in values if value is not None), default=0)
    if largest <= 0:
        return tuple(None if value is None else 0.0 for value in values)
    return tuple(None if value is None else value / largest for value in values)


def _share(totals: RunTotals) -> float | None:
    return totals.failed_runs / totals.runs if totals.runs else None


def _all_tokens(totals: RunTotals) -> float | None:
    if totals.input_tokens is None and totals.output_tokens is None:
        return None
    return (totals.input_tokens or 0) + (totals.output_tokens or 0)


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
