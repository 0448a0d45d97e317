"""How fast intact segments load, and what a span takes on disk.

Run it: `python tests/benchmarks/bench_loader.py [EVENTS]`.
"""

import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from secondtake.backend.loader import load_pending
from secondtake.backend.store.connection import open_store
from secondtake.runner.events import (
    BaseEvent,
    LlmCall,
    Message,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    ToolCall,
)
from secondtake.runner.hashing import message_id, new_run_id, new_span_id, value_hash
from secondtake.runner.home import database_path
from secondtake.runner.journal import SegmentWriter

EVENTS: Final = 200_000
RUNS_PER_SEGMENT: Final = 200
SPANS_PER_RUN: Final = 11
MESSAGE_CHARACTERS: Final = 1_500
TINY_SEGMENTS: Final = 4_000
BAR_EVENTS_PER_S: Final = 30_000
BAR_BYTES_PER_SPAN: Final = 400

VOCABULARY: Final = (
    "the of and a to in is that for it as was with be by on not he this are or his from at which "
    "but have an had they you were their one all we can her has there been if more when will "
    "would who so no heat pump boiler insulation temperature efficiency winter system radiator "
    "coefficient performance electricity carbon price grid demand house installation noise "
    "compressor refrigerant cycle exchanger floor heating subsidy market report study finds "
    "according researchers measured average increase decrease percent cost savings annual"
)


class Traces:
    """Makes runs of 11 spans: a root agent, 4 nodes, 3 LLM calls with new text, 3 tools."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self._words = VOCABULARY.split()
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def text(self, characters: int) -> str:
        """Return prose-like text that compresses about as text does."""
        words = self._random.choices(self._words, k=characters // 5)
        numbers = (str(self._random.randrange(100_000)) for _ in range(characters // 100))
        return " ".join([*words, *numbers])[:characters]

    def run(self, writer_id: str) -> Iterator[BaseEvent]:
        """Yield the events of one run in order."""
        run_id, root, at = new_run_id(), new_span_id(), self._tick()
        yield RunStarted(
            run_id=run_id, seq=0, recorded_at=at, name="research", writer_id=writer_id,
            workflow="research", workflow_hash=value_hash("research"), inputs={"topic": "heat"},
            config={"model": "sim/strong"}, started_at=at,
        )  # fmt: skip
        seq = 1
        parent: UUID | None = None
        for name in ("agent", "plan", "search", "write", "check"):
            span = root if name == "agent" else new_span_id()
            node: dict[str, Any] = {
                "run_id": run_id, "span_id": span, "node": name, "started_at": at, "visit": 1,
                "parent_span_id": None if name == "agent" else root, "node_path": f"{name}[1]",
                "node_kind": "llm", "span_kind": "agent" if name == "agent" else "node",
            }  # fmt: skip
            yield NodeStarted(seq=seq, recorded_at=at, **node)
            seq += 1
            if name in ("plan", "search", "write"):
                for event in self._calls(run_id, span, name, parent, seq):
                    if isinstance(event, Message):
                        parent = event.message_id
                    yield event
                    seq += 1
            at = self._tick()
            yield NodeFinished(seq=seq, recorded_at=at, ended_at=at, duration_ms=812.4,
                               self_ms=3.2, **node)  # fmt: skip
            seq += 1
        yield RunFinished(run_id=run_id, seq=seq, recorded_at=at, status="ok", ended_at=at,
                          output={"report": self.text(200)}, duration_ms=4012.7)  # fmt: skip

    def _calls(
        self, run_id: UUID, span: str, name: str, parent: UUID | None, seq: int
    ) -> Iterator[BaseEvent]:
        at = self._tick()
        path = f"{name}[1]"
        asked: dict[str, Any] = {"role": "user", "content": self.text(MESSAGE_CHARACTERS)}
        answered: dict[str, Any] = {"role": "assistant", "content": self.text(300)}
        ask_id = message_id(run_id, parent, asked)
        answer_id = message_id(run_id, ask_id, answered)
        llm = new_span_id()
        common: dict[str, Any] = {"run_id": run_id, "recorded_at": at, "node_path": path}
        yield Message(seq=seq, message_id=ask_id, parent_id=parent, depth=0, span_id=llm,
                      **common, **asked)  # fmt: skip
        yield Message(seq=seq + 1, message_id=answer_id, parent_id=ask_id, depth=1, span_id=llm,
                      **common, **answered)  # fmt: skip
        tokens_in, tokens_out = self._random.randrange(200, 900), self._random.randrange(20, 90)
        cost = Decimal(tokens_in * 3 + tokens_out * 15) / 1_000_000
        yield LlmCall(
            seq=seq + 2, span_id=llm, parent_span_id=span, provider="sim", model="sim/strong",
            served_model="sim/strong", parameters={"temperature": 0.2, "seed": 1},
            input_message_id=ask_id, output_message_ids=[answer_id], finish_reason="stop",
            stream=False, usage={"prompt_tokens": tokens_in, "completion_tokens": tokens_out},
            usage_convention="cached_included", input_tokens=tokens_in, output_tokens=tokens_out,
            uncached_input_tokens=tokens_in, cache_read_tokens=0, text_output_tokens=tokens_out,
            cost_usd=cost, cost_basis="price_book", price_snapshot="a" * 16,
            request_hash=value_hash(str(llm)), model_hash=value_hash("sim/strong"),
            messages_hash=value_hash(str(ask_id)), tools_hash=value_hash([]),
            parameters_hash=value_hash({}), simulated=True, started_at=at,
            ended_at=at + timedelta(seconds=0.7), duration_ms=700.1, **common,
        )  # fmt: skip
        yield ToolCall(
            seq=seq + 3, span_id=new_span_id(), parent_span_id=span, tool="search_text",
            arguments={"query": self.text(40)}, result=self.text(160), started_at=at,
            ended_at=at + timedelta(seconds=0.1), duration_ms=98.2,
            request_hash=value_hash(str(answer_id)), **common,
        )  # fmt: skip

    def _tick(self) -> datetime:
        self._now += timedelta(milliseconds=self._random.randrange(1, 900))
        return self._now


def write_journal(home: Path, *, runs: int, runs_per_segment: int) -> tuple[int, int]:
    """Write `runs` runs; return how many events and bytes they are."""
    traces = Traces()
    events = 0
    with SegmentWriter(home, seal_age_s=None) as writer:
        for number in range(1, runs + 1):
            made = list(traces.run(writer.writer_id))
            writer.write(*made)
            events += len(made)
            if number % runs_per_segment == 0:
                writer.seal()
    journal = home / "journal"
    return events, sum(path.stat().st_size for path in journal.glob("*.ndjson"))


def timed_load(home: Path) -> float:
    """Load everything that waits; return the seconds it took."""
    con = open_store(home)
    begun = time.perf_counter()
    report = load_pending(con, home)
    duration_s = time.perf_counter() - begun
    assert report.rows == report.lines, report
    con.execute("CHECKPOINT")
    con.close()
    return duration_s


def main() -> None:
    """Measure, and print one table."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    per_run = len(list(Traces().run("0" * 16)))
    runs = wanted // per_run
    rows: list[tuple[str, str, str]] = []
    folder = Path(tempfile.mkdtemp(prefix="bench-loader-"))
    try:
        made = folder / "made"
        events, size = write_journal(made, runs=runs, runs_per_segment=RUNS_PER_SEGMENT)
        seconds: list[float] = []
        on_disk = 0
        for attempt in range(3):
            home = folder / str(attempt)
            shutil.copytree(made, home)
            seconds.append(timed_load(home))
            on_disk = database_path(home).stat().st_size
        median_s = statistics.median(seconds)
        rows = [
            ("events/s, intact segments", f"{events / median_s:,.0f}", f"≥ {BAR_EVENTS_PER_S:,}"),
            ("MB/s of journal", f"{size / median_s / 1e6:,.1f}", ""),
            (
                "bytes on disk per span",
                f"{on_disk / (runs * SPANS_PER_RUN):,.0f}",
                f"≤ {BAR_BYTES_PER_SPAN}",
            ),
        ]
        tiny = folder / "tiny"
        events, _ = write_journal(tiny, runs=TINY_SEGMENTS, runs_per_segment=1)
        rate = events / timed_load(tiny)
        rows.append((f"events/s, {TINY_SEGMENTS:,} tiny segments", f"{rate:,.0f}", ""))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    title = f"loader, {runs * per_run:,} events"
    lines = [f"{name:38}{value:>10}{bar:>12}" for name, value, bar in [(title, "", "bar"), *rows]]
    sys.stdout.write("\n".join(lines) + "\n\n")


if __name__ == "__main__":
    main()
