"""What a run may use up, and what it has used up so far."""

import contextlib
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from decimal import Decimal

from secondtake.runner.errors import BudgetExceeded


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one run; None is no limit."""

    usd: Decimal | None = None
    tokens: int | None = None
    """Input and output together."""
    seconds: float | None = None
    calls: int | None = None
    """LLM calls, each attempt counted."""


@dataclass(kw_only=True)
class Totals:
    """What a run has used up, from what its calls reported."""

    llm_calls: int = 0
    tool_calls: int = 0
    input_tokens: int | None = None
    """None until a call reports its usage."""
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    """None until a call has a known cost."""
    avoided_cost_usd: Decimal | None = None
    """What answers out of a recording would have cost."""
    unpriced_calls: int = 0
    simulated: bool = False


class Meter:
    """Counts what a run uses up; safe for use by many threads."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.totals = Totals()
        self.is_lenient = False
        """True while a replay keeps to its source: what was within the limits there is so here,
        though parallel branches may use them up in another order."""
        self._lock = threading.RLock()
        self._started_s = time.monotonic()
        self._waits = 0
        self._paused_at_s = 0.0

    def begin_llm_call(self) -> None:
        """Count a call that is about to be made.

        Raises:
            BudgetExceeded: a limit is used up; the call must not be made.
        """
        with self._lock:
            self.check()
            self.totals.llm_calls += 1

    def check(self) -> None:
        """Raise `BudgetExceeded` when a limit is used up."""
        if not self.is_lenient:
            self.check_amounts()
        remaining_s = self.remaining_s()
        if remaining_s is not None and remaining_s <= 0:
            raise BudgetExceeded(
                f"the limit of {self.limits.seconds} seconds is used up; raise limits.seconds"
            )

    def check_amounts(self, *, but_calls: int = 0) -> None:
        """Raise `BudgetExceeded` when a limit other than that of time is used up.

        `but_calls` of the LLM calls that were counted do not count.
        """
        limits, totals = self.limits, self.totals
        if limits.calls is not None and totals.llm_calls - but_calls >= limits.calls:
            raise BudgetExceeded(
                f"the limit of {limits.calls} calls is used up; raise limits.calls"
            )
        # What a replay was answered for free counts too: it must stop where its source did.
        spent = (totals.cost_usd or Decimal(0)) + (totals.avoided_cost_usd or Decimal(0))
        if limits.usd is not None and spent >= limits.usd:
            raise BudgetExceeded(
                f"the limit of ${limits.usd} is used up (${spent}); raise limits.usd"
            )
        used = (totals.input_tokens or 0) + (totals.output_tokens or 0)
        if limits.tokens is not None and used >= limits.tokens:
            raise BudgetExceeded(
                f"the limit of {limits.tokens} tokens is used up ({used}); raise limits.tokens"
            )

    def remaining_s(self) -> float | None:
        """Return how many seconds are left, None without such a limit."""
        if self.limits.seconds is None:
            return None
        with self._lock:
            now_s = self._paused_at_s if self._waits else time.monotonic()
            return self.limits.seconds - (now_s - self._started_s)

    @contextlib.contextmanager
    def paused(self) -> Generator[None]:
        """Let no time pass for the limit of seconds: the run waits for a person."""
        with self._lock:
            if self._waits == 0:
                self._paused_at_s = time.monotonic()
            self._waits += 1
        try:
            yield
        finally:
            with self._lock:
                self._waits -= 1
                if self._waits == 0:
                    self._started_s += time.monotonic() - self._paused_at_s

    def end_llm_call(
        self,
        *,
        input_tokens: int | None,
        output_tokens: int | None,
        cost_usd: Decimal | None,
        failed: bool,
        simulated: bool,
        avoided_cost_usd: Decimal | None = None,
    ) -> None:
        """Add what a call used; None is unknown and adds nothing."""
        with self._lock:
            totals = self.totals
            if input_tokens is not None:
                totals.input_tokens = (totals.input_tokens or 0) + input_tokens
            if output_tokens is not None:
                totals.output_tokens = (totals.output_tokens or 0) + output_tokens
            if cost_usd is not None:
                totals.cost_usd = (totals.cost_usd or Decimal(0)) + cost_usd
            elif not failed:
                totals.unpriced_calls += 1
            if avoided_cost_usd is not None:
                totals.avoided_cost_usd = (totals.avoided_cost_usd or Decimal(0)) + avoided_cost_usd
            totals.simulated = totals.simulated or simulated

    def end_tool_call(self, cost_usd: Decimal | None = None) -> None:
        """Count a tool call, and its price where it has one."""
        with self._lock:
            self.totals.tool_calls += 1
            if cost_usd is not None:
                self.totals.cost_usd = (self.totals.cost_usd or Decimal(0)) + cost_usd
