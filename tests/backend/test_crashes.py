"""What holds when processes die, and when many record at once: real processes, real kill -9."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from secondtake.backend.loader import load_pending
from secondtake.backend.store.connection import open_store

CHILD = Path(__file__).parent.parent / "support" / "recording_child.py"
KILLS = 50
WRITERS = 8
RUNS_EACH = 500


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    stdout = subprocess.DEVNULL if arguments else subprocess.PIPE
    return subprocess.Popen([sys.executable, str(CHILD), *arguments], stdout=stdout)


def kill_at_a_random_moment(process: "subprocess.Popen[bytes]", chance: random.Random) -> list[int]:
    """Return the numbers that the process says were recorded."""
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(chance.uniform(0, 0.3))
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read()
    process.stdout.close()
    process.wait()
    lines = (first + rest).split(b"\n")
    return [int(line) for line in lines[:-1]]


@pytest.mark.slow
def test_a_killed_process_loses_nothing_that_it_was_told_is_written(home: Path) -> None:
    chance = random.Random(20261121)
    said: Counter[int] = Counter()
    for _ in range(KILLS):
        process = start()
        said.update(kill_at_a_random_moment(process, chance))

    con = open_store(home)
    report = load_pending(con, home)
    stored = Counter(
        int(value)
        for (value,) in con.execute("SELECT arguments->>'value' FROM tool_calls").fetchall()
    )
    per_run = con.execute(
        "SELECT count(*), count(DISTINCT (run_id, arguments->>'value')) FROM tool_calls"
    ).fetchone()
    statuses = con.execute("SELECT status, count(*) FROM runs GROUP BY ALL").fetchall()
    con.close()

    assert report.rejected == 0
    assert not said - stored, "an acknowledged call is missing"
    assert sum((stored - said).values()) <= KILLS, "more than one call a process was not said"
    assert per_run is not None
    assert per_run[0] == per_run[1], "a call is there twice"
    assert statuses == [("interrupted", KILLS)]


@pytest.mark.slow
def test_eight_processes_record_while_another_loads_and_queries(home: Path) -> None:
    writers = [start(str(RUNS_EACH)) for _ in range(WRITERS)]
    looks = 0
    while any(writer.poll() is None for writer in writers):
        con = open_store(home)
        load_pending(con, home)
        con.execute("SELECT status, sum(tool_call_count) FROM runs GROUP BY ALL").fetchall()
        con.close()
        looks += 1
    assert [writer.wait() for writer in writers] == [0] * WRITERS

    con = open_store(home)
    load_pending(con, home)
    total = WRITERS * RUNS_EACH
    counts = {
        table: con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
        for table in ("runs", "node_timings", "llm_calls", "tool_calls", "messages")
    }
    totals = con.execute(
        "SELECT sum(tool_call_count), sum(llm_call_count), sum(node_count), sum(input_tokens) "
        "FROM runs WHERE status = 'ok'"
    ).fetchone()
    left = list((home / "journal").glob("*.ndjson"))
    con.close()

    assert looks > 0
    assert counts == {
        "runs": total,
        "node_timings": total,
        "llm_calls": total,
        "tool_calls": total,
        "messages": 2 * total,
    }
    assert totals == (total, total, total, 10 * total)
    assert left == []
