"""Makes journals for the loader's tests: intact ones by the real writer, others by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from duckdb import DuckDBPyConnection

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
from secondtake.runner.hashing import derived_uuid, new_run_id
from secondtake.runner.home import journal_folder, rejected_folder
from secondtake.runner.journal import SegmentWriter, encode

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HEADER = {"kind": "segment", "format": 1, "schema_version": 1, "segment": "s", "writer_id": "w"}


def later(seconds: float) -> datetime:
    """Return a time after `AT`."""
    return AT + timedelta(seconds=seconds)


def started(run_id: UUID, **fields: Any) -> RunStarted:
    """Return the start of a run."""
    fields = {"name": "weather", "recorded_at": AT, "started_at": AT, "seq": 0} | fields
    return RunStarted(run_id=run_id, **fields)


def finished(run_id: UUID, **fields: Any) -> RunFinished:
    """Return the end of a run."""
    fields = {"status": "ok", "recorded_at": later(9), "ended_at": later(9), "seq": 99} | fields
    return RunFinished(run_id=run_id, **fields)


def llm_call(run_id: UUID, span_id: str = "llm-1", **fields: Any) -> LlmCall:
    """Return a priced LLM call."""
    known = {
        "recorded_at": later(2), "started_at": later(1), "ended_at": later(2), "model": "m",
        "provider": "p", "input_tokens": 10, "output_tokens": 5, "cost_usd": Decimal("0.000000125"),
        "node_path": "plan[1]", "served_from": "live",
    }  # fmt: skip
    return LlmCall(run_id=run_id, span_id=span_id, **(known | fields))


def tool_call(run_id: UUID, span_id: str = "tool-1", **fields: Any) -> ToolCall:
    """Return a tool call."""
    fields = {"recorded_at": later(3), "tool": "calculator", "result": 2} | fields
    return ToolCall(run_id=run_id, span_id=span_id, **fields)


def message(run_id: UUID, content: str, **fields: Any) -> Message:
    """Return a user's message."""
    fields = {"recorded_at": later(1), "depth": 0, "role": "user"} | fields
    identity = derived_uuid(str(run_id), content)
    return Message(run_id=run_id, message_id=identity, content=content, **fields)


def node(run_id: UUID, span_id: str = "node-1") -> tuple[NodeStarted, NodeFinished]:
    """Return the two halves of a node."""
    fields: dict[str, Any] = {"run_id": run_id, "span_id": span_id, "node": "plan"}
    fields |= {"node_path": "plan[1]", "started_at": AT, "visit": 1}
    return (
        NodeStarted(seq=1, recorded_at=AT, **fields),
        NodeFinished(seq=5, recorded_at=later(4), ended_at=later(4), duration_ms=4000.0, **fields),
    )


def whole_run(run_id: UUID | None = None, **fields: Any) -> list[BaseEvent]:
    """Return a run with a node, an LLM call, a tool call and two messages: 8 events, 6 rows."""
    run_id = run_id or new_run_id()
    begin, end = node(run_id)
    return [
        started(run_id, **fields), begin, message(run_id, "What is 1+1?"),
        message(run_id, "Two", role="assistant", depth=1), llm_call(run_id), tool_call(run_id),
        end, finished(run_id),
    ]  # fmt: skip


def write_sealed(home: Path, events: Sequence[BaseEvent]) -> Path:
    """Write one intact segment with the real writer; return its path."""
    with SegmentWriter(home, seal_age_s=None) as writer:
        writer.write(*events)
        name = f"{writer.writer_id}-1.ndjson"
    return journal_folder(home) / name


def write_raw(home: Path, data: bytes, name: str = "foreign-1.ndjson") -> Path:
    """Write the bytes of a segment."""
    path = journal_folder(home) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def write_foreign(
    home: Path, lines: Sequence[bytes | BaseEvent], name: str = "foreign-1.ndjson", **header: Any
) -> Path:
    """Write a segment with a header and no seal."""
    first = orjson.dumps(HEADER | {"segment": name.removesuffix(".ndjson")} | header) + b"\n"
    rest = (encode(line) if isinstance(line, BaseEvent) else line for line in lines)
    return write_raw(home, first + b"".join(rest), name)


def changed(event: BaseEvent, **fields: Any) -> bytes:
    """Return the line of an event with some fields replaced by any JSON value."""
    return orjson.dumps(orjson.loads(encode(event)) | fields) + b"\n"


def rejected(home: Path, name: str = "foreign-1.ndjson") -> list[dict[str, Any]]:
    """Return the rejected lines of a segment."""
    path = rejected_folder(home) / name
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def rows(con: DuckDBPyConnection, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    return con.execute(sql, list(parameters)).fetchall()


def one(con: DuckDBPyConnection, sql: str, *parameters: Any) -> Any:
    """Return the only value of a query."""
    ((value,),) = rows(con, sql, *parameters)
    return value


ALL_COUNTS = """
    SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM node_timings),
           (SELECT count(*) FROM llm_calls), (SELECT count(*) FROM tool_calls),
           (SELECT count(*) FROM messages)
"""
