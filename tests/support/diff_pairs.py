"""Pairs of runs for tests of their difference."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from tests.support.seeding_shape import RunShape, Stamp

from secondtake.runner.events import MemoryChange, ReplayFinished
from secondtake.runner.journal import SegmentWriter

TICKET: Final = "Refund for order 48213, arrived broken"
_ANSWER_A: Final = "I am sorry about the broken shelf. I refund the full 84.90 EUR."
_ANSWER_B: Final = "I am sorry about the broken shelf. I can refund 49.00 EUR today."


def write_pair(home: Path, **first: Any) -> tuple[UUID, UUID]:
    """Write a run, and a replay of it with another model; both looked at the same order first.

    Args:
        home: where to.
        first: fields of the first run's end.
    """
    a, b = uuid4(), uuid4()
    _write(home, a, _refund("sim/strong", _ANSWER_A, "84.90 EUR", Decimal("0.0040")).finish(
        output=_ANSWER_A, **first))  # fmt: skip
    again = _refund("sim/weak", _ANSWER_B, "49.00 EUR", Decimal("0.0003"), source_run_id=a)
    again.add(ReplayFinished, replay_kind="full", source_run_id=a, llm_policy="auto",
              tool_policy="auto", overrides={"model": "sim/weak"}, verdict="diverged",
              live_calls=2, recorded_calls=2)  # fmt: skip
    _write(home, b, again.finish(output=_ANSWER_B))
    return a, b


def write_long_pair(home: Path, *, turns: int, changed_every: int) -> tuple[UUID, UUID]:
    """Write two runs of one LLM call and nine tool calls a turn, of which some LLM calls differ."""
    ids = uuid4(), uuid4()
    for run_id, answered in zip(ids, ("as it was", "otherwise"), strict=True):
        run = RunShape(name="long", workflow="long", inputs={"topic": "a long way"})
        root = run.begin("agent", span_kind="agent")
        run.say("user", "Go through all of it.")
        for number in range(turns):
            is_changed = number % changed_every == 1
            said = f"Part {number} is {answered if is_changed else 'done'}."
            run.ask(root, said, took_ms=3, input_tokens=20, output_tokens=4,
                    cost_usd=Decimal("0.00012"))  # fmt: skip
            for part in range(9):
                run.use(root, "read_part", took_ms=1, arguments={"part": 9 * number + part},
                        result="read")  # fmt: skip
        run.end(root)
        _write(home, run_id, run.finish(output=f"All parts are {answered}."))
    return ids


def _refund(model: str, answer: str, amount: str, cost_usd: Decimal, **started: Any) -> RunShape:
    run = RunShape(workflow="refund", inputs={"ticket": TICKET}, config={"model": model}, **started)
    root = run.begin("agent", span_kind="agent")
    run.say("system", "You answer customers of a shop.")
    run.say("user", TICKET)
    run.use(root, "read_order", took_ms=20, arguments={"order_id": "48213"},
            result={"order_id": "48213", "item": "shelf"})  # fmt: skip
    run.ask(root, "Second damaged delivery within 30 days.", took_ms=900, model=model,
            served_model=model, input_tokens=700, output_tokens=30, cost_usd=cost_usd)  # fmt: skip
    run.use(root, "refund_quote", took_ms=220, arguments={"order_id": "48213", "amount": amount},
            result={"amount": amount})  # fmt: skip
    if model == "sim/strong":
        run.use(root, "ask_colleague", took_ms=700, span_kind="other",
                arguments={"question": "May I refund this?"}, result="yes")  # fmt: skip
    run.ask(root, answer, took_ms=1200 if model == "sim/strong" else 400, model=model,
            served_model=model, input_tokens=900, output_tokens=40, cost_usd=cost_usd)  # fmt: skip
    run.add(MemoryChange, scope="state", operation="set", key="amount", value=amount)
    run.end(root)
    return run


def _write(home: Path, run_id: UUID, events: list[Any]) -> None:
    stamp = Stamp(events)
    with SegmentWriter(home, seal_age_s=None) as writer:
        started_at = datetime.now(UTC) - timedelta(minutes=30)
        writer.write_lines(stamp.lines(run_id, started_at, 1).splitlines(keepends=True))
