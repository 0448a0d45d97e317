"""Texts of megabytes: runs are read without them, and they are read in pieces."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from duckdb import DuckDBPyConnection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.stored import STARTED_AT, run_frame, write_events, write_research_run

from secondtake.backend.errors import NotFoundError
from secondtake.backend.loader import load_pending
from secondtake.backend.models.runs import StateQuery, TextQuery
from secondtake.backend.services.runs import get_run
from secondtake.backend.services.state import fold_state
from secondtake.backend.services.texts import read_text
from secondtake.backend.store.long_texts import LONG_TEXTS
from secondtake.runner.events import BaseEvent, MemoryChange, Message, ToolCall, ToolDefinitions

LONG = 10_000_000
MESSAGE = UUID("00000000-0000-4000-8000-000000000001")


def written(con: DuckDBPyConnection, home: Path, *events: BaseEvent, **fields: Any) -> UUID:
    run_id = events[0].run_id if events else uuid4()
    write_events(home, *run_frame(run_id, events, **fields))
    load_pending(con, home)
    return run_id


def at(run_id: UUID, seq: int) -> dict[str, Any]:
    return {"run_id": run_id, "seq": seq, "recorded_at": STARTED_AT + timedelta(seconds=seq)}


def query(run_id: UUID, table: Any, row: str, field: str, **piece: int) -> TextQuery:
    return TextQuery(run=str(run_id), table=table, row=row, field=field, **piece)


def test_ten_megabytes_of_each_are_clipped_and_read_in_pieces(
    con: DuckDBPyConnection, home: Path
) -> None:
    run_id = uuid4()
    message = Message(**at(run_id, 1), message_id=MESSAGE, depth=0, role="user", content="é" * LONG)
    tool = ToolCall(**at(run_id, 2), span_id="t", tool="read", result="x" * LONG)
    state = MemoryChange(
        **at(run_id, 3), scope="state", operation="set", key="page", value={"body": "y" * LONG}
    )
    written(con, home, message, tool, state, output={"answer": "z" * LONG})
    detail = get_run(con, str(run_id), max_chars=1000)
    assert len(detail.model_dump_json()) < 20_000
    assert detail.messages[0].content == "é" * 1000
    assert detail.messages[0].clipped == {"content": LONG}
    assert detail.tool_calls[0].result == "x" * 1000
    assert detail.tool_calls[0].clipped == {"result": LONG}
    assert detail.memory[0].value == '{"body":"' + "y" * 991
    assert detail.memory[0].clipped == {"value": LONG + len('{"body":""}')}
    assert detail.summary.clipped == {"output": LONG + len('{"answer":""}')}
    tail = read_text(con, query(run_id, "messages", str(MESSAGE), "content", offset=LONG - 3))
    assert (tail.text, tail.total_chars, tail.next_offset) == ("ééé", LONG, None)
    head = read_text(con, query(run_id, "tool_calls", "t", "result", limit=5))
    assert (head.text, head.total_chars, head.next_offset) == ("xxxxx", LONG, 5)
    at_end = fold_state(con, StateQuery(run=str(run_id), max_chars=100))
    assert at_end.values == {"page": '{"body":"' + "y" * 91}
    assert at_end.clipped == {"page": LONG + len('{"body":""}')}


def test_what_is_short_stays_what_it_is(con: DuckDBPyConnection, home: Path) -> None:
    run_id = write_research_run(home)
    load_pending(con, home)
    whole = get_run(con, str(run_id))
    assert get_run(con, str(run_id), max_chars=100_000) == whole
    assert whole.summary.clipped is None


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    limit=st.integers(1, 9),
)
def test_pieces_put_together_are_the_whole(
    con: DuckDBPyConnection, home: Path, text: str, limit: int
) -> None:
    run_id = uuid4()
    message = Message(**at(run_id, 1), message_id=MESSAGE, depth=0, role="user", content=text)
    tool = ToolCall(**at(run_id, 2), span_id="t", tool="read", result=text, arguments=[text, "😀"])
    written(con, home, message, tool)

    def joined(*place: str) -> str:
        pieces: list[str] = []
        offset: int | None = 0
        while offset is not None:
            piece = read_text(con, query(run_id, *place, offset=offset, limit=limit))
            assert len(piece.text) <= limit
            pieces.append(piece.text)
            offset = piece.next_offset
        return "".join(pieces)

    assert joined("messages", str(MESSAGE), "content") == text
    assert joined("tool_calls", "t", "result") == text
    assert json.loads(joined("tool_calls", "t", "arguments")) == [text, "😀"]


def test_behind_the_end_is_nothing(con: DuckDBPyConnection, home: Path) -> None:
    run_id = write_research_run(home)
    load_pending(con, home)
    for offset in (17, 10**6, 2**31, 2**62):
        piece = read_text(
            con, query(run_id, "tool_calls", "tool-b", "arguments", offset=offset + 2)
        )
        assert (piece.text, piece.next_offset, piece.total_chars) == ("", None, 18)


def test_what_cannot_be_read_is_told_with_the_cure(con: DuckDBPyConnection, home: Path) -> None:
    run_id = write_research_run(home)
    load_pending(con, home)
    with pytest.raises(NotFoundError, match="ask for one of: extra, content, parts"):
        read_text(con, query(run_id, "messages", str(MESSAGE), "depth"))
    with pytest.raises(NotFoundError, match="take table, row and field from a row with `clipped`"):
        read_text(con, query(run_id, "messages", str(MESSAGE), "content"))
    with pytest.raises(NotFoundError, match="ask for one of"):
        read_text(con, query(run_id, "runs", "run", "config; DROP TABLE runs"))
    with pytest.raises(NotFoundError, match="take table, row and field"):
        read_text(con, query(run_id, "tool_calls", "tool-b' OR true --", "arguments"))


def test_every_row_and_field_that_can_be_clipped_can_be_read(
    con: DuckDBPyConnection, home: Path
) -> None:
    run_id = uuid4()
    offered = ToolDefinitions(**at(run_id, 1), tools_hash="h", definitions=[{"name": "n" * 500}])
    written(con, home, offered, error_message="e" * 500, inputs=["i" * 500])
    detail = get_run(con, str(run_id), max_chars=100)
    assert detail.tool_definitions[0].clipped == {"definitions": 513}
    assert detail.summary.clipped == {"error_message": 500, "inputs": 504}
    for table, row, field, total in (
        ("tool_definitions", "h", "definitions", 513),
        ("runs", "", "error_message", 500),
        ("runs", "anything", "inputs", 504),
    ):
        assert read_text(con, query(run_id, table, row, field)).total_chars == total
    for name, place in LONG_TEXTS.items():
        for field in place.fields if place.key else ():
            with pytest.raises(NotFoundError, match=f"has no '{field}' in the row '7f'"):
                read_text(con, query(run_id, name, "7f", field))
