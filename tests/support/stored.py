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
    about: dict[str, Any] = {
        "inputs": {"topic": "heat pumps"},
        "output": {"answer": "A fridge turned round."},
    }
    inner = [*_planning(run_id), *_looking_up(run_id)]
    write_events(home, *run_frame(run_id, inner, **{**about, **fields}))
    return run_id


def _planning(run_id: UUID) -> list[BaseEvent]:
    question, answer = uuid4(), uuid4()
    node: dict[str, Any] = {
        "node": "plan",
        "node_kind": "llm",
        "visit": 1,
        "node_path": "plan[1]",
        **_span(2, "node-a", None, 842.0),
    }
    state: dict[str, Any] = {"scope": "state", "key": "notes"}
    return [
        MemoryChange(**_common(run_id, 1), **state, operation="init", value=[]),
        NodeStarted(**_common(run_id, 2), **_begun(node)),
        Message(
            **_common(run_id, 3),
            message_id=question,
            depth=0,
            role="user",
            content="What is a heat pump?",
        ),
        Message(
            **_common(run_id, 4),
            message_id=answer,
            parent_id=question,
            depth=1,
            role="assistant",
            content="A fridge turned round.",
            span_id="call-a",
        ),
        LlmCall(
            **_common(run_id, 5),
            **_span(3, "call-a", "node-a", 812.0),
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
            **_common(run_id, 6),
            **state,
            operation="append",
            value=["a fridge"],
            span_id="node-a",
            node_path="plan[1]",
        ),
        NodeFinished(**_common(run_id, 7), **node, self_ms=30.0),
    ]


def _looking_up(run_id: UUID) -> list[BaseEvent]:
    node: dict[str, Any] = {
        "node": "look_up",
        "node_kind": "tool",
        "visit": 1,
        "node_path": "look_up[1]",
        **_span(8, "node-b", None, 1.0),
    }
    return [
        NodeStarted(**_common(run_id, 8), **_begun(node)),
        ToolCall(
            **_common(run_id, 9),
            **_span(9, "tool-b", "node-b", 0.42),
            node_path="look_up[1]",
            tool="search_text",
            arguments={"pattern": "pump"},
            error_type="ValueError",
            error_message="no such page",
        ),
        NodeFinished(**_common(run_id, 10), **node, self_ms=0.5),
        Score(
            **_common(run_id, 11),
            evaluation_id=uuid4(),
            name="reward",
            score_value=1.0,
            scorer="test",
        ),
    ]


def _common(run_id: UUID, seq: int) -> dict[str, Any]:
    return {"run_id": run_id, "seq": seq, "recorded_at": STARTED_AT + timedelta(seconds=seq)}


def _span(seq: int, span_id: str, parent: str | None, duration_ms: float) -> dict[str, Any]:
    at = STARTED_AT + timedelta(milliseconds=10 * seq)
    return {
        "span_id": span_id,
        "parent_span_id": parent,
        "started_at": at,
        "ended_at": at + timedelta(milliseconds=duration_ms),
        "duration_ms": duration_ms,
    }


def _begun(span: dict[str, Any]) -> dict[str, Any]:
    return {**span, "ended_at": None, "duration_ms": None}
