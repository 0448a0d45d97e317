"""However a loading process dies, every line is loaded once: real processes, real kill -9."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection
from tests.backend.journal_files import (
    ALL_COUNTS,
    node,
    rejected,
    rows,
    tool_call,
    whole_run,
    write_foreign,
    write_sealed,
)

from secondtake.backend.loader import load_pending
from secondtake.backend.store.connection import open_store
from secondtake.backend.store.rollup import rebuild_rollup
from secondtake.runner.events import BaseEvent
from secondtake.runner.hashing import derived_uuid
from secondtake.runner.home import journal_folder, rejected_folder

CHILD = Path(__file__).parent / "loading_child.py"
KILLS = 25


def child(home: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, str(CHILD), str(home)], stdout=subprocess.PIPE)


def add_work(home: Path, round_number: int) -> None:
    """Write two sealed runs and a foreign segment with two good lines and one bad."""
    runs = [derived_uuid(round_number, place) for place in range(2)]
    for run_id in runs:
        write_sealed(home, whole_run(run_id))
    # Other rows of the first run, so that a later batch changes what an earlier one stored.
    begin, end = node(runs[0], "node-2")
    lines: list[bytes | BaseEvent] = [begin, b"broken\n", end, tool_call(runs[0], "tool-2")]
    write_foreign(home, lines, f"foreign-{round_number}.ndjson")


def check_everything_is_there_once(con: DuckDBPyConnection, home: Path, rounds: int) -> None:
    assert list(journal_folder(home).iterdir()) == []
    assert rows(con, ALL_COUNTS) == [(2 * rounds, 3 * rounds, 2 * rounds, 3 * rounds, 4 * rounds)]
    assert rows(con, "SELECT sum(line_count), sum(rejected_count), sum(duplicate_count), count(*), "
                     "count(DISTINCT segment) FROM loaded_segments") == [
        (20 * rounds, rounds, 0, 3 * rounds, 3 * rounds)
    ]  # fmt: skip
    kept = rows(con, "FROM cost_rollup ORDER BY ALL")
    rebuild_rollup(con)
    assert rows(con, "FROM cost_rollup ORDER BY ALL") == kept
    assert rows(con, "SELECT sum(tool_call_count), sum(node_count) FROM runs") == [
        (3 * rounds, 3 * rounds)
    ]
    for number in range(rounds):
        (entry,) = rejected(home, f"foreign-{number}.ndjson")
        assert entry["line"] == 3
    assert len(list(rejected_folder(home).glob("*.ndjson"))) == rounds
    assert not (home / "loading").exists()


@pytest.mark.slow
def test_a_load_that_is_killed_at_random_moments_loads_everything_once(home: Path) -> None:
    chance = random.Random(20261121)
    killed = 0
    for number in range(KILLS):
        add_work(home, number)
        with child(home) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"open\n"
            time.sleep(chance.uniform(0, 0.5))
            process.kill()
            process.stdout.read()
        killed += process.returncode == -signal.SIGKILL
    con = open_store(home)
    load_pending(con, home)
    assert killed > KILLS // 3, "the processes were too fast to be killed"
    check_everything_is_there_once(con, home, KILLS)
    con.close()


@pytest.mark.slow
def test_a_load_that_is_killed_before_any_of_its_steps_loads_everything_once(
    tmp_path: Path,
) -> None:
    template = tmp_path / "home"
    run = whole_run(derived_uuid("stored in part"), workflow="late")
    write_sealed(template, run[1:4])
    con = open_store(template)
    load_pending(con, template)
    con.close()
    write_sealed(template, [run[0], *run[4:]])
    write_foreign(template, [*whole_run(derived_uuid("new")), b"broken\n"])

    copies = tmp_path / "copies"
    subprocess.run([sys.executable, str(CHILD), str(template), str(copies)], check=True)

    steps = len(list(copies.iterdir()))
    assert steps > 40
    for step in range(steps):
        home = copies / str(step)
        con = open_store(home)
        load_pending(con, home)
        assert list(journal_folder(home).iterdir()) == [], step
        assert rows(con, ALL_COUNTS) == [(2, 2, 2, 2, 4)], step
        assert rows(con, "SELECT workflow, calls FROM cost_rollup ORDER BY ALL") == [
            ("late", 1),
            (None, 1),
        ], step
        assert rows(con, "SELECT sum(line_count), sum(row_count) FROM loaded_segments") == [
            (17, 16)
        ], step
        assert len(rejected(home)) == 1, step
        con.close()
