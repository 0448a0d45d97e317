"""How long the difference of two runs takes, without reading them from the store.

The bar: two runs of 200 steps in at most 300 ms. Run it: `python tests/benchmarks/bench_diff.py`.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from secondtake.evals.diffs.compare import diff_runs
from secondtake.evals.diffs.model import DiffInput, DiffSide, Step

BAR_MS: Final = 300
ROUNDS: Final = 7
VOCABULARY: Final = (
    "the heat pump moved three units of heat for each unit of power that it used in winter "
    "while a boiler needs more and the report found that insulation pays within nine years"
)


def prose(chance: random.Random, words: int) -> str:
    """Return text of about six characters a word, a sentence every ten words."""
    vocabulary = VOCABULARY.split()
    picked = [chance.choice(vocabulary) + str(chance.randrange(50)) for _ in range(words)]
    return " ".join(word + (".\n" if i % 10 == 9 else "") for i, word in enumerate(picked))


def made(steps: int, *, seed: int, changed: float) -> DiffInput:
    """Return a run of alternating LLM and tool calls.

    Args:
        steps: how many.
        seed: of what differs.
        changed: which share of the steps is not as in every other run.
    """
    common, own = random.Random(1), random.Random(seed)
    found: list[Step] = []
    for number in range(steps):
        differs = own.random() < changed
        chance = own if differs else common
        texts = prose(chance, 60)
        node = ("plan", "search", "write")[number // 2 % 3]
        facts: dict[str, Any] = {
            "span_id": f"{number}", "number": number // 2 + 1, "node": node, "duration_ms": 10.0,
        }  # fmt: skip
        if number % 2:
            arguments = {"query": texts[:60], "page": number, "filter": {"year": 2026}}
            result = [{"title": title, "score": 1} for title in texts.splitlines()]
            tool = chance.choice(["search", "fetch", "calculate"])
            found.append(Step(kind="tool", name=tool, arguments=arguments, answer=result, **facts))
            continue
        prompt = f"{number} {seed if differs else 0}"
        found.append(
            Step(
                kind="llm", name="sim/strong", answer=texts, model_hash="m", messages_hash=prompt,
                tools_hash="t", parameters_hash="p", cost_usd=Decimal("0.0012"), **facts,
            )
        )  # fmt: skip
    side = DiffSide(run_id=UUID(int=seed), short_id=str(seed), status="ok", cost_usd=Decimal(1))
    state = {"facts": [{"title": prose(own, 8), "number": number} for number in range(steps)]}
    return DiffInput(side=side, steps=found, output=prose(own, 500), state=state)


def median_ms(work: Callable[[], object]) -> float:
    """Return the median wall time of some rounds."""
    times = []
    for _ in range(ROUNDS):
        begun_s = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun_s) * 1000)
    return statistics.median(times)


def main() -> None:
    """Measure, and print one table."""
    lines = [f"{'difference of two runs':34}{'median ms':>12}{'bar':>8}"]
    for steps in (200, 1000, 5000):
        for changed, name in ((0.05, "5 % changed"), (0.5, "half changed"), (1.0, "all changed")):
            a, b = (made(steps, seed=seed, changed=changed) for seed in (2, 3))
            took_ms = median_ms(lambda a=a, b=b: diff_runs(a, b))  # type: ignore[misc]
            bar = f"≤ {BAR_MS}" if steps == 200 else ""
            lines.append(f"{f'{steps} steps, {name}':34}{took_ms:>12.1f}{bar:>8}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
