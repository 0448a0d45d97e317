import gzip
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.support.tau_records import TEA, record, write

from secondtake.backend.importers import IMPORTERS
from secondtake.backend.importers.frame import ImportReport, candidates, import_files
from secondtake.runner.errors import SecondTakeError, UsageError
from secondtake.runner.home import journal_folder
from secondtake.runner.settings import load_settings

TAU = IMPORTERS["tau-bench"]


def run_import(*paths: Path, known: Collection[UUID] = ()) -> ImportReport:
    def known_runs(run_ids: Sequence[UUID]) -> set[UUID]:
        return {run_id for run_id in run_ids if run_id in known}

    return import_files(TAU, paths, settings=load_settings(), known_runs=known_runs)


def lines(home: Path) -> list[dict[str, Any]]:
    segments = sorted(journal_folder(home).glob("*"))
    every = [json.loads(line) for path in segments for line in path.read_text().splitlines()]
    return [line for line in every if line["kind"] not in ("segment", "seal")]


def run_ids(path: Path) -> list[UUID]:
    return [item.run_id for item in candidates(TAU, TAU.read_file(path))[0]]


def test_the_report_counts_what_was_written(tmp_path: Path, home: Path) -> None:
    report = run_import(write(tmp_path, [TEA, record()]))

    assert (report.runs_imported, report.runs_already_there, report.skipped) == (2, 0, [])
    assert report.rows == {
        "evaluations": 2, "llm_calls": 2, "messages": 6, "runs": 2, "tool_calls": 1
    }  # fmt: skip
    assert len(lines(home)) == sum(report.rows.values()) + 2  # a run is begun and finished


def test_segments_are_sealed_when_the_import_returns(tmp_path: Path, home: Path) -> None:
    run_import(write(tmp_path, [TEA]))
    assert [path.suffix for path in journal_folder(home).iterdir()] == [".ndjson"]


def test_a_known_run_is_not_written_again(tmp_path: Path, home: Path) -> None:
    path = write(tmp_path, [TEA, record()])
    report = run_import(path, known=run_ids(path)[:1])

    assert (report.runs_imported, report.runs_already_there) == (1, 1)
    assert {line["run_id"] for line in lines(home)} == {str(run_ids(path)[1])}


def test_a_run_keeps_its_id_under_another_name_and_packed(tmp_path: Path) -> None:
    path = write(tmp_path, [TEA])
    packed = tmp_path / "downloaded (1).json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert run_ids(packed) == run_ids(path)


def test_one_file_named_twice_is_taken_once(tmp_path: Path, home: Path) -> None:
    path = write(tmp_path, [TEA])
    report = run_import(path, path)
    assert (report.runs_imported, report.runs_already_there) == (1, 1)


def test_identical_records_in_one_file_are_different_runs(tmp_path: Path) -> None:
    path = write(tmp_path, [TEA, TEA, TEA])
    assert len(set(run_ids(path))) == 3


def test_equal_failures_of_two_experiments_are_different_runs(tmp_path: Path) -> None:
    failed = [record(info={"error": "quota"})]
    one, other = (write(tmp_path, failed, name) for name in ("a.json", "b.json"))
    assert run_ids(one) != run_ids(other)


def test_a_second_import_gives_the_same_rows(tmp_path: Path, home: Path) -> None:
    path = write(tmp_path, [TEA])
    run_import(path)
    first = lines(home)
    run_import(path)
    own = ("recorded_at", "writer_id")
    plain = [{k: v for k, v in line.items() if k not in own} for line in lines(home)]
    plain_first = [{k: v for k, v in line.items() if k not in own} for line in first]
    assert len(plain) == 2 * len(first)
    assert all(plain.count(line) == 2 for line in plain_first)


def test_a_bad_record_is_skipped_with_its_reason(tmp_path: Path, home: Path) -> None:
    report = run_import(write(tmp_path, [TEA, {"task_id": 1}]))

    assert report.runs_imported == 1
    [skipped] = report.skipped
    assert (skipped.index, skipped.reason) == (1, "it has no reward and no traj")


def test_a_bad_file_stops_the_import_before_anything_is_written(tmp_path: Path, home: Path) -> None:
    good, bad = write(tmp_path, [TEA]), write(tmp_path, {"runs": []}, "other.json")
    with pytest.raises(UsageError, match="is no result of tau-bench"):
        run_import(good, bad)
    assert not journal_folder(home).exists()


def test_progress_reaches_the_total(tmp_path: Path, home: Path) -> None:
    told: list[tuple[int, int]] = []
    path = write(tmp_path, [TEA, {"task_id": 1}, record()])
    import_files(
        TAU,
        [path],
        settings=load_settings(),
        known_runs=lambda run_ids: (),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(2, 3), (3, 3)]


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path, home: Path) -> None:
    home.write_text("a file where the folder should be")
    with pytest.raises(SecondTakeError, match=r"Cannot write to .*SECONDTAKE_HOME"):
        run_import(write(tmp_path, [TEA]))


def test_every_importer_is_registered_under_its_format() -> None:
    assert all(importer.format == name for name, importer in IMPORTERS.items())


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path, home: Path) -> None:
    path = write(tmp_path, [TEA, record()])
    options: dict[str, Any] = {"settings": load_settings(), "known_runs": lambda _: ()}
    dry = import_files(TAU, [path], dry_run=True, **options)

    assert list(journal_folder(home).glob("*")) == []
    assert dry.model_copy(update={"dry_run": False}) == import_files(TAU, [path], **options)
