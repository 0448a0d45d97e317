"""What is in a capsule, and when it is there."""

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from tests.backend.capsules.conftest import GONE, PNG, members_of, write_run_with_blobs
from tests.support.stored import run_frame, write_events, write_research_run

from secondtake.backend.capsules.pack import export_capsule
from secondtake.backend.capsules.unpack import open_capsule
from secondtake.backend.errors import NotFoundError
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.system import Blob
from secondtake.backend.store.columns import EVENT_TABLES
from secondtake.backend.store.connection import open_store
from secondtake.runner import journal, record
from secondtake.runner.errors import UsageError
from secondtake.runner.replay.recording import Recording

RUN: Final = UUID("0199aaaa-0000-7000-8000-000000000001")
SECRET: Final = "sk-proj-plantedplantedplanted1234567890"


def test_a_capsule_holds_the_recording_the_tables_and_what_they_are(
    capsule: Path, backend: LocalBackend
) -> None:
    members = members_of(capsule)
    manifest = json.loads(members.pop("manifest.json"))

    tables = [f"tables/{table}.parquet" for table in EVENT_TABLES]
    assert list(members) == ["recording.json", *tables, "README.txt"]
    assert manifest["members"] == {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in members.items()
    }
    assert (manifest["format"], manifest["version"]) == ("secondtake.capsule", 1)
    recording = Recording.from_json(members["recording.json"])
    assert recording == backend.get_recording("last")
    assert manifest["run_id"] == str(recording.run_id)
    assert b"executes nothing" in members["README.txt"]
    assert capsule.stat().st_mode & 0o777 == 0o600


def unpacked(capsule: Path, home: Path) -> Path:
    """Return a folder that the store may read, with the tables of a capsule."""
    folder = home / "unpacked"
    folder.mkdir()
    for name, data in members_of(capsule).items():
        if name.startswith("tables/"):
            (folder / name.removeprefix("tables/")).write_bytes(data)
    return folder


def test_the_tables_are_the_rows_of_the_store(home: Path, capsule: Path) -> None:
    con = open_store(home)
    folder = unpacked(capsule, home)
    filled: set[str] = set()
    for table in EVENT_TABLES:
        packed = f"'{folder}/{table}.parquet'"
        stored, read = (con.execute(f"DESCRIBE FROM {each}").fetchall() for each in (table, packed))
        assert [row[:2] for row in stored] == [row[:2] for row in read]
        for one, other in ((table, packed), (packed, table)):
            assert con.execute(f"FROM {one} EXCEPT ALL FROM {other}").fetchall() == []
        if con.execute(f"FROM {packed}").fetchall():
            filled.add(table)
    con.close()
    assert filled == {
        "runs", "node_timings", "messages", "llm_calls", "tool_calls", "memory_snapshots",
        "evaluations",
    }  # fmt: skip


def test_binary_parts_come_along_and_those_that_are_gone_are_named(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    run_id, sha256 = write_run_with_blobs(home)
    manifest = export_capsule(backend, str(run_id), tmp_path / "run.take")

    assert manifest.missing_blobs == [GONE]
    with open_capsule(tmp_path / "run.take") as opened:
        assert opened.blobs == (sha256,)
        assert opened.read_blob(sha256) == PNG
        assert opened.manifest == manifest
        for name in (GONE, "../../store.key", "x" * 1000, ""):
            with pytest.raises(NotFoundError, match="no binary part"):
                opened.read_blob(name)


def test_a_binary_part_that_was_changed_on_the_disk_is_left_out(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    run_id, sha256 = write_run_with_blobs(home)
    (home / "blobs" / sha256[:2] / sha256).write_bytes(b"something else")
    manifest = export_capsule(backend, str(run_id), tmp_path / "run.take")

    assert manifest.missing_blobs == [sha256, GONE]


def test_a_secret_of_the_run_is_in_no_member(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    @record.tool
    def fetch(url: str) -> dict[str, str]:
        return {"body": f"the key is {SECRET}"}

    @record.run("leaky")
    def program() -> str:
        return fetch(f"https://x.example/?k={SECRET}")["body"]

    program()
    journal.close_all()
    export_capsule(backend, "last", tmp_path / "run.take")

    con = open_store(home)
    members = members_of(tmp_path / "run.take")
    assert b"the key is" in members["recording.json"]
    for name, data in members.items():
        assert SECRET.encode() not in data, name
    folder = unpacked(tmp_path / "run.take", home)
    for name in ("runs", "tool_calls"):
        assert SECRET not in str(con.execute(f"FROM '{folder}/{name}.parquet'").fetchall())
    con.close()


def test_a_run_that_was_killed_is_exported_as_interrupted(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    begin, _ = run_frame(RUN, ())
    write_events(home, begin)
    status = backend.get_run(str(RUN)).summary.status
    manifest = export_capsule(backend, str(RUN), tmp_path / "run.take")

    assert status == manifest.status == "interrupted"
    folder = unpacked(tmp_path / "run.take", home)
    con = open_store(home)
    statuses = con.execute(f"SELECT status FROM '{folder}/runs.parquet'").fetchall()
    con.close()
    assert statuses == [("interrupted",)]


def test_a_file_that_is_there_is_replaced_only_when_asked(
    capsule: Path, backend: LocalBackend
) -> None:
    before = capsule.read_bytes()
    with pytest.raises(UsageError, match=r"run\.take is there already.*--force"):
        export_capsule(backend, "last", capsule)
    assert capsule.read_bytes() == before

    capsule.write_bytes(b"other")
    export_capsule(backend, "last", capsule, force=True)
    assert members_of(capsule)


class Meddling:
    """A source that does something when it is asked for a binary part."""

    def __init__(self, backend: LocalBackend, target: Path, failure: Exception | None) -> None:
        self.get_recording = backend.get_recording
        self.get_run = backend.get_run
        self.read = backend.read_blob
        self.target = target
        self.failure = failure

    def read_blob(self, sha256: str) -> Blob:
        if self.failure is not None:
            raise self.failure
        self.target.write_bytes(b"of somebody else")
        return self.read(sha256)


def test_a_file_that_comes_meanwhile_is_not_replaced(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    run_id, _ = write_run_with_blobs(home)
    target = tmp_path / "run.take"
    with pytest.raises(UsageError, match="has come meanwhile"):
        export_capsule(Meddling(backend, target, None), str(run_id), target)

    assert target.read_bytes() == b"of somebody else"
    assert leftovers(tmp_path) == ["home", "run.take"]


def test_an_export_that_fails_leaves_nothing(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    run_id, _ = write_run_with_blobs(home)
    target = tmp_path / "run.take"
    failure = OSError(28, "No space left on device")
    with pytest.raises(UsageError, match=r"Cannot write .*run\.take: No space left"):
        export_capsule(Meddling(backend, target, failure), str(run_id), target)

    assert leftovers(tmp_path) == ["home"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [("", "is a folder"), ("no/such/run.take", "no folder"), ("a\0b", "no name of a file")],
)
def test_a_target_that_cannot_be_is_one_sentence(
    home: Path, tmp_path: Path, backend: LocalBackend, target: str, reason: str
) -> None:
    write_research_run(home)
    with pytest.raises(UsageError, match=reason):
        export_capsule(backend, "last", tmp_path / target)


def test_a_text_that_says_one_thing_for_long_can_be_opened_again(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    """It shrinks so well that it would be taken for a bomb; so it is stored as it is."""
    write_events(home, *run_frame(RUN, (), output="x" * (20 << 20)))
    target = tmp_path / "run.take"
    export_capsule(backend, str(RUN), target)

    with zipfile.ZipFile(target) as archive:
        assert archive.getinfo("recording.json").compress_type == zipfile.ZIP_STORED
    with open_capsule(target) as opened:
        assert opened.recording == backend.get_recording(str(RUN))


def leftovers(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("__"))
