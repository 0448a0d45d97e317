"""What the simulated models differ in, and the dice that decide when a model slips.

All chance comes from SHA-256 over the request, so the same request has the same answer in
every process and on every platform. At temperature 0 (or none given) the seed is ignored and
each model gives its one best answer. Above 0 the dice also see temperature and seed: a repeat
that should differ must vary the seed; without one, a repeat gives the same words.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Skill:
    """How good and how quick a simulated model is."""

    name: str
    lapse: float
    """Share of the choices (a sentence, a number, a label, a tool) that go wrong."""
    invalid_json: float
    """Share of first structured answers that break their schema; a repair never does."""
    search_limit: int
    """Searches that it spends on one question."""
    read_limit: int
    """Files that it reads for one question."""
    evidence_limit: int
    """Sentences that it draws on in an answer."""
    reasoning_share: float
    """Hidden reasoning tokens for each visible output token."""
    first_token_ms: float
    prompt_token_ms: float
    token_ms: float


SKILLS: Final = {
    "strong": Skill(
        name="strong", lapse=0.0, invalid_json=0.0, search_limit=3, read_limit=2,
        evidence_limit=5, reasoning_share=0.4, first_token_ms=320.0, prompt_token_ms=0.03,
        token_ms=6.0,
    ),
    "fast": Skill(
        name="fast", lapse=0.18, invalid_json=0.06, search_limit=2, read_limit=1,
        evidence_limit=3, reasoning_share=0.0, first_token_ms=90.0, prompt_token_ms=0.01,
        token_ms=1.8,
    ),
    "weak": Skill(
        name="weak", lapse=0.45, invalid_json=0.4, search_limit=3, read_limit=1,
        evidence_limit=2, reasoning_share=0.0, first_token_ms=140.0, prompt_token_ms=0.01,
        token_ms=3.0,
    ),
}  # fmt: skip
"""The simulated models, by the name after `sim/`."""


class Dice:
    """Reproducible chance for one request; each question asked of it has a label of its own."""

    def __init__(self, key: str, *, skill: Skill, temperature: float = 0.0) -> None:
        self.key = key
        self.skill = skill
        self.temperature = temperature

    def share(self, label: str) -> float:
        """Return a number in [0, 1) that depends on the request and `label` alone."""
        digest = hashlib.sha256(f"{self.key}/{label}".encode()).digest()
        return int.from_bytes(digest[:7], "big") / 2**56

    def happens(self, label: str, probability: float) -> bool:
        """Return True in a share `probability` of all requests."""
        return self.share(label) < probability

    def lapses(self, label: str, *, weight: float = 1.0) -> bool:
        """Return True when the model gets this choice wrong.

        A higher temperature makes slips likelier: by 2 in 100 at temperature 1.
        """
        probability = (self.skill.lapse + 0.02 * self.temperature) * weight
        return self.happens(f"lapse/{label}", min(probability, 0.95))

    def pick(self, label: str, options: Sequence[T]) -> T:
        """Return the first option at temperature 0, else one that the seed chooses.

        The hotter, the further down the list: at temperature 1 all are equally likely.
        """
        if self.temperature <= 0:
            return options[0]
        reach = max(1, round(len(options) * min(self.temperature, 1.0) + 0.499))
        return options[int(self.share(label) * min(reach, len(options)))]
