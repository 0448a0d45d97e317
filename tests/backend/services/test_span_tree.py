"""The tree of a stored run: what is shown of each span, its axis of time, its critical path."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from duckdb import DuckDBPyConnection
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backend.services.test_spans import span
from tests.support.stored import STARTED_AT, write_events, write_research_run

from secondtake.backend.loader import load_pending
from secondtake.backend.services.runs import run_spans
from secondtake.backend.services.spans import RunTimes, span_tree
from secondtake.runner.events import NodeStarted, RunStarted, ToolCall

RUN = uuid4()
NOW = STARTED_AT + timedelta(hours=1)
OVER = RunTimes(status="ok", started_at=STARTED_AT, ended_at=STARTED_AT + timedelta(seconds=10))


def begun(
    span_id: str, at_s: float, to_s: float | None, parent: str | None = None
) -> dict[str, Any]:
    end = None if to_s is None else STARTED_AT + timedelta(seconds=to_s)
    return span(
        span_id,
        parent,
        span_kind="node",
        started_at=STARTED_AT + timedelta(seconds=at_s),
        ended_at=end,
    )


def pieces(rows: list[dict[str, Any]], run: RunTimes) -> list[tuple[str, float, float]]:
    tree = span_tree(RUN, rows, run, now=NOW)
    return [(each.span_id, each.started_ms, each.ended_ms) for each in tree.critical_path]


def test_a_stored_run_shows_more_of_each_span(con: DuckDBPyConnection, home: Path) -> None:
    write_research_run(home)
    load_pending(con, home)
    tree = run_spans(con, "last")
    by_name = {each.name: each for each in tree.spans}
    plan, model, tool = by_name["plan"], by_name["sim/strong"], by_name["search_text"]
    assert (plan.node_kind, plan.visit, plan.attempt) == ("llm", 1, None)
    assert (model.simulated, model.attempt, model.preview) == (True, 1, None)
    assert tool.preview == '{"pattern":"pump"}'
    assert (tree.started_at, plan.is_critical, model.is_critical) == (STARTED_AT, True, True)
    assert tree.ended_at == plan.ended_at
    assert tree.critical_path[0].span_id == "node-a"


def test_a_question_and_long_arguments_are_previewed(con: DuckDBPyConnection, home: Path) -> None:
    run_id = uuid4()
    common: dict[str, Any] = {"run_id": run_id, "recorded_at": STARTED_AT}
    asked = {"question": "Send? " * 100, "choices": None}
    write_events(
        home,
        RunStarted(**common, name="r"),
        NodeStarted(**common, span_id="n", node="ask", node_kind="human", question=asked),
        ToolCall(**common, span_id="t", tool="x", arguments={"text": "y" * 10**6},
                 error_type="E", error_message="m" * 10**6),
    )  # fmt: skip
    load_pending(con, home)
    by_id = {each.span_id: each for each in run_spans(con, str(run_id)).spans}
    assert by_id["n"].preview == ("Send? " * 100)[:120]
    assert by_id["t"].preview == '{"text":"' + "y" * 111
    assert len(by_id["t"].error_message or "") == 300


def test_an_open_span_of_a_running_run_lasts_until_now() -> None:
    rows = [begun("a", 0, 5), begun("b", 5, None), begun("c", 6, None, "b")]
    running = RunTimes(status="running", started_at=STARTED_AT, ended_at=None)
    tree = span_tree(RUN, rows, running, now=NOW)
    assert tree.ended_at == NOW
    hour_ms = 3_600_000
    assert pieces(rows, running) == [("a", 0, 5000), ("b", 5000, 6000), ("c", 6000, hour_ms)]


def test_an_open_span_of_a_run_that_was_killed_lasts_as_long_as_is_known() -> None:
    rows = [begun("a", 0, None), begun("b", 1, 4, "a")]
    killed = RunTimes(status="interrupted", started_at=STARTED_AT, ended_at=None)
    assert pieces(rows, killed) == [("a", 0, 1000), ("b", 1000, 4000)]


def test_unknown_times_have_no_axis_and_no_path() -> None:
    unknown = RunTimes(status="ok", started_at=None, ended_at=None)
    tree = span_tree(RUN, [span("a"), span("b", "a")], unknown, now=NOW)
    assert (tree.started_at, tree.ended_at, tree.critical_path) == (None, None, [])
    assert not any(each.is_critical for each in tree.spans)


def test_a_clock_that_was_turned_back_is_made_up_for_by_the_duration() -> None:
    row = begun("a", 5, 1) | {"duration_ms": 2000.0}
    assert pieces([row], OVER) == [("a", 5000, 7000)]


def test_a_run_of_unknown_start_begins_with_its_first_span() -> None:
    run = RunTimes(status="ok", started_at=None, ended_at=None)
    tree = span_tree(RUN, [begun("a", 3, 4)], run, now=NOW)
    assert tree.started_at == STARTED_AT + timedelta(seconds=3)
    assert pieces([begun("a", 3, 4)], run) == [("a", 0, 1000)]


instants = st.none() | st.datetimes(timezones=st.just(UTC))
ids = st.integers(0, 9).map(str)


@settings(deadline=None)
@given(
    st.lists(st.tuples(ids, st.none() | ids, instants, instants, st.none() | st.floats(0, 1e300)),
             max_size=25),
    st.sampled_from(["ok", "running", "interrupted"]),
    instants,
    instants,
)  # fmt: skip
def test_no_times_and_no_parents_break_it(
    rows: list[tuple[str, str | None, datetime | None, datetime | None, float | None]],
    status: str,
    started_at: datetime | None,
    ended_at: datetime | None,
) -> None:
    spans = [
        span(name, parent, started_at=begin, ended_at=end, duration_ms=took)
        for name, parent, begin, end, took in rows
    ]
    run = RunTimes(status=status, started_at=started_at, ended_at=ended_at)
    tree = span_tree(RUN, spans, run, now=NOW)
    assert len(tree.spans) == len(rows)
    end_ms = 0.0
    for piece in tree.critical_path:
        assert end_ms <= piece.started_ms < piece.ended_ms
        end_ms = piece.ended_ms
