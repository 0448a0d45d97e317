"""When to try again, with which model, and after how long."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from secondtake.runner.calls import LlmFailure

RETRYABLE: Final = frozenset({"connection", "rate_limit", "server", "timeout"})
"""Classes of failure that another attempt may not have."""
SLICE_S: Final = 0.1
"""How long a wait goes on before it looks whether the run was stopped."""


@dataclass(frozen=True, kw_only=True)
class CallPolicy:
    """How a node asks a model."""

    retries: int = 2
    """Further attempts with the same model after a failure that may pass."""
    backoff_s: float = 0.5
    """Longest wait before the first retry; doubles with each further one."""
    max_backoff_s: float = 30.0
    max_retry_after_s: float = 120.0
    """Longest wait that a provider's Retry-After is obeyed for."""
    timeout_s: float = 600.0
    """Longest time for one attempt, its stream included."""
    fallback_models: Sequence[str] = ()
    """Models to ask, in order, when all attempts with the one before them failed."""
    api_base: str | None = None
    """Where the provider is, when not at its usual address. Together with `api_key` it is
    given to the provider of the first model alone."""
    api_key: str | None = field(default=None, repr=False)
    repeats_recorded: bool = True
    """Whether a failure out of a recording is followed by the next attempt, as a live one is;
    False where each recorded attempt is asked for by itself."""
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    """Uniform in [0, 1)."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """The next attempt."""

    model: str
    attempt: int
    """1 for the first of the whole call, fallback models included."""
    delay_s: float


class RetryPlan:
    """Decides what follows a failed attempt.

    Retries with exponential back-off and full jitter: a wait is uniform between 0 and the current
    bound, so that many clients do not come back together. Retry-After is a lower bound.
    """

    def __init__(self, model: str, policy: CallPolicy) -> None:
        self._policy = policy
        self._models = [model, *policy.fallback_models]
        self._failures = 0
        """Of the current model."""
        self.step = Step(model=model, attempt=1, delay_s=0.0)

    def after(self, failure: LlmFailure | None) -> Step | None:
        """Return the step after a failure; None when nothing is left to try.

        Args:
            failure: what is known; None for an exception that no provider caused, e.g. a fault
                in the program, which no other attempt would mend.
        """
        if failure is None:
            return None
        self._failures += 1
        if failure.error_class in RETRYABLE and self._failures <= self._policy.retries:
            return self._advance(self._models[0], self._delay_s(failure))
        if len(self._models) == 1:
            return None
        self._models.pop(0)
        self._failures = 0
        return self._advance(self._models[0], 0.0)

    def _advance(self, model: str, delay_s: float) -> Step:
        self.step = Step(model=model, attempt=self.step.attempt + 1, delay_s=delay_s)
        return self.step

    def _delay_s(self, failure: LlmFailure) -> float:
        policy = self._policy
        # The exponent is bounded because 2.0 ** 1024 overflows.
        bound = min(policy.backoff_s * 2.0 ** min(self._failures - 1, 60), policy.max_backoff_s)
        jitter = policy.random() * bound
        asked = min(failure.retry_after_s or 0.0, policy.max_retry_after_s)
        return asked + jitter if asked else jitter


def wait(delay_s: float, *, sleep: Callable[[float], None], check: Callable[[], None]) -> None:
    """Wait in slices, calling `check` before each; what it raises ends the wait."""
    left_s = delay_s
    while left_s > 0:
        check()
        piece = min(left_s, SLICE_S)
        sleep(piece)
        left_s -= piece
    check()
