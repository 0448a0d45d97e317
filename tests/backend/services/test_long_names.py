"""Names of any length: a list, a tree and the rows of a run stay small, and still fit together."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from duckdb import DuckDBPyConnection
from tests.support.stored import STARTED_AT, run_frame, write_events

from secondtake.backend.errors import NotFoundError
from secondtake.backend.loader import load_pending
from secondtake.backend.models.runs import RUN_PARTS, RunQuery, StateQuery, TextQuery
from secondtake.backend.services.facets import run_facets
from secondtake.backend.services.graph import run_graph
from secondtake.backend.services.runs import get_run, list_runs, resolve_run, run_spans
from secondtake.backend.services.state import fold_state
from secondtake.backend.services.texts import read_text
from secondtake.runner.events import (
    BaseEvent,
    LlmCall,
    MemoryChange,
    Message,
    NodeStarted,
    Score,
    ToolCall,
)

LONG: Final = 100_000
CUT: Final = 300
SMALL: Final = 50_000


def put(field: str) -> str:
    return field + "n" * LONG


def events(run_id: UUID) -> list[BaseEvent]:
    at: dict[str, Any] = {"run_id": run_id, "recorded_at": STARTED_AT, "started_at": STARTED_AT}
    said: dict[str, Any] = {"run_id": run_id, "recorded_at": STARTED_AT + timedelta(seconds=1)}
    node, path = put("node"), put("path")
    return [
        NodeStarted(**at, seq=1, span_id=put("span one"), node=node, node_kind=put("kind"),
                    node_path=path, entered_from=[put("before")]),
        NodeStarted(**at, seq=2, span_id=put("span") + "two", node=node, node_path=path,
                    parent_span_id=put("span one")),
        LlmCall(**at, seq=3, span_id="m", parent_span_id=put("span") + "two", model=put("model"),
                served_model=put("served"), provider=put("provider"), node_path=path,
                finish_reason=put("reason"), response_id=put("response"), tools_hash=put("hash"),
                parameters={put("key"): put("value")}),
        ToolCall(**at, seq=4, span_id=put("span") + "tool", parent_span_id=put("span") + "two",
                 tool=put("tool"), tool_call_id=put("call"), arguments=put("a"),
                 error_type=put("type"), error_message=put("error")),
        Message(**said, seq=5, message_id=uuid4(), depth=0, role=put("role"),
                name=put("author"), content=put("text"), tool_call_id=put("call"),
                span_id=put("span") + "tool"),
        MemoryChange(**said, seq=6, scope="state", operation="set", key=put("key") + "a",
                     value=put("value"), span_id=put("span one"), node_path=path),
        MemoryChange(**said, seq=7, scope="state", operation="set", key=put("key") + "b",
                     value=1, span_id=put("span one"), node_path=path),
        Score(**said, seq=9, evaluation_id=uuid4(), name=put("score"), score_value=0.5),
    ]  # fmt: skip


@pytest.fixture
def run_id(con: DuckDBPyConnection, home: Path) -> UUID:
    """A run whose every name is long, among ordinary ones."""
    run_id = uuid4()
    frame = run_frame(
        run_id, events(run_id), name=put("name"), workflow=put("workflow"), agent=put("agent"),
        session_id=put("session"), user_id=put("user"), error_type=put("type"), status="error",
        tags={put("tag") + "a": put("one"), put("tag") + "b": put("two"), "kind": "hostile"},
    )  # fmt: skip
    write_events(home, *frame)
    write_events(home, *run_frame(uuid4(), [], session_id="s", workflow="short"))
    load_pending(con, home)
    return run_id


def test_a_run_a_list_a_tree_and_a_graph_are_small(con: DuckDBPyConnection, run_id: UUID) -> None:
    name = str(run_id)
    answers = (
        get_run(con, name, max_chars=1000),
        list_runs(con, RunQuery()),
        run_spans(con, name),
        run_graph(con, name),
        fold_state(con, StateQuery(run=name, max_chars=1000)),
        run_facets(con),
    )
    for answer in answers:
        assert len(answer.model_dump_json()) < SMALL, type(answer)


def test_what_was_cut_is_said_and_can_be_read(con: DuckDBPyConnection, run_id: UUID) -> None:
    detail = get_run(con, str(run_id), max_chars=1000)
    (tool,) = detail.tool_calls
    assert tool.tool == put("tool")[:CUT]
    assert tool.arguments == put("a")[:1000]
    assert tool.clipped is not None
    assert set(tool.clipped) == {"arguments", "error_message", "error_type", "parent_span_id",
                                 "span_id", "tool", "tool_call_id"}  # fmt: skip
    assert tool.clipped["tool"] == LONG + len("tool")
    assert detail.summary.clipped is not None
    assert {"name", "tags", "workflow", "session_id", "models"} <= set(detail.summary.clipped)
    whole = get_run(con, str(run_id))
    assert whole.summary.name == put("name")
    assert whole.summary.clipped is None

    def read(table: Any, row: str, field: str) -> str:
        query = TextQuery(run=str(run_id), table=table, row=row, field=field, limit=10**6)
        return read_text(con, query).text

    assert read("tool_calls", tool.span_id, "tool") == put("tool")
    assert read("tool_calls", put("span") + "tool", "span_id") == put("span") + "tool"
    assert read("runs", "-", "tags").startswith('{"tagnnn')
    assert read("node_timings", detail.node_timings[0].span_id, "entered_from") == (
        f'["{put("before")}"]'
    )


def test_ids_that_are_cut_still_differ_and_fit_together(
    con: DuckDBPyConnection, run_id: UUID
) -> None:
    detail, tree = get_run(con, str(run_id), max_chars=20_000), run_spans(con, str(run_id))
    rows = [*detail.node_timings, *detail.llm_calls, *detail.tool_calls]
    ids = {row.span_id for row in rows}
    assert len(ids) == len(rows) == len(tree.spans)
    assert {span.span_id for span in tree.spans} == ids
    assert max(map(len, ids)) == CUT
    assert [span.depth for span in tree.spans] == [0, 1, 2, 2]
    assert {row.parent_span_id for row in rows} - {None} <= ids
    assert detail.messages[0].span_id in ids
    assert detail.messages[0].tool_call_id == detail.tool_calls[0].tool_call_id
    assert {span.node_path for span in tree.spans} == {put("path")[:CUT], None}
    state = fold_state(con, StateQuery(run=str(run_id), max_chars=1000))
    keys = {row.key for row in detail.memory}
    assert set(state.values) == keys == set(state.changed_at)
    assert len(keys) == 2
    assert state.steps[1].span_id in ids


def test_tags_that_begin_alike_stay_two(con: DuckDBPyConnection, run_id: UUID) -> None:
    (item,) = list_runs(con, RunQuery(tags={"kind": "hostile"})).items
    assert item.tags is not None
    assert len(item.tags) == 3
    assert item.tags["kind"] == "hostile"
    assert item.session_id == put("session")[:CUT]
    assert item.models == [put("model")[:CUT]]


def test_a_facet_is_a_filter_that_finds_something(con: DuckDBPyConnection, run_id: UUID) -> None:
    facets = run_facets(con)
    assert [each.value for each in facets.workflows] == ["short"]
    assert [each.value for each in facets.sessions] == ["s"]
    assert facets.models == []
    assert [each.value for each in facets.tags] == ["kind=hostile"]
    assert list_runs(con, RunQuery(session_id=put("session"))).total_count == 1


def test_a_message_repeats_the_beginning_of_a_long_name(con: DuckDBPyConnection) -> None:
    with pytest.raises(NotFoundError) as caught:
        resolve_run(con, "x" * LONG)
    assert len(caught.value.message) < 300


def test_only_the_lists_that_are_asked_for_come(con: DuckDBPyConnection, run_id: UUID) -> None:
    whole = get_run(con, str(run_id))
    assert whole.parts == list(RUN_PARTS)
    some = get_run(con, str(run_id), parts=("messages", "memory"))
    assert some.parts == ["messages", "memory"]
    assert (some.messages, some.memory) == (whole.messages, whole.memory)
    assert (some.tool_calls, some.llm_calls, some.node_timings) == ([], [], [])
    alone = get_run(con, str(run_id), parts=())
    assert alone.summary == whole.summary
    assert not any(getattr(alone, part) for part in RUN_PARTS)
