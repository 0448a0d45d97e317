"""The rollup equals one that is made anew, whatever came in whatever batches."""

import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.backend.journal_files import (
    finished,
    later,
    llm_call,
    one,
    rows,
    started,
    tool_call,
    write_sealed,
)

from secondtake.backend.loader import load_pending
from secondtake.backend.store.connection import open_store
from secondtake.backend.store.rollup import COUNTS, KEYS, SUMS, rebuild_rollup
from secondtake.runner.events import BaseEvent
from secondtake.runner.hashing import derived_uuid, new_run_id

tokens = st.none() | st.integers(0, 10**6)
money = st.none() | st.decimals(0, 10, places=9)

calls = st.builds(
    lambda run, **fields: llm_call(derived_uuid(run), **fields),
    st.integers(0, 3),
    span_id=st.sampled_from(["a", "b", "c", "d"]),
    seq=st.integers(0, 3),
    started_at=st.none() | st.integers(0, 3).map(lambda quarter: later(quarter * 900 - 1)),
    node_path=st.none() | st.sampled_from(["plan[1]", "plan[2]/search[2:9f3a]", "search", ""]),
    model=st.none() | st.sampled_from(["a", "b"]),
    served_from=st.sampled_from(["live", "recorded"]),
    simulated=st.booleans(),
    error_type=st.none() | st.just("Timeout"),
    input_tokens=tokens,
    output_tokens=tokens,
    cache_read_tokens=tokens,
    cost_usd=money,
    avoided_cost_usd=money,
)
starts = st.builds(
    lambda run, **fields: started(derived_uuid(run), **fields),
    st.integers(0, 3),
    workflow=st.none() | st.sampled_from(["research", "review"]),
    user_id=st.none() | st.sampled_from(["ada", "grace"]),
    source=st.sampled_from(["native", "otlp", "import:tau-bench"]),
)
ends = st.integers(0, 3).map(lambda run: finished(derived_uuid(run)))
batches = st.lists(st.lists(calls | calls | starts | ends, min_size=1, max_size=8), max_size=5)


def rollup(con: DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return rows(con, f"SELECT {', '.join((*KEYS, *COUNTS, *SUMS))} FROM cost_rollup ORDER BY ALL")


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(batches)
def test_the_rollup_after_any_batches_is_the_rollup_made_anew(
    made: list[list[BaseEvent]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        con = open_store(home)
        for batch in made:
            write_sealed(home, batch)
            load_pending(con, home)
        kept = rollup(con)
        sums = ", ".join(f"sum({name})::DECIMAL(38, 9)" for name in SUMS)
        assert rows(con, f"SELECT sum(calls), {sums} FROM cost_rollup") == rows(
            con, f"SELECT nullif(count(*), 0), {sums} FROM llm_calls"
        )
        assert all(row[len(KEYS)] > 0 for row in kept), "a row without calls"
        rebuild_rollup(con)
        assert rollup(con) == kept
        con.close()


def load(con: DuckDBPyConnection, home: Path, events: Sequence[BaseEvent]) -> None:
    write_sealed(home, events)
    load_pending(con, home)


def test_a_start_that_comes_late_moves_the_cost_to_its_workflow(
    con: DuckDBPyConnection, home: Path
) -> None:
    run_id = new_run_id()
    load(con, home, [llm_call(run_id)])
    assert rows(con, "SELECT workflow, calls FROM cost_rollup") == [(None, 1)]
    load(con, home, [started(run_id, workflow="research"), llm_call(run_id, "llm-2")])
    assert rows(con, "SELECT workflow, calls, cost_usd FROM cost_rollup") == [
        ("research", 2, Decimal("0.000000250"))
    ]


@pytest.mark.parametrize(
    ("path", "node"),
    [
        ("plan[1]/search[2:9f3a]", "search"),
        ("plan[1]", "plan"),
        ("plan", "plan"),
        ("a/b", "b"),
        (None, None),
    ],
)
def test_the_node_is_the_last_part_of_the_path(
    con: DuckDBPyConnection, home: Path, path: str | None, node: str | None
) -> None:
    load(con, home, [llm_call(new_run_id(), node_path=path)])
    assert one(con, "SELECT node FROM cost_rollup") == node


def test_the_buckets_are_quarters_of_an_hour(con: DuckDBPyConnection, home: Path) -> None:
    run_id = new_run_id()
    times = [later(seconds) for seconds in (0, 899, 900, -1)]
    load(con, home, [llm_call(run_id, str(at), started_at=at) for at in times])
    assert rows(con, "SELECT bucket_at::VARCHAR, calls FROM cost_rollup ORDER BY ALL") == [
        ("2026-03-01 11:45:00", 1),
        ("2026-03-01 12:00:00", 2),
        ("2026-03-01 12:15:00", 1),
    ]


def test_tools_are_no_calls_of_the_rollup(con: DuckDBPyConnection, home: Path) -> None:
    load(con, home, [tool_call(new_run_id(), cost_usd="0.1")])
    assert rollup(con) == []
