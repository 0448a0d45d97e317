"""The sentence above a comparison: who agrees with the baseline, at what price, and who failed."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from secondtake.evals.comparisons.model import (
    ComparedModel,
    ComparisonStatus,
    Latency,
    Share,
    Spending,
)
from secondtake.evals.diffs.wording import clipped, counted, dollars, duration, joined

MODELS_NAMED: Final = 4
NOTABLE_SHARE: Final = Decimal("0.01")
"""Smaller differences of money are not worth a word."""
RUNS_TIMED_MIN: Final = 3
"""Below that nothing is said about who is faster."""


def verdict_of(
    rows: Sequence[ComparedModel],
    *,
    status: ComparisonStatus,
    ended: int,
    planned: int | None,
) -> str:
    """Return what came of a comparison, in one or two sentences.

    Args:
        rows: the table, the baseline first.
        status: of the whole.
        ended: runs that have ended.
        planned: runs that there are to be; None when nobody said.
    """
    parts = [f"{'; '.join(_clauses(rows))}."]
    if status != "ended" and planned is not None:
        words = "so far" if status == "running" else "in all, the others never ended"
        parts.append(f"{ended:,} of {counted(planned, 'run')} ended {words}.")
    return " ".join(parts)


def _clauses(rows: Sequence[ComparedModel]) -> Iterator[str]:
    baseline, others = rows[0], rows[1:]
    if not any(row.ok or row.failed for row in rows):
        yield "No run has ended by itself yet"
        return
    if not others or not baseline.ok:
        yield _alone(baseline)
    for row in others[:MODELS_NAMED]:
        yield _alone(row) if not (row.ok and baseline.ok) else _against(row, baseline)
    if len(others) > MODELS_NAMED:
        yield f"{counted(len(others) - MODELS_NAMED, 'further model')} in the table"


def _alone(row: ComparedModel) -> str:
    """Return what is to be said of a model without another one."""
    name = clipped(row.model)
    if not row.ok and not row.failed:
        return f"{name} has not ended a run"  # what was cancelled tells nothing of it
    if not row.ok:
        first = row.failures[0].error_class
        how_many = "its only run" if row.failed == 1 else f"all {row.failed:,} runs"
        return f"{name} failed in {how_many} ({clipped(first)})"
    parts = [f"{name} ended {counted(row.ok, 'run')} well{_failed(row)}"]
    if row.same_as_itself is not None:
        share = row.same_as_itself
        parts.append(f"gave its usual answer in {share.count:,} of {share.of:,} runs")
    if row.spending.per_run_usd is not None:
        parts.append(f"costs {dollars(row.spending.per_run_usd)} a run{_simulated(row.spending)}")
    return joined(parts)


def _against(row: ComparedModel, baseline: ComparedModel) -> str:
    parts: list[str] = []
    if row.same_as_baseline is not None:
        parts.append(_likeness(row.same_as_baseline, clipped(baseline.model)))
    gains = [*_money(row.spending, baseline.spending), *_time(row.latency, baseline.latency)]
    if gains:
        parts.append(f"is {joined(gains)}")
    if not parts:
        parts.append(f"ended {counted(row.ok, 'run')} well")
    return f"{clipped(row.model)} {joined(parts)}{_failed(row)}"


def _likeness(share: Share, baseline: str) -> str:
    if share.of == 1:
        return f"answers as {baseline}" if share.count else f"answers otherwise than {baseline}"
    return f"answers as {baseline} in {share.count:,} of {share.of:,} runs"


def _failed(row: ComparedModel) -> str:
    if not row.failed:
        return ""
    return f" and failed in {row.failed:,} of {counted(row.ok + row.failed, 'run')}"


def _simulated(spending: Spending) -> str:
    return ", simulated" if spending.simulated else ""


def _money(spending: Spending, baseline: Spending) -> Iterator[str]:
    mine, its = spending.per_run_usd, baseline.per_run_usd
    if mine is None or its is None or its == 0:
        return
    share = (mine - its) / its
    if abs(share) < NOTABLE_SHARE:
        return
    note = " at simulated prices" if spending.simulated or baseline.simulated else ""
    if share >= 1:
        times = (1 + share).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
        yield f"{times:,f} times as expensive{note}"
        return
    percent = (abs(share) * 100).quantize(Decimal(1), ROUND_HALF_EVEN)
    size = "over 99" if percent == 100 and share > -1 else f"{percent:f}"
    yield f"{size} % {'cheaper' if share < 0 else 'more expensive'}{note}"


def _time(mine: Latency | None, its: Latency | None) -> Iterator[str]:
    """Yield who is faster where each run of the one was faster than each run of the other."""
    if mine is None or its is None or min(mine.runs, its.runs) < RUNS_TIMED_MIN:
        return
    change_ms = mine.p50_ms - its.p50_ms
    if mine.max_ms < its.min_ms:
        yield f"{duration(-change_ms)} faster at the median"
    elif mine.min_ms > its.max_ms:
        yield f"{duration(change_ms)} slower at the median"
