"""Rows of megabytes among ordinary ones: neither takes memory for the other."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from tests.support.stored import STARTED_AT, run_frame, write_events

from secondtake.backend.loader import load_pending
from secondtake.backend.services.runs import get_run, run_spans
from secondtake.backend.store.connection import open_store
from secondtake.runner.events import BaseEvent, LlmCall, ToolCall

WIDE: Final = 1_000_000
CALLS: Final = 1_500
MEMORY: Final = "150MB"


def calls(run_id: UUID, number: int, **fields: Any) -> list[BaseEvent]:
    at: dict[str, Any] = {"run_id": run_id, "recorded_at": STARTED_AT}
    return [
        event
        for place in range(number)
        for event in (
            LlmCall(**at, seq=2 * place + 1, span_id=f"m{place}", **fields),
            ToolCall(**at, seq=2 * place + 2, span_id=f"t{place}", tool="x", **fields),
        )
    ]


def test_a_row_of_megabytes_does_not_cost_its_neighbours(home: Path) -> None:
    wide, plain, later = uuid4(), uuid4(), uuid4()
    text = "x" * WIDE
    con = open_store(home, memory_limit=MEMORY)
    try:
        long = calls(wide, 1, node_path=text, error_message=text, error_type=text)
        write_events(home, *run_frame(wide, long), *run_frame(plain, calls(plain, CALLS)))
        load_pending(con, home)
        write_events(home, *run_frame(later, [], started_at=STARTED_AT + timedelta(hours=1)))
        load_pending(con, home)
        con.execute("CHECKPOINT")
        for run_id, number in ((wide, 1), (plain, CALLS), (later, 0)):
            assert len(get_run(con, str(run_id), max_chars=1000).llm_calls) == number
            assert len(run_spans(con, str(run_id)).spans) == 2 * number
        totals = con.execute("SELECT sum(llm_call_count) FROM runs").fetchone()
        assert totals == (CALLS + 1,)
    finally:
        con.close()
