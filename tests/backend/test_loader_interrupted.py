"""A run whose writer is gone is `interrupted`, but not before all it wrote is loaded."""

import socket
from pathlib import Path

import orjson
from duckdb import DuckDBPyConnection
from tests.backend.journal_files import (
    HEADER,
    finished,
    one,
    started,
    tool_call,
    write_foreign,
    write_raw,
)

from secondtake.backend.loader import load_pending
from secondtake.runner.hashing import new_run_id
from secondtake.runner.home import journal_folder
from secondtake.runner.journal import SegmentWriter, encode

RUN = new_run_id()


def status(con: DuckDBPyConnection) -> str:
    return str(one(con, "SELECT status FROM runs"))


def begun(writer: SegmentWriter) -> None:
    writer.run_begins()
    writer.write(started(RUN, writer_id=writer.writer_id))
    writer.seal()


def test_a_run_is_running_while_its_writer_lives_and_interrupted_when_it_is_gone(
    con: DuckDBPyConnection, home: Path
) -> None:
    with SegmentWriter(home, seal_age_s=None) as writer:
        begun(writer)
        assert load_pending(con, home).interrupted_runs == 0
        assert load_pending(con, home).interrupted_runs == 0
        assert status(con) == "running"
    report = load_pending(con, home)
    assert (report.segments, report.interrupted_runs) == (0, 1)
    assert status(con) == "interrupted"
    assert load_pending(con, home).interrupted_runs == 0


def test_the_end_in_a_pending_segment_is_waited_for(con: DuckDBPyConnection, home: Path) -> None:
    with SegmentWriter(home, seal_age_s=None) as writer:
        begun(writer)
        load_pending(con, home)
        writer.write(finished(RUN))
        name = f"{writer.writer_id}-2.ndjson"
    sealed = journal_folder(home) / name
    whole = sealed.read_bytes()
    newer = orjson.dumps(HEADER | {"schema_version": 2}) + b"\n"
    sealed.write_bytes(newer)  # a segment that we cannot load yet
    assert load_pending(con, home).interrupted_runs == 0
    assert status(con) == "running"
    sealed.write_bytes(whole)
    assert load_pending(con, home).interrupted_runs == 0
    assert status(con) == "ok"


def test_an_end_that_arrives_after_all_wins(con: DuckDBPyConnection, home: Path) -> None:
    with SegmentWriter(home, seal_age_s=None) as writer:
        begun(writer)
    load_pending(con, home)
    assert status(con) == "interrupted"
    write_foreign(home, [finished(RUN)], f"{writer.writer_id}-7.ndjson")
    load_pending(con, home)
    assert status(con) == "ok"


def test_the_end_that_an_event_reports_is_not_taken_back(
    con: DuckDBPyConnection, home: Path
) -> None:
    with SegmentWriter(home, seal_age_s=None) as writer:
        begun(writer)
        writer.write(finished(RUN, status="interrupted"))
        writer.seal()
        load_pending(con, home)
        load_pending(con, home)
        assert status(con) == "interrupted"


def test_a_run_is_running_again_when_its_writer_turns_out_to_live(
    con: DuckDBPyConnection, home: Path
) -> None:
    with SegmentWriter(home, seal_age_s=None) as writer:
        begun(writer)
        load_pending(con, home)
        con.execute("UPDATE runs SET status = 'interrupted'")
        load_pending(con, home)
        assert status(con) == "running"


def test_a_run_of_another_host_is_left_alone(con: DuckDBPyConnection, home: Path) -> None:
    write_foreign(
        home, [started(RUN, writer_id="far")], "far-1.ndjson", host="far-away", writer_id="far"
    )
    assert load_pending(con, home).interrupted_runs == 0
    assert status(con) == "running"


def test_a_run_that_only_its_calls_tell_of_is_interrupted_too(
    con: DuckDBPyConnection, home: Path
) -> None:
    header = HEADER | {"host": socket.gethostname(), "writer_id": "gone"}
    write_raw(home, orjson.dumps(header) + b"\n" + encode(tool_call(RUN)), "gone-1.open")
    assert load_pending(con, home).interrupted_runs == 1
    assert status(con) == "interrupted"
