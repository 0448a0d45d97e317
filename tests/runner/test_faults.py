import logging
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.journal import recorded

PROGRAM = """
import resource, sys
from secondtake.runner import record

@record.tool
def note(text):
    return len(text)

@record.run
def work():
    done = 0
    for number in range(200):
        if number == 100:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
        done += note(f"{number} " + "x" * 200) > 0
        if number == 150:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    return done

print(work())
"""


@pytest.mark.parametrize("limit_bytes", [4_000, 30_000])
def test_a_full_disk_keeps_what_was_flushed_and_the_work_goes_on(
    home: Path, limit_bytes: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(limit_bytes)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.stdout == "200\n"
    assert done.returncode == 0
    assert done.stderr.count("could not record") == 1
    written = [int(call["arguments"]["text"].split()[0]) for call in recorded(home, "tool_call")]
    assert written[:100] == list(range(100))
    assert written[-49:] == list(range(151, 200))
    lost = 200 - len(written)
    assert lost > 0
    (finished,) = recorded(home, "run_finished")
    assert finished["recording_faults"] == lost
    assert finished["replayable"] == "stepwise"
    faults = (home / "faults.ndjson").read_text().splitlines()
    assert len(faults) <= lost


def test_a_home_that_cannot_be_written_does_not_stop_the_program(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "1000000000"],
        capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
        env={"SECONDTAKE_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    assert done.stdout == "200\n"
    assert "could not record" in done.stderr


def test_the_first_fault_of_a_kind_is_logged_and_all_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from secondtake.runner import faults

    before = faults.fault_count()
    with caplog.at_level(logging.WARNING, logger="secondtake"):
        for _ in range(3):
            faults.report("a test", OSError("disk full"), home=tmp_path)

    assert faults.fault_count() == before + 3
    assert caplog.text.count("could not record") == 1
    assert len((tmp_path / "faults.ndjson").read_text().splitlines()) == 3
