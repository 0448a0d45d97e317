"""The loader: intact segments become rows exactly once, and every line is accounted for."""

import os
import shutil
import subprocess
import sys
import threading
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection
from tests.backend.journal_files import (
    ALL_COUNTS,
    AT,
    later,
    llm_call,
    message,
    one,
    rows,
    tool_call,
    whole_run,
    write_foreign,
    write_sealed,
)

from secondtake.backend.loader import LoadReport, load_pending
from secondtake.backend.store.connection import open_store
from secondtake.runner.errors import StoreError
from secondtake.runner.events import AmbientRead, MemoryChange, Score, ToolDefinitions
from secondtake.runner.hashing import derived_uuid, new_run_id
from secondtake.runner.home import journal_folder, rejected_folder


def balance(report: LoadReport) -> tuple[int, int, int, int]:
    assert report.lines == report.rows + report.rejected + report.duplicates
    return report.lines, report.rows, report.rejected, report.duplicates


def test_a_sealed_run_becomes_its_rows_and_the_file_goes(
    con: DuckDBPyConnection, home: Path
) -> None:
    path = write_sealed(home, whole_run())
    report = load_pending(con, home)
    assert balance(report) == (8, 8, 0, 0)
    assert (report.segments, report.problems) == (1, ())
    assert rows(con, ALL_COUNTS) == [(1, 1, 1, 1, 2)]
    assert not path.exists()
    assert not (home / "loading").exists()
    noted = rows(
        con,
        "SELECT segment, line_count, row_count, rejected_count, duplicate_count, torn_bytes "
        "FROM loaded_segments",
    )
    assert noted == [(path.stem, 8, 8, 0, 0, 0)]


def test_every_kind_of_event_keeps_every_field(con: DuckDBPyConnection, home: Path) -> None:
    run_id = new_run_id()
    span = {"run_id": run_id, "recorded_at": AT, "node_path": "plan[1]", "span_id": "node-1"}
    write_sealed(
        home,
        [
            *whole_run(run_id, tags={"team": "a"}, inputs={"city": "Oslo"}),
            ToolDefinitions(run_id=run_id, recorded_at=AT, tools_hash="h", definitions=[{"a": 1}]),
            MemoryChange(seq=6, scope="state", operation="set", key="k", value=[1, None], **span),
            AmbientRead(seq=7, ambient_kind="random", value=0.25, **span),
            Score(
                run_id=run_id, recorded_at=AT, evaluation_id=derived_uuid("e"), name="reward",
                score_value=0.5, scorer_kind="code",
            ),
        ],
    )  # fmt: skip
    assert balance(load_pending(con, home)) == (12, 12, 0, 0)
    assert rows(con, "SELECT tags, inputs FROM runs") == [({"team": "a"}, '{"city":"Oslo"}')]
    assert rows(con, "SELECT tools_hash, definitions FROM tool_definitions") == [("h", '[{"a":1}]')]
    assert rows(con, "SELECT seq, operation, key, value, node_path FROM memory_snapshots") == [
        (6, "set", "k", "[1,null]", "plan[1]")
    ]
    assert rows(con, "SELECT ambient_kind, value FROM ambient_reads") == [("random", "0.25")]
    assert rows(con, "SELECT name, score_value, scorer_kind FROM evaluations") == [
        ("reward", 0.5, "code")
    ]


def test_a_segment_whose_name_is_known_is_removed_unread(
    con: DuckDBPyConnection, home: Path
) -> None:
    path = write_sealed(home, whole_run())
    copy = shutil.copy(path, home / "copy")
    load_pending(con, home)
    shutil.copy(copy, path)
    report = load_pending(con, home)
    assert (report.segments, report.lines) == (0, 0)
    assert not path.exists()
    assert rows(con, ALL_COUNTS) == [(1, 1, 1, 1, 2)]


def test_the_same_lines_under_another_name_are_duplicates(
    con: DuckDBPyConnection, home: Path
) -> None:
    events = whole_run()
    write_sealed(home, events)
    load_pending(con, home)
    before = rows(con, "FROM runs"), rows(con, "FROM cost_rollup"), rows(con, "FROM node_timings")
    write_sealed(home, events)
    report = load_pending(con, home)
    # A start that repeats a finished node cannot be told from one that comes late: it changes
    # nothing and counts as a row.
    assert balance(report) == (8, 1, 0, 7)
    after = rows(con, "FROM runs"), rows(con, "FROM cost_rollup"), rows(con, "FROM node_timings")
    assert after == before
    assert rows(con, ALL_COUNTS) == [(1, 1, 1, 1, 2)]


def test_the_same_lines_twice_in_one_batch_are_duplicates(
    con: DuckDBPyConnection, home: Path
) -> None:
    events = whole_run()
    write_sealed(home, events)
    write_sealed(home, events)
    assert balance(load_pending(con, home)) == (16, 8, 0, 8)
    assert rows(con, ALL_COUNTS) == [(1, 1, 1, 1, 2)]
    assert sorted(rows(con, "SELECT row_count, duplicate_count FROM loaded_segments")) == [
        (0, 8),
        (8, 0),
    ]


def test_attempts_of_one_span_and_equal_reads_of_the_clock_are_kept(
    con: DuckDBPyConnection, home: Path
) -> None:
    run_id = new_run_id()
    clock = [
        AmbientRead(run_id=run_id, recorded_at=AT, ambient_kind="clock", value=1, seq=seq)
        for seq in (None, None, 3, 4)
    ]
    write_sealed(home, [llm_call(run_id, attempt=1), llm_call(run_id, attempt=2), *clock])
    assert balance(load_pending(con, home)) == (6, 6, 0, 0)


def test_an_import_that_comes_again_changes_nothing(con: DuckDBPyConnection, home: Path) -> None:
    run_id = derived_uuid("tau-bench", 1)
    first = whole_run(run_id, source="import:tau-bench")
    # A second import may number its spans anew: the run as a whole is what is known.
    again = [*whole_run(run_id, source="import:tau-bench"), llm_call(run_id, "another")]
    write_sealed(home, first)
    load_pending(con, home)
    write_sealed(home, again)
    assert balance(load_pending(con, home)) == (9, 0, 0, 9)
    assert rows(con, ALL_COUNTS) == [(1, 1, 1, 1, 2)]


def test_two_imports_that_race_leave_one(con: DuckDBPyConnection, home: Path) -> None:
    run_id = derived_uuid("tau-bench", 1)
    for _ in range(2):
        write_sealed(
            home,
            [*whole_run(run_id, source="import:tau-bench"), llm_call(run_id, str(new_run_id()))],
        )
    assert balance(load_pending(con, home)) == (18, 9, 0, 9)
    assert rows(con, ALL_COUNTS) == [(1, 1, 2, 1, 2)]


def test_an_import_that_was_cut_short_is_completed_by_the_next(
    con: DuckDBPyConnection, home: Path
) -> None:
    run_id = derived_uuid("tau-bench", 1)
    events = whole_run(run_id, source="import:tau-bench")
    write_sealed(home, events[:4])
    load_pending(con, home)
    write_sealed(home, events)
    load_pending(con, home)
    assert rows(con, ALL_COUNTS) == [(1, 1, 1, 1, 2)]
    assert one(con, "SELECT status FROM runs") == "ok"


def test_a_score_of_an_imported_run_is_stored_later(con: DuckDBPyConnection, home: Path) -> None:
    run_id = derived_uuid("tau-bench", 1)
    write_sealed(home, whole_run(run_id, source="import:tau-bench"))
    load_pending(con, home)
    score = Score(run_id=run_id, recorded_at=AT, evaluation_id=derived_uuid("e"), name="judge")
    write_sealed(home, [score])
    assert balance(load_pending(con, home)) == (1, 1, 0, 0)


@pytest.mark.parametrize("batch_segments", [1, 3, 100])
def test_how_segments_fall_into_batches_changes_nothing(
    con: DuckDBPyConnection, home: Path, batch_segments: int
) -> None:
    for number in range(7):
        write_sealed(home, whole_run(derived_uuid("run", number)))
    report = load_pending(con, home, batch_segments=batch_segments)
    assert balance(report) == (56, 56, 0, 0)
    assert rows(con, ALL_COUNTS) == [(7, 7, 7, 7, 14)]
    assert one(con, "SELECT sum(calls) FROM cost_rollup") == 7


def test_a_batch_of_more_bytes_than_wanted_is_one_segment(
    con: DuckDBPyConnection, home: Path
) -> None:
    for _ in range(3):
        write_sealed(home, whole_run())
    assert load_pending(con, home, batch_bytes=1).segments == 3


def test_threads_of_one_process_do_not_load_a_segment_twice(
    con: DuckDBPyConnection, home: Path
) -> None:
    for _ in range(20):
        write_sealed(home, whole_run())
    reports: list[LoadReport] = []

    def load() -> None:
        reports.append(load_pending(con.cursor(), home, batch_segments=3))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.segments for report in reports) == 20
    assert rows(con, ALL_COUNTS) == [(20, 20, 20, 20, 40)]


def test_nothing_to_load_is_no_problem(con: DuckDBPyConnection, home: Path) -> None:
    report = load_pending(con, home)
    assert report == LoadReport(
        segments=0, lines=0, rows=0, rejected=0, duplicates=0, torn_bytes=0, interrupted_runs=0,
        problems=(),
    )  # fmt: skip


def test_a_message_of_twenty_megabytes_loads_strictly(con: DuckDBPyConnection, home: Path) -> None:
    text = "äb" * 7_000_000
    write_sealed(home, [message(new_run_id(), text)])
    assert balance(load_pending(con, home)) == (1, 1, 0, 0)
    assert one(con, "SELECT content FROM messages") == text


def test_a_message_of_twenty_megabytes_loads_line_by_line(
    con: DuckDBPyConnection, home: Path
) -> None:
    text = "x" * 20_000_000
    write_foreign(home, [message(new_run_id(), text), tool_call(new_run_id())])
    assert balance(load_pending(con, home)) == (2, 2, 0, 0)
    assert one(con, "SELECT length(content) FROM messages") == 20_000_000


def test_thousands_of_tiny_segments_load_in_bounded_memory(home: Path) -> None:
    for number in range(2_500):
        write_foreign(home, [tool_call(derived_uuid(number))], f"w-{number}.ndjson")
    con = open_store(home, memory_limit="100MB")
    assert balance(load_pending(con, home)) == (2_500, 2_500, 0, 0)
    assert list(journal_folder(home).iterdir()) == []
    con.close()


def test_a_refusing_disk_is_one_sentence_and_nothing_is_lost(
    con: DuckDBPyConnection, home: Path
) -> None:
    path = write_foreign(home, [tool_call(new_run_id()), b"broken\n"])
    rejected_folder(home).write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="Nothing is lost") as caught:
        load_pending(con, home)
    assert "\n" not in str(caught.value)
    assert path.exists()
    rejected_folder(home).unlink()
    assert balance(load_pending(con, home)) == (2, 1, 1, 0)


FULL_DISK = """
import resource, sys
from pathlib import Path
from secondtake.backend.loader import load_pending
from secondtake.backend.store.connection import open_store
from secondtake.runner.errors import StoreError
home = Path(sys.argv[1])
con = open_store(home)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
try:
    load_pending(con, home)
except StoreError as error:
    print(error.message)
"""


def test_a_full_disk_is_one_sentence_and_the_next_load_has_everything(home: Path) -> None:
    run_id = new_run_id()
    write_sealed(home, [message(run_id, os.urandom(700_000).hex())])
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(home)], capture_output=True, text=True, check=True
    )
    (sentence,) = done.stdout.splitlines()
    assert "Nothing is lost" in sentence
    con = open_store(home)
    assert balance(load_pending(con, home)) == (1, 1, 0, 0)
    assert rows(con, "SELECT count(*), any_value(length(content)) FROM messages") == [
        (1, 1_400_000)
    ]
    con.close()


def test_a_failure_inside_the_transaction_stores_nothing(
    con: DuckDBPyConnection, home: Path
) -> None:
    write_sealed(home, whole_run())
    con.execute("ALTER TABLE cost_rollup RENAME TO elsewhere")
    with pytest.raises(StoreError, match="Cannot load the journal"):
        load_pending(con, home)
    con.execute("ALTER TABLE elsewhere RENAME TO cost_rollup")
    assert rows(con, ALL_COUNTS) == [(0, 0, 0, 0, 0)]
    assert balance(load_pending(con, home)) == (8, 8, 0, 0)


def test_a_time_that_is_not_utc_becomes_utc(con: DuckDBPyConnection, home: Path) -> None:
    oslo = later(0).astimezone(timezone(timedelta(hours=2)))
    write_sealed(home, [tool_call(new_run_id(), recorded_at=oslo)])
    assert balance(load_pending(con, home)) == (1, 1, 0, 0)
    assert one(con, "SELECT recorded_at FROM tool_calls") == AT.replace(tzinfo=None)
