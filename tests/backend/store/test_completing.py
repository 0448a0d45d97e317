"""Starts and ends complete one row, in any order, in one batch or in two."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest
from duckdb import DuckDBPyConnection
from tests.backend.journal_files import (
    AT,
    finished,
    later,
    llm_call,
    node,
    one,
    rows,
    started,
    tool_call,
    whole_run,
    write_sealed,
)

from secondtake.backend.loader import load_pending
from secondtake.runner.events import BaseEvent, RunFinished
from secondtake.runner.hashing import new_run_id
from secondtake.runner.journal import SegmentWriter

RUN: UUID = new_run_id()


def load(con: DuckDBPyConnection, home: Path, events: Sequence[BaseEvent]) -> None:
    write_sealed(home, events)
    report = load_pending(con, home)
    assert report.rejected == 0
    assert report.problems == ()


def everything(con: DuckDBPyConnection) -> list[list[tuple[object, ...]]]:
    return [
        rows(con, f"SELECT * FROM {table} ORDER BY ALL")
        for table in ("runs", "node_timings", "llm_calls", "tool_calls", "messages", "cost_rollup")
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_and_the_batches_of_halves_do_not_matter(
    con: DuckDBPyConnection, home: Path, order: tuple[int, ...]
) -> None:
    run = whole_run(RUN, writer_id="w", extra={"a": 1})
    groups = [run[:2], run[2:6], run[6:]]
    load(con, home, run)
    expected = everything(con)
    con.execute("DELETE FROM runs")
    for table in ("node_timings", "llm_calls", "tool_calls", "messages", "cost_rollup"):
        con.execute(f"DELETE FROM {table}")
    for place in order:
        load(con, home, groups[place])
    assert everything(con) == expected


def test_a_run_without_an_end_is_running(con: DuckDBPyConnection, home: Path) -> None:
    with SegmentWriter(home, seal_age_s=None) as writer:
        writer.run_begins()
        begin, _ = node(RUN)
        writer.write(started(RUN, writer_id=writer.writer_id), begin)
        writer.seal()
        load_pending(con, home)
        assert rows(con, "SELECT status, ended_at, duration_ms, recording_faults FROM runs") == [
            ("running", None, None, None)
        ]
        assert rows(con, "SELECT node, ended_at, duration_ms FROM node_timings") == [
            ("plan", None, None)
        ]


def test_events_of_an_unknown_run_make_it_visible(con: DuckDBPyConnection, home: Path) -> None:
    load(con, home, [tool_call(RUN)])
    columns = "name, source, tool_call_count, recorded_at"
    assert rows(con, f"SELECT {columns} FROM runs") == [
        (None, None, 1, later(3).replace(tzinfo=None))
    ]
    load(con, home, [started(RUN)])
    assert rows(con, f"SELECT {columns} FROM runs") == [
        ("weather", "native", 1, AT.replace(tzinfo=None))
    ]


def test_the_first_start_counts_and_the_last_end(con: DuckDBPyConnection, home: Path) -> None:
    """A run that waited for a person ends `interrupted`, is taken up again and ends `ok`."""
    load(con, home, [started(RUN), finished(RUN, status="interrupted", error_type="Wait")])
    assert one(con, "SELECT status FROM runs") == "interrupted"
    again: RunFinished = finished(RUN, status="ok", ended_at=later(60), output=1)
    load(con, home, [started(RUN, name="other"), again])
    assert rows(con, "SELECT name, status, error_type, output FROM runs") == [
        ("weather", "ok", None, "1")
    ]
    load(con, home, [finished(RUN, status="error", ended_at=later(5))])
    assert one(con, "SELECT status FROM runs") == "ok"


def test_extra_of_both_halves_is_kept(con: DuckDBPyConnection, home: Path) -> None:
    begin, end = node(RUN)
    load(con, home, [begin.model_copy(update={"extra": {"a": 1}})])
    load(con, home, [end.model_copy(update={"extra": {"b": 2}})])
    assert one(con, "SELECT extra FROM node_timings") == '{"a":1,"b":2}'


def test_totals_are_those_of_the_rows(con: DuckDBPyConnection, home: Path) -> None:
    load(
        con, home,
        [
            *whole_run(RUN),
            llm_call(RUN, "l2", cost_usd=None, model="b", cache_read_tokens=7),
            llm_call(RUN, "l3", error_type="Timeout", cost_usd=None, input_tokens=None,
                     output_tokens=None),
            llm_call(RUN, "l4", cost_usd=None, input_tokens=None, output_tokens=None, model=None,
                     served_model="a"),
            llm_call(RUN, "l5", cost_usd="0", avoided_cost_usd="0.5", served_from="recorded"),
            tool_call(RUN, "t2", error_type="ToolError", simulated=True),
            tool_call(RUN, "t3", span_kind="other"),
            tool_call(RUN, "t4", span_kind="retriever", cost_usd="0.25"),
        ],
    )  # fmt: skip
    con.execute("FROM runs")
    names = [column[0] for column in con.description or ()]
    row = dict(zip(names, rows(con, "FROM runs")[0], strict=True))
    assert row["node_count"] == 1
    assert row["llm_call_count"] == 5
    assert row["tool_call_count"] == 3
    assert row["message_count"] == 2
    assert row["error_count"] == 2
    assert row["error_count"] == one(con, "SELECT count(error_type) FROM spans")
    assert row["input_tokens"] == 30
    assert row["output_tokens"] == 15
    assert row["cache_read_tokens"] == 7
    assert row["calls_without_usage"] == 1
    assert str(row["cost_usd"]) == "0.250000125"
    assert row["unpriced_calls"] == 2
    assert str(row["avoided_cost_usd"]) == "0.500000000"
    assert row["simulated"] is True
    assert row["models"] == ["a", "b", "m"]


def test_what_is_unknown_stays_unknown(con: DuckDBPyConnection, home: Path) -> None:
    load(con, home, [started(RUN), llm_call(RUN, model=None, cost_usd=None, input_tokens=None,
                                            output_tokens=None)])  # fmt: skip
    columns = "input_tokens, output_tokens, cost_usd, avoided_cost_usd, models, unpriced_calls"
    assert rows(con, f"SELECT {columns} FROM runs") == [(None, None, None, None, None, 1)]


def test_a_run_without_calls_has_no_models_and_no_cost(con: DuckDBPyConnection, home: Path) -> None:
    load(con, home, [started(RUN), finished(RUN)])
    columns = "llm_call_count, models, cost_usd, input_tokens, simulated"
    assert rows(con, f"SELECT {columns} FROM runs") == [(0, [], None, None, False)]
