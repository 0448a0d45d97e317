"""Many runs fast: a home with 200,000 spans, and one run of 5,000.

The runs have the shape that speeds are promised for: 11 spans, a root agent, four nodes, three LLM
calls with about 1.5 KB of text, three tool calls. They differ in workflow, model, status, cost,
time, tags, user and session, and lie evenly over the last thirty days.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from tests.support.seeding_shape import NUMBER, RunShape, Stamp, cost_of, run_id_at, write_stamped

from secondtake.runner.events import BaseEvent
from secondtake.runner.journal import SegmentWriter

SPANS: Final = 200_000
SPANS_PER_RUN: Final = 11
LARGE_RUN_SPANS: Final = 5_000
SHAPES: Final = 120
SPREAD: Final = timedelta(days=30)
RUNS_PER_SEGMENT: Final = 1_000
PROMPT_CHARS: Final = 1_500
ANSWER_CHARS: Final = 300

WORKFLOWS: Final = ("research", "support", "extraction", "triage", "summary", "onboarding")
MODELS: Final = (
    ("openai", "openai/gpt-4o", (3, 10)),
    ("openai", "openai/gpt-4o-mini", (1, 2)),
    ("anthropic", "anthropic/claude-sonnet-4", (3, 15)),
    ("sim", "sim/strong", (3, 15)),
    ("ollama", "ollama/llama3.2", (0, 0)),
    ("custom", "custom/unpriced", None),
)
TOPICS: Final = ("heat pumps", "insulation", "solar panels", "refunds", "a late parcel", "invoices")

_VOCABULARY: Final = (
    "the of and a to in is that for it as was with be by on not from at which but have an they "
    "were one all we can has there been if more when will would who so no heat pump boiler "
    "insulation temperature efficiency winter system radiator coefficient performance electricity "
    "carbon price grid demand house installation noise compressor refrigerant cycle exchanger "
    "floor heating subsidy market report study finds according researchers measured average "
    "increase decrease percent cost savings annual customer order parcel refund invoice address"
)
_WORDS: Final = _VOCABULARY.split()


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """What was written."""

    runs: int
    spans: int
    events: int
    large_run_id: UUID
    newest_run_id: UUID


def write_bulk(home: Path, *, spans: int = SPANS, now: datetime | None = None) -> Bulk:
    """Write the runs, and the large one a minute after the newest of them, into the journal."""
    now = now or datetime.now(UTC)
    chance = random.Random(7)
    stamps = [Stamp(_small_run(random.Random(seed))) for seed in range(SHAPES)]
    runs = spans // SPANS_PER_RUN
    events = 0
    run_id = UUID(int=0)
    with SegmentWriter(home, seal_age_s=None) as writer:
        for number in range(1, runs + 1):
            started_at = now - timedelta(minutes=2) - SPREAD * ((runs - number) / runs)
            run_id = run_id_at(started_at, chance)
            stamp = stamps[chance.randrange(SHAPES)]
            write_stamped(writer, stamp, run_id, started_at, number)
            events += stamp.event_count
            if number % RUNS_PER_SEGMENT == 0:
                writer.seal()
        large = Stamp(large_run(LARGE_RUN_SPANS))
        large_run_id = run_id_at(now - timedelta(minutes=1), chance)
        write_stamped(writer, large, large_run_id, now - timedelta(minutes=1), runs + 1)
    return Bulk(
        runs=runs + 1,
        spans=runs * SPANS_PER_RUN + LARGE_RUN_SPANS,
        events=events + large.event_count,
        large_run_id=large_run_id,
        newest_run_id=run_id,
    )


def large_run(spans: int) -> list[BaseEvent]:
    """Return a run of so many spans: a loop whose every turn asks a model and uses tools."""
    chance = random.Random(11)
    run = RunShape(name="long loop", workflow="support", inputs={"ticket": "a very long one"},
                   tags={"size": "large"})  # fmt: skip
    root = run.begin("agent", span_kind="agent")
    run.say("user", _text(chance, 600))
    visit = 0
    while run.span_count < spans:
        visit += 1
        node = run.begin("act", root, visit=visit, node_kind="agent", entered_from=["act"])
        for step in range(12):
            if run.span_count + 2 > spans:
                break
            usage = _usage(chance, (3, 15))
            run.ask(node, _text(chance, 160), took_ms=chance.uniform(200, 1400), **usage)
            run.use(node, ("search_text", "read_file")[step % 2], took_ms=chance.uniform(2, 90),
                    arguments={"query": _text(chance, 30)}, result=_text(chance, 120))  # fmt: skip
            run.pass_ms(1)
        if run.span_count + 1 == spans:
            run.use(node, "clock", took_ms=0.4, result="12:00")
        run.end(node)
    run.end(root)
    return run.finish(output={"answer": "done"})


def _small_run(chance: random.Random) -> list[BaseEvent]:
    """Return one of the shapes that small runs have: 11 spans."""
    workflow = chance.choice(WORKFLOWS)
    topic = chance.choice(TOPICS)
    provider, model, rates = chance.choice(MODELS)
    fate = chance.choices(("ok", "error", "cancelled"), weights=(90, 8, 2))[0]
    slow = chance.choice((0.3, 1.0, 1.0, 1.0, 6.0))
    about: dict[str, Any] = {
        "provider": provider, "model": model, "served_model": model,
        "simulated": provider == "sim", "cost_basis": None if rates is None else "price_book",
    }  # fmt: skip
    run = RunShape(
        name=workflow, workflow=workflow, workflow_hash="a" * 16,
        inputs={"topic": f"{topic} no. {NUMBER}"}, config={"model": model},
        session_id=f"session-{chance.randrange(400)}", user_id=f"user-{chance.randrange(60)}",
        tags={"team": chance.choice(("search", "support", "growth")), "env": "prod"},
    )  # fmt: skip
    root = run.begin("agent", span_kind="agent")
    for name in ("plan", "search", "write", "check"):
        node = run.begin(name, root, node_kind="llm" if name != "check" else "python")
        run.pass_ms(chance.uniform(1, 30))
        if name != "check":
            run.say("user", f"{topic} {NUMBER}: " + _text(chance, PROMPT_CHARS))
            took_ms = slow * chance.uniform(200, 2500)
            run.ask(node, _text(chance, ANSWER_CHARS), took_ms=took_ms, **_usage(chance, rates),
                    **about)  # fmt: skip
            failed = fate == "error" and name == "write"
            end: dict[str, Any] = (
                {"error_type": "TimeoutError", "error_message": "no answer within 30 s"}
                if failed
                else {"result": _text(chance, 160)}
            )
            run.use(node, "search_text", took_ms=slow * chance.uniform(1, 400),
                    arguments={"query": _text(chance, 40)}, **end)  # fmt: skip
        run.end(node)
    run.end(root)
    run.score("reward", float(fate == "ok"))
    if fate == "ok":
        return run.finish(output={"report": f"{topic} {NUMBER}: " + _text(chance, 200)})
    return run.finish(
        status=fate, output=None, error_type="TimeoutError" if fate == "error" else None,
        error_message=f"search_text: no answer within 30 s ({NUMBER})" if fate == "error" else None,
        error_traceback='Traceback (most recent call last):\n  File "agent.py", line 12, in search\n'
        "TimeoutError: no answer within 30 s" if fate == "error" else None,
    )  # fmt: skip


def _usage(chance: random.Random, rates: tuple[int, int] | None) -> dict[str, Any]:
    tokens_in, tokens_out = chance.randrange(200, 4000), chance.randrange(20, 600)
    cost_usd = None if rates is None else cost_of(tokens_in, tokens_out, usd_per_million=rates)
    return {
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "uncached_input_tokens": tokens_in,
        "cache_read_tokens": 0,
        "text_output_tokens": tokens_out,
        "usage": {"prompt_tokens": tokens_in, "completion_tokens": tokens_out},
        "usage_convention": "cached_included",
        "cost_usd": cost_usd,
    }


def _text(chance: random.Random, characters: int) -> str:
    """Return prose-like text that compresses about as text does."""
    words = chance.choices(_WORDS, k=characters // 5)
    numbers = [str(chance.randrange(100_000)) for _ in range(characters // 100)]
    return " ".join([*words, *numbers])[:characters]
