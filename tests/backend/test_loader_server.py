"""The loader inside of a server: threads, readers beside it, and nothing to do."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from tests.backend.journal_files import (
    finished,
    later,
    node,
    one,
    started,
    whole_run,
    write_foreign,
    write_sealed,
)

from secondtake.backend.loader import load_pending
from secondtake.backend.models.runs import RunQuery
from secondtake.backend.services.runs import get_run, list_runs
from secondtake.runner.hashing import new_run_id
from secondtake.runner.home import journal_folder
from secondtake.runner.journal import SegmentWriter

RUN = new_run_id()
KILLED: dict[str, Any] = {
    "status": "error",
    "error_type": "WorkerKilled",
    "error_message": "the worker was killed",
    "ended_at": later(60),
}


def verdict(con: DuckDBPyConnection) -> tuple[str, str]:
    row = con.execute("SELECT status, error_message FROM runs").fetchone()
    assert row is not None
    return row[0], row[1]


def test_the_end_that_a_server_writes_for_a_killed_worker_stays(
    con: DuckDBPyConnection, home: Path
) -> None:
    with SegmentWriter(home, seal_age_s=None) as worker:
        worker.run_begins()
        worker.write(started(RUN, writer_id=worker.writer_id), node(RUN)[0])
        worker.seal()
        load_pending(con, home)
    load_pending(con, home)
    assert verdict(con)[0] == "interrupted"
    write_sealed(home, [finished(RUN, **KILLED)])
    for _ in range(3):
        load_pending(con, home)
        assert verdict(con) == ("error", "the worker was killed")


def test_it_stays_when_it_comes_before_the_worker_is_seen_to_be_gone(
    con: DuckDBPyConnection, home: Path
) -> None:
    with SegmentWriter(home, seal_age_s=None) as worker:
        worker.run_begins()
        worker.write(started(RUN, writer_id=worker.writer_id))
        worker.seal()
        load_pending(con, home)
        write_sealed(home, [finished(RUN, **KILLED)])
        load_pending(con, home)
        assert verdict(con) == ("error", "the worker was killed")
        worker.write(node(RUN)[0])  # what it wrote last is found after its end
    report = load_pending(con, home)
    assert report.interrupted_runs == 0
    assert verdict(con) == ("error", "the worker was killed")
    assert one(con, "SELECT node_count FROM runs") == 1


def test_it_stays_when_it_comes_before_all_that_the_worker_wrote(
    con: DuckDBPyConnection, home: Path
) -> None:
    write_sealed(home, [finished(RUN, **KILLED)])
    load_pending(con, home)
    write_foreign(home, [started(RUN, writer_id="worker", name="late")], "worker-1.ndjson")
    load_pending(con, home)
    load_pending(con, home)
    assert verdict(con) == ("error", "the worker was killed")
    assert one(con, "SELECT name FROM runs") == "late"


def write_in_pairs(home: Path, runs: list[UUID], written: threading.Event) -> None:
    for number in range(0, len(runs), 2):
        events = [event for run_id in runs[number : number + 2] for event in whole_run(run_id)]
        write_sealed(home, events)
    written.set()


def load_all(cursor: DuckDBPyConnection, home: Path, written: threading.Event) -> None:
    while not (written.is_set() and not list(journal_folder(home).glob("*"))):
        load_pending(cursor, home)


def read_all(cursor: DuckDBPyConnection, written: threading.Event) -> None:
    while not written.is_set():
        for run in list_runs(cursor, RunQuery()).items:
            detail = get_run(cursor, str(run.run_id))
            assert len(detail.messages) == detail.summary.message_count == 2
            assert (len(detail.llm_calls), len(detail.node_timings)) == (1, 1)


def test_loads_of_several_threads_and_readers_beside_them_see_whole_runs(
    con: DuckDBPyConnection, home: Path
) -> None:
    runs = [new_run_id() for _ in range(40)]
    written = threading.Event()
    with ThreadPoolExecutor() as pool:
        work = [pool.submit(write_in_pairs, home, runs, written)]
        work += [pool.submit(load_all, con.cursor(), home, written) for _ in range(3)]
        work += [pool.submit(read_all, con.cursor(), written) for _ in range(2)]
        for each in work:
            each.result(60)
    assert one(con, "SELECT count(*) FROM runs") == len(runs)
    assert one(con, "SELECT count(*) FROM llm_calls") == len(runs)
    assert one(con, "SELECT sum(calls) FROM cost_rollup") == len(runs)


def test_without_news_the_store_is_not_asked(con: DuckDBPyConnection, home: Path) -> None:
    unusable = con.cursor()
    unusable.close()
    with SegmentWriter(home, seal_age_s=None) as writer:
        writer.run_begins()
        writer.write(started(RUN, writer_id=writer.writer_id))
        writer.seal()
        with pytest.raises(duckdb.Error):
            load_pending(unusable, home)
        assert load_pending(con, home).segments == 1
        load_pending(con, home)
        assert load_pending(unusable, home).segments == 0
    assert load_pending(con, home).interrupted_runs == 1  # that its writer is gone is news
    load_pending(con, home)
    load_pending(unusable, home)
    write_sealed(home, whole_run())
    assert load_pending(con, home).segments == 1
