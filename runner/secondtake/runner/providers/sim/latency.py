"""How long a simulated model takes: a wait for the first token, then a delay for each.

Switched off by `SECONDTAKE_SIM_LATENCY=off`, which `provider.register` reads. A wait is cut
into slices of at most 50 ms, so that a signal or a cancelled task ends it at once.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from secondtake.runner.providers.sim.brain import Answer
from secondtake.runner.providers.sim.skill import SKILLS, Dice

SLICE_S: Final = 0.05
JITTER: Final = 0.15
"""A request is up to this share quicker or slower than the model's mean."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """The time that one answer takes."""

    first_token_s: float
    token_s: float

    def total_s(self, tokens: int) -> float:
        """Return how long an answer of `tokens` tokens takes when it is not streamed."""
        return self.first_token_s + tokens * self.token_s


NONE: Final = Latency(first_token_s=0.0, token_s=0.0)


def latency_of(model: str, answer: Answer) -> Latency:
    """Return the latency of an answer, the same for the same request.

    Hidden reasoning delays the first token.
    """
    skill = SKILLS[model]
    jitter = 1.0 + JITTER * (2 * Dice(answer.response_id, skill=skill).share("latency") - 1)
    token_ms = skill.token_ms * jitter
    first_ms = (
        skill.first_token_ms * jitter
        + skill.prompt_token_ms * answer.prompt_tokens
        + token_ms * answer.reasoning_tokens
    )
    return Latency(first_token_s=first_ms / 1000, token_s=token_ms / 1000)


def wait(seconds: float) -> None:
    """Sleep for that long, in slices."""
    for slice_s in _slices(seconds):
        time.sleep(slice_s)


async def wait_async(seconds: float) -> None:
    """Sleep for that long without holding up the event loop."""
    if seconds > 0:
        await asyncio.sleep(seconds)


def _slices(seconds: float) -> Iterator[float]:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        yield min(left, SLICE_S)
