"""What the runs of a model cost, how long they took, and what failed."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from statistics import median
from typing import Final

from secondtake.evals.comparisons.model import (
    ComparedRun,
    Failure,
    Latency,
    Spending,
    TokenUse,
)

P95_RUNS_MIN: Final = 20
"""With fewer runs one in twenty is no run at all."""
NANO_USD: Final = Decimal("1e-9")
UNKNOWN_FAILURE: Final = "unknown"


def spending_of(runs: Sequence[ComparedRun]) -> Spending:
    """Return what runs cost; unknown prices are counted and never taken for 0."""
    known = [run.cost_usd for run in runs if run.cost_usd is not None]
    whole = [
        run.cost_usd
        for run in runs
        if run.status == "ok" and run.cost_usd is not None and not run.unpriced_calls
    ]
    mean = sum(whole, Decimal(0)) / len(whole) if whole else None
    return Spending(
        total_usd=sum(known, Decimal(0)) if known else None,
        per_run_usd=None if mean is None else mean.quantize(NANO_USD, ROUND_HALF_EVEN),
        priced_runs=len(whole),
        unpriced_runs=sum(run.unpriced_calls > 0 for run in runs),
        unpriced_calls=sum(run.unpriced_calls for run in runs),
        simulated=any(run.simulated for run in runs),
    )


def latency_of(runs: Sequence[ComparedRun]) -> Latency | None:
    """Return how long the runs took that ended well; None when none did.

    The 95th percentile is by nearest rank: the smallest time that at least 95 % of the runs did
    not exceed (Hyndman and Fan 1996, definition 1).
    """
    times = sorted(
        run.duration_ms for run in runs if run.status == "ok" and run.duration_ms is not None
    )
    if not times:
        return None
    rank = -(-95 * len(times) // 100)
    return Latency(
        runs=len(times),
        p50_ms=median(times),
        min_ms=times[0],
        max_ms=times[-1],
        p95_ms=times[rank - 1] if len(times) >= P95_RUNS_MIN else None,
    )


def tokens_of(runs: Sequence[ComparedRun]) -> TokenUse:
    """Return how many tokens went in and came out, as far as is known."""
    given = [run.input_tokens for run in runs if run.input_tokens is not None]
    got = [run.output_tokens for run in runs if run.output_tokens is not None]
    return TokenUse(
        input_tokens=sum(given) if given else None,
        output_tokens=sum(got) if got else None,
        unknown_runs=sum(
            run.status == "ok" and None in (run.input_tokens, run.output_tokens) for run in runs
        ),
    )


def failures_of(runs: Sequence[ComparedRun]) -> list[Failure]:
    """Return what went wrong by kind, the most frequent first."""
    by_class: dict[str, list[ComparedRun]] = defaultdict(list)
    for run in runs:
        if run.status not in ("ok", "running"):
            by_class[run.error_class or run.status or UNKNOWN_FAILURE].append(run)
    return [
        Failure(
            error_class=name,
            count=len(failed),
            reason=failed[0].error or f"it ended as {failed[0].status}",
            run_id=failed[0].run_id,
        )
        for name, failed in sorted(by_class.items(), key=lambda each: (-len(each[1]), each[0]))
    ]
