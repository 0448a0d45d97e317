"""Folders of runs that are over go; those of runs that go on, or have not begun, stay."""

import os
import time
from pathlib import Path
from uuid import UUID, uuid4

from duckdb import DuckDBPyConnection
from tests.support.stored import run_frame, write_events, write_run

from secondtake.backend.loader import load_pending
from secondtake.backend.services.control import UNKNOWN_FOR_S, sweep_control_folders
from secondtake.runner.journal import SegmentWriter
from secondtake.runner.mailbox import Mailbox, control_folder, is_listening


def held_by(*run_ids: UUID) -> set[UUID]:
    return set(run_ids)


def test_what_a_killed_process_left_is_swept(con: DuckDBPyConnection, home: Path) -> None:
    over, killed, held, begins, forgotten = (uuid4() for _ in range(5))
    write_run(home, over)
    write_events(home, run_frame(killed, [])[0])
    write_run(home, held)
    for run_id in (over, killed, held, begins, forgotten):
        Mailbox(home, run_id).open()
    (control_folder(home, over) / "cancel.json").write_text("{}", encoding="utf-8")
    (home / "control" / "notes").mkdir()
    long_ago_s = time.time() - UNKNOWN_FOR_S - 60
    os.utime(control_folder(home, forgotten), (long_ago_s, long_ago_s))
    with SegmentWriter(home) as writer:
        going_on = uuid4()
        writer.run_begins()
        begun = run_frame(going_on, [])[0]
        writer.write(begun.model_copy(update={"writer_id": writer.writer_id}))
        writer.seal()
        Mailbox(home, going_on).open()
        load_pending(con, home)
        removed = sweep_control_folders(con, home, is_held=held_by(held).__contains__)
        assert is_listening(home, going_on)
    assert removed == 3
    assert {path.name for path in (home / "control").iterdir()} == {
        str(held), str(begins), str(going_on), "notes"
    }  # fmt: skip


def test_a_home_without_such_folders_has_nothing_to_sweep(
    con: DuckDBPyConnection, home: Path
) -> None:
    assert sweep_control_folders(con, home, is_held=held_by().__contains__) == 0
