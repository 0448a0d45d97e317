"""Imports as far as the rows in DuckDB."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.tau_records import TEA, record, write

from secondtake.backend.local import LocalBackend
from secondtake.backend.models.system import SqlQuery
from secondtake.backend.services.imports import import_runs
from secondtake.runner.settings import load_settings

TABLES: Final = ("runs", "messages", "llm_calls", "tool_calls", "evaluations", "cost_rollup")
AIRLINE: Final = "trajectories/tau-bench/gpt-4o-airline.json.gz"
FORK: Final = "trajectories/tau-bench-fork/"
ASSERTIONS: Final = FORK + "assertions-agent-none-0.1_range_0-100_6_18_2025.json.gz"
PLAIN: Final = FORK + "tool-calling-none-0.1_range_0-100_user-none-llm_06232025.json.gz"


@pytest.fixture
def backend(home: Path) -> LocalBackend:
    return LocalBackend(load_settings())


def query(backend: LocalBackend, text: str) -> list[list[Any]]:
    return backend.run_sql(SqlQuery(text=text, max_rows=100_000)).rows


def whole_content(backend: LocalBackend) -> dict[str, list[list[Any]]]:
    """Return every row of the tables that an import fills."""
    return {name: query(backend, f"SELECT * FROM {name} ORDER BY ALL") for name in TABLES}


def test_an_imported_run_reads_like_any_other(tmp_path: Path, backend: LocalBackend) -> None:
    import_runs(backend, backend.settings, "tau-bench", [write(tmp_path, [TEA])])
    run = backend.get_run("last")

    assert (run.summary.status, run.summary.source) == ("ok", "import:tau-bench")
    assert (run.summary.llm_call_count, run.summary.tool_call_count) == (2, 1)
    assert (run.summary.input_tokens, run.summary.cost_usd) == (None, None)
    assert (run.summary.calls_without_usage, run.summary.unpriced_calls) == (2, 2)
    assert run.summary.started_at is None
    assert [m.role for m in run.messages] == [m["role"] for m in TEA["traj"]]
    assert run.tool_calls[0].arguments == {"kind": "green"}
    assert run.evaluations[0].score_value == 1.0


def test_importing_twice_changes_nothing(tmp_path: Path, backend: LocalBackend) -> None:
    path = write(tmp_path, [TEA, TEA, record(info={"error": "quota"})])
    import_runs(backend, backend.settings, "tau-bench", [path])
    before = whole_content(backend)
    report = import_runs(backend, backend.settings, "tau-bench", [path])

    assert (report.runs_imported, report.runs_already_there) == (0, 3)
    assert whole_content(backend) == before


def test_an_import_that_was_killed_is_completed_by_the_next(
    tmp_path: Path, home: Path, backend: LocalBackend
) -> None:
    path = write(tmp_path, [TEA, record(says_first())])
    import_runs(backend, backend.settings, "tau-bench", [path])
    whole = whole_content(backend)["messages"]
    torn = Path(str(home) + "-torn")
    _import_torn(path, torn)
    other = LocalBackend(load_settings({"home": torn}))
    statuses = {row[0] for row in query(other, "SELECT status FROM runs")}
    assert statuses == {"interrupted"}

    report = import_runs(other, other.settings, "tau-bench", [path])

    assert report.runs_imported == 2
    assert {row[0] for row in query(other, "SELECT status FROM runs")} == {"ok"}
    assert len(whole_content(other)["messages"]) == len(whole)


def says_first() -> dict[str, Any]:
    return {"role": "user", "content": "Hello?"}


def _import_torn(path: Path, home: Path) -> None:
    """Leave what an import leaves that is killed in the middle of its first run."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from secondtake.backend.importers import IMPORTERS\n"
        "from secondtake.backend.importers.frame import candidates, run_events\n"
        "from secondtake.runner.settings import load_settings\n"
        "from secondtake.runner.sink import Sink\n"
        "sink = Sink(load_settings({'home': sys.argv[2]}))\n"
        "tau = IMPORTERS['tau-bench']\n"
        "items, _ = candidates(tau, tau.read_file(Path(sys.argv[1])))\n"
        "sink.write(*run_events(tau, items[0], sink=sink)[:4])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path), str(home)], check=False)
    assert killed.returncode == -9


def test_two_imports_at_once_give_each_row_once(
    shared_data: Path, home: Path, backend: LocalBackend
) -> None:
    command = [sys.executable, "-m", "secondtake.backend.cli.main", "import", "tau-bench", "--json"]
    both = [
        subprocess.Popen(
            [*command, str(shared_data / AIRLINE)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    reports: list[dict[str, Any]] = []
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        reports.append(json.loads(out))

    assert all(r["runs_imported"] + r["runs_already_there"] == 200 for r in reports)
    assert query(backend, "SELECT count(*) FROM runs") == [[200]]
    assert query(backend, "SELECT count(*), count(DISTINCT message_id) FROM messages") == [
        [5308, 5308]
    ]
    assert query(backend, "SELECT count(*), count(DISTINCT span_id) FROM tool_calls") == [
        [1164, 1164]
    ]


def test_the_rows_of_the_real_files_reach_the_counted_figures(
    shared_data: Path, backend: LocalBackend
) -> None:
    names = [AIRLINE, ASSERTIONS, PLAIN]
    expected = json.loads((shared_data / "EXPECTED.json").read_text())["tau"]
    import_runs(backend, backend.settings, "tau-bench", [shared_data / name for name in names])
    before = whole_content(backend)
    import_runs(backend, backend.settings, "tau-bench", [shared_data / name for name in names])
    assert whole_content(backend) == before

    for name in names:
        of_file = (
            "run_id IN (SELECT run_id FROM runs "
            f"WHERE extra->'import'->>'file' = '{Path(name).name}')"
        )
        _check_file(backend, of_file, expected[name])


def _check_file(backend: LocalBackend, of_file: str, figures: dict[str, Any]) -> None:
    def rows(text: str) -> list[list[Any]]:
        return query(backend, text.format(of_file=of_file))

    roles = rows("SELECT role, count(*) FROM messages WHERE {of_file} GROUP BY role")
    tools = rows("SELECT tool, count(*) FROM tool_calls WHERE {of_file} GROUP BY tool")
    [[runs, failed]] = rows(
        "SELECT count(*), count(*) FILTER (status = 'error') FROM runs WHERE {of_file}"
    )
    [[scores, mean]] = rows(
        "SELECT count(*), avg(score_value) FROM evaluations WHERE {of_file} AND name = 'reward'"
    )
    [[errors]] = rows("SELECT count(*) FROM tool_calls WHERE {of_file} AND error_type IS NOT NULL")
    assert {str(role): n for role, n in roles} == figures["messages_by_role"]
    assert {str(tool): n for tool, n in tools} == figures["tool_calls_by_name"]
    assert (runs, failed) == (figures["runs"], figures["runs_with_error_in_info"])
    assert (scores, mean) == (figures["runs"], pytest.approx(figures["mean_reward"]))
    assert errors == figures["tool_messages_starting_with_Error"]


def test_nothing_is_invented_for_the_real_files(shared_data: Path, backend: LocalBackend) -> None:
    import_runs(backend, backend.settings, "tau-bench", [shared_data / AIRLINE])
    unknown = [
        ("llm_calls", ["input_tokens", "output_tokens", "cost_usd", "started_at", "duration_ms"]),
        ("tool_calls", ["started_at", "duration_ms", "cost_usd"]),
        ("runs", ["started_at", "ended_at", "duration_ms", "input_tokens", "cost_usd"]),
    ]
    for table, columns in unknown:
        counts = ", ".join(f"count({column})" for column in columns)
        assert query(backend, f"SELECT {counts} FROM {table}") == [[0] * len(columns)]
