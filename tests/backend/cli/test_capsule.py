"""`secondtake capsule`: what it prints, what it leaves, and how it refuses."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from tests.support.serving import Serving
from tests.support.stored import run_frame, write_events, write_research_run

from secondtake.backend.capsules.unpack import open_capsule
from secondtake.backend.cli.main import main

RUN: Final = UUID("0199aaaa-0000-7000-8000-000000000001")


def invoke(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def capsule(home: Path, tmp_path: Path) -> Path:
    write_research_run(home)
    path = tmp_path / "run.take"
    invoke("capsule", "export", "last", str(path))
    return path


def test_export_says_what_it_wrote_and_how_to_open_it(home: Path, tmp_path: Path) -> None:
    write_research_run(home)
    first, second = invoke("capsule", "export", "last", "run.take").output.splitlines()
    size = (tmp_path / "run.take").stat().st_size

    assert first == f"run.take · {size:,} bytes · 13 members"
    assert second == "secondtake capsule open run.take"
    manifest = json.loads(invoke("capsule", "export", "last", "b.take", "--json").output)
    assert manifest["format"] == "secondtake.capsule"
    assert len(manifest["members"]) == 12


def test_open_shows_the_run_as_show_does(home: Path, capsule: Path) -> None:
    shown = invoke("show", "last").output
    first, _, rest = invoke("capsule", "open", str(capsule)).output.partition("\n\n")

    assert rest == shown
    assert first.startswith(f"capsule {capsule} · all 13 members verified · written ")
    assert "\n" not in first


def test_open_as_json_has_the_manifest_and_the_run(home: Path, capsule: Path) -> None:
    given = json.loads(invoke("capsule", "open", str(capsule), "--json").output)
    stored = json.loads(invoke("show", "last", "--json").output)

    assert set(given) == {"manifest", "run"}
    assert given["manifest"]["run_id"] == stored["summary"]["run_id"]
    assert given["run"] == stored


def test_open_leaves_no_trace_on_another_machine(
    tmp_path: Path, capsule: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, scratch = tmp_path / "elsewhere", tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("SECONDTAKE_HOME", str(elsewhere))
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = capsule.read_bytes()

    assert "plan" in invoke("capsule", "open", str(capsule)).output
    assert not elsewhere.exists()
    assert os.listdir(scratch) == []
    assert capsule.read_bytes() == before


def test_a_run_that_was_killed_is_shown_as_interrupted(home: Path, tmp_path: Path) -> None:
    begin, _ = run_frame(RUN, ())
    write_events(home, begin)
    invoke("capsule", "export", "0199aaaa", "run.take")

    assert " · interrupted · 0199aaaa" in invoke("capsule", "open", "run.take").output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("open", "none.take"), "none.take is refused as a capsule: it cannot be read: No such"),
        (("open", "."), ". is refused as a capsule: it is a folder."),
        (("export", "nosuchrun", "x.take"), "'nosuchrun' is not a run's id"),
        (("export", "last", "run.take"), "run.take is there already; name another file or add"),
        (("export", "last", "."), ". is a folder; name a file, as run.take."),
    ],
)
@pytest.mark.usefixtures("capsule")
def test_a_refusal_is_one_sentence(arguments: tuple[str, ...], reason: str) -> None:
    output = invoke("capsule", *arguments, code=2).output

    assert output.startswith(f"error: {reason}")
    assert output.count("\n") == 1


@pytest.mark.usefixtures("home")
def test_hostile_names_do_not_steer_the_terminal(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "h.take", "w") as archive:
        archive.writestr("\x1b[2J../../evil", "x")
    output = invoke("capsule", "open", "h.take", code=2).output

    assert output.startswith("error: h.take is refused as a capsule: the member '")
    assert "\x1b" not in output
    assert output.count("\n") == 1


def test_export_works_beside_a_server(home: Path, tmp_path: Path, capsule: Path) -> None:
    with Serving(home):
        invoke("capsule", "export", "last", "served.take")
    with open_capsule(capsule) as one, open_capsule(tmp_path / "served.take") as other:
        assert one.recording == other.recording


def test_the_recording_of_a_server_is_a_file_with_a_name(home: Path) -> None:
    run_id = write_research_run(home)
    invoke("runs")  # loads it
    with Serving(home) as server:
        answer = server.get(f"/runs/{run_id}/recording")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == f'attachment; filename="{run_id}.json"'
    assert answer.json()["format"] == "secondtake.recording"


def test_to_open_a_capsule_imports_nothing_that_it_names(home: Path, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    (tmp_path / "evil_module.py").write_text(f"open({str(marker)!r}, 'w')", encoding="utf-8")
    functions = ("os:system", "evil_module:main", "evil_module")
    nodes = {str(n): {"kind": "python", "function": each} for n, each in enumerate(functions)}
    config = {"workflow": {"name": "evil", "nodes": nodes}, "trusted": {"modules": ["evil_module"]}}
    write_events(home, *run_frame(RUN, (), workflow="evil_module", config=config))
    invoke("capsule", "export", "0199aaaa", "evil.take")
    result = subprocess.run(
        [sys.executable, "-m", "secondtake.backend.cli.main", "capsule", "open", "evil.take"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "0199aaaa" in result.stdout
    assert not marker.exists()
