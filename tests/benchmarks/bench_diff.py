"""How long the difference of two runs takes, without reading them from the store.

The bar: two runs of 200 steps in at most 300 ms. Of conversations, in which each call is sent all
that was said before, the steps and the configuration are made from the rows as well; the last
column is the time beside that of half the calls: 2 is linear, 4 is the square of the length.
Run it: `python tests/benchmarks/bench_diff.py`.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from secondtake.backend.models.records import LlmCallRow, MessageRow
from secondtake.backend.models.runs import RunFacts
from secondtake.backend.services.diff_sides import configuration_of
from secondtake.backend.services.diff_steps import Calls, steps_of
from secondtake.evals.diffs.compare import diff_runs
from secondtake.evals.diffs.model import DiffInput, DiffSide, RunDiff, Step

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


def conversation(turns: int, *, seed: int) -> Calls:
    """Return a conversation of one call a turn, whose second half is only its own."""
    run_id = UUID(int=seed)
    messages: list[MessageRow] = []

    def say(role: str, text: str) -> UUID:
        parent_id = messages[-1].message_id if messages else None
        message_id = UUID(int=(seed << 64) + len(messages))
        messages.append(MessageRow(
            run_id=run_id, message_id=message_id, parent_id=parent_id, role=role, content=text
        ))  # fmt: skip
        return message_id

    say("system", "You are a helpful agent.")
    calls: list[LlmCallRow] = []
    for turn in range(turns):
        chance = random.Random(turn if turn < turns // 2 else turn * 1000 + seed)
        asked = say("user", prose(chance, 10))
        answered = say("assistant", prose(chance, 60))
        calls.append(LlmCallRow(
            run_id=run_id, seq=turn, span_id=f"{turn}", model="sim/strong", input_message_id=asked,
            output_message_ids=[answered], parameters={"temperature": 0.2}, model_hash="m",
            messages_hash=f"{turn} {seed if turn > turns // 2 else 0}",
        ))  # fmt: skip
    rows = {message.message_id: message for message in messages}
    return Calls(llm_calls=calls, tool_calls=[], messages=rows)


def compare_conversations(a: Calls, b: Calls) -> RunDiff:
    """Return the difference of two conversations, beginning with their rows."""
    sides = []
    for number, calls in enumerate((a, b)):
        facts = {**dict.fromkeys(RunFacts.model_fields), "run_id": UUID(int=number), "status": "ok"}
        run = RunFacts(**{**facts, "short_id": f"{number}", "recording_faults": 0})
        side = DiffSide(run_id=run.run_id, short_id=run.short_id, status="ok")
        configuration = configuration_of(run, calls, [], None)
        sides.append(DiffInput(side=side, steps=steps_of(calls), configuration=configuration))
    return diff_runs(*sides)


def conversation_lines() -> Iterator[str]:
    """Yield how long conversations take, each beside one of half as many calls."""
    before_ms = None
    for turns in (625, 1250, 2500):
        a, b = (conversation(turns, seed=seed) for seed in (2, 3))
        took_ms = median_ms(lambda a=a, b=b: compare_conversations(a, b))  # type: ignore[misc]
        ratio = "" if before_ms is None else f"x {took_ms / before_ms:.1f}"
        before_ms = took_ms
        yield f"{f'conversation of {turns:,} calls':34}{took_ms:>12.1f}{ratio:>8}"


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
    lines += conversation_lines()
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
