"""What the line of a run says is what the store has."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.support.seeding_bulk import large_run
from tests.support.stored import write_events, write_research_run, write_run

from secondtake.backend.exports.rows import RunRows
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.exports import EXPORT_TABLES, ExportQuery
from secondtake.backend.store import exporting
from secondtake.backend.store.columns import EVENT_TABLES
from secondtake.backend.store.connection import open_store
from secondtake.backend.store.recordings import list_event_rows
from secondtake.runner.settings import load_settings


@pytest.fixture
def backend(home: Path) -> LocalBackend:
    return LocalBackend(load_settings())


def exported(backend: LocalBackend, **filters: Any) -> list[RunRows]:
    return [RunRows(run.text) for run in backend.export_runs(ExportQuery(**filters))]


def as_read(value: Any) -> Any:
    """Return a value of the store as JSON has it."""
    return json.loads(json.dumps(value, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat(timespec="microseconds") if hasattr(value, "isoformat") else str(value)


def with_zone(value: Any) -> Any:
    """Return rows with their times as Python writes them."""
    if isinstance(value, dict):
        return {key: with_zone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_zone(item) for item in value]
    is_time = isinstance(value, str) and value.endswith("Z") and value[10:11] == "T"
    return f"{value[:-1]}+00:00" if is_time else value


def test_every_table_that_events_fill_is_exported() -> None:
    assert set(EXPORT_TABLES) == set(EVENT_TABLES)


def test_a_line_has_every_row_that_a_recording_is_made_of(
    home: Path, backend: LocalBackend
) -> None:
    run_id = write_research_run(home, tags={"é=": '"\n'}, inputs={"n": 2**63, "deep": [[None]]})
    [rows] = exported(backend)
    con = open_store(home)
    stored = list_event_rows(con, run_id)
    con.close()

    assert rows.run_id == run_id
    for table, expected in stored.items():
        found = [rows.run] if table == "runs" else rows.rows(table)
        assert len(found) == len(expected), table
        for row, known in zip(found, expected, strict=True):
            shown = with_zone({name: row[name] for name in known})
            assert shown == as_read(known), table


def test_only_the_tables_that_are_wanted_come_along(home: Path, backend: LocalBackend) -> None:
    write_research_run(home)
    [rows] = exported(backend, tables=("llm_calls",))
    assert len(rows.rows("llm_calls")) == 1
    assert rows.rows("messages") == []
    assert exported(backend, tables=("runs",))[0].rows("llm_calls") == []


def test_filters_are_those_of_the_list(home: Path, backend: LocalBackend) -> None:
    write_research_run(home, UUID(int=1), tags={"team": "a"})
    write_run(home, UUID(int=2), status="error", tags={"team": "a"})
    assert [rows.run_id.int for rows in exported(backend, tags={"team": "a"})] == [1, 2]
    assert [rows.run_id.int for rows in exported(backend, status=("error",))] == [2]
    assert exported(backend, text="no such text") == []


@pytest.mark.parametrize(("least", "count"), [(1.0, 1), (0.5, 1), (1.1, 0)])
def test_a_run_is_chosen_by_its_score(
    home: Path, backend: LocalBackend, least: float, count: int
) -> None:
    write_research_run(home)
    write_run(home)
    assert len(exported(backend, min_scores={"reward": least})) == count
    assert exported(backend, min_scores={"reward": least, "other": 0.0}) == []


def test_runs_are_read_a_few_at_a_time_and_none_is_lost(
    home: Path, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [write_research_run(home, UUID(int=n), output="x" * (n % 7) * 100) for n in range(1, 30)]
    monkeypatch.setattr(exporting, "RUNS_AT_ONCE", 7)
    monkeypatch.setattr(exporting, "GROUP_BYTES", 1500)
    runs = list(backend.export_runs(ExportQuery()))
    assert [RunRows(run.text).run_id for run in runs] == ids
    assert {run.total for run in runs} == {29}


def test_a_run_of_five_thousand_spans_is_one_line(home: Path, backend: LocalBackend) -> None:
    write_events(home, *large_run(5_000))
    [rows] = exported(backend)
    spans = sum(len(rows.rows(t)) for t in ("node_timings", "llm_calls", "tool_calls"))
    assert spans == 5_000
    calls = rows.rows("llm_calls")
    longest = list(rows.turns_back(calls[-1]["input_message_id"]))
    assert longest[-1]["parent_id"] is None
    assert [turn["depth"] for turn in longest] == list(range(len(longest)))[::-1]
