"""Runs as a recorder would write them, for tests of what reads them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from secondtake.runner.events import (
    BaseEvent,
    LlmCall,
    MemoryChange,
    Message,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    Score,
    ToolCall,
)
from secondtake.runner.journal import SegmentWriter

STARTED_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def write_events(home: Path, *events: BaseEvent) -> None:
    """Write and seal one segment."""
    with SegmentWriter(home) as writer:
        writer.write(*events)


def write_run(home: Path, run_id: UUID | None = None, **fields: Any) -> UUID:
    """Write a run without calls; `fields` go to its beginning, `status` and the like to its end."""
    run_id = run_id or uuid4()
    write_events(home, *run_frame(run_id, (), **fields))
    return run_id


def run_frame(run_id: UUID, inner: Sequence[BaseEvent], **fields: Any) -> list[BaseEvent]:
    """Return the events of a run around those given."""
    ending = ("status", "output", "error_type", "error_message", "error_traceback", "duration_ms")
    end = {name: fields.pop(name) for name in ending if name in fields}
    begin: dict[str, Any] = {"name": "research", "started_at": STARTED_AT, **fields}
    at = begin["started_at"] or STARTED_AT
    return [
        RunStarted(run_id=run_id, seq=0, recorded_at=at, **begin),
        *inner,
        RunFinished(
            run_id=run_id,
            seq=len(inner) + 1,
            recorded_at=at,
            replayable="full",
            **{"status": "ok", "duration_ms": 3420.0, **end},
        ),
    ]


def write_research_run(home: Path, run_id: UUID | None = None, **fields: Any) -> UUID:
    """Write a run of two nodes: one asks a model, one calls a tool that fails."""
    run_id = run_id or uuid4()
    question, answer = uuid4(), uuid4()

    def common(seq: int) -> dict[str, Any]:
        return {"run_id": run_id, "seq": seq, "recorded_at": STARTED_AT + timedelta(seconds=seq)}

    def span(seq: int, name: str, parent: str | None, duration_ms: float) -> dict[str, Any]:
        at = STARTED_AT + timedelta(milliseconds=10 * seq)
        return {
            "span_id": name,
            "parent_span_id": parent,
            "started_at": at,
            "ended_at": at + timedelta(milliseconds=duration_ms),
            "duration_ms": duration_ms,
        }

    plan = {"node": "plan", "node_kind": "llm", "visit": 1, "node_path": "plan[1]"}
    look_up = {"node": "look_up", "node_kind": "tool", "visit": 1, "node_path": "look_up[1]"}
    failed = {"error_type": "ValueError", "error_message": "no such page"}
    inner: list[BaseEvent] = [
        MemoryChange(**common(1), scope="state", operation="init", key="notes", value=[]),
        NodeStarted(**common(2), **_begun(span(2, "node-a", None, 0)), **plan),
        Message(
            **common(3), message_id=question, depth=0, role="user", content="What is a heat pump?"
        ),
        Message(
            **common(4),
            message_id=answer,
            parent_id=question,
            depth=1,
            role="assistant",
            content="A fridge turned round.",
            span_id="call-a",
        ),
        LlmCall(
            **common(5),
            **span(3, "call-a", "node-a", 812.0),
            node_path="plan[1]",
            provider="sim",
            model="sim/strong",
            input_message_id=question,
            output_message_ids=[answer],
            input_tokens=9412,
            output_tokens=1200,
            cost_usd=Decimal("0.012345678"),
            cost_basis="price_book",
            simulated=True,
        ),
        MemoryChange(
            **common(6),
            scope="state",
            operation="append",
            key="notes",
            value=["a fridge"],
            span_id="node-a",
            node_path="plan[1]",
        ),
        NodeFinished(**common(7), **span(2, "node-a", None, 842.0), **plan, self_ms=30.0),
        NodeStarted(**common(8), **_begun(span(8, "node-b", None, 0)), **look_up),
        ToolCall(
            **common(9),
            **span(9, "tool-b", "node-b", 0.42),
            node_path="look_up[1]",
            tool="search_text",
            arguments={"pattern": "pump"},
            **failed,
        ),
        NodeFinished(**common(10), **span(8, "node-b", None, 1.0), **look_up, self_ms=0.5),
        Score(**common(11), evaluation_id=uuid4(), name="reward", score_value=1.0, scorer="test"),
    ]
    about = {"inputs": {"topic": "heat pumps"}, "output": {"answer": "A fridge turned round."}}
    write_events(home, *run_frame(run_id, inner, **{**about, **fields}))
    return run_id


def _begun(span: dict[str, Any]) -> dict[str, Any]:
    return {**span, "ended_at": None, "duration_ms": None}
