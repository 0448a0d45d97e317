"""`secondtake export runs`: what it says, what it refuses, and what it leaves when it is stopped."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.serving import Serving
from tests.support.stored import write_research_run, write_run

from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.main import main
from secondtake.backend.client import Client
from secondtake.backend.exports import EXPORTERS
from secondtake.backend.exports.frame import export_to
from secondtake.backend.exports.target import new_file
from secondtake.backend.models.exports import ExportedRun, ExportQuery
from secondtake.runner.errors import UsageError
from secondtake.runner.settings import load_settings


def invoke(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["export", "runs", *args])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def two_runs(home: Path) -> Path:
    write_research_run(home, tags={"team": "a"})
    write_run(home, status="error")
    return home


def left_beside(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"home", "server.txt"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("jsonl", "out · 1 run · 1 line\n"),
        ("parquet", "out · 1 run · 10 rows\n"),
        ("otlp", "out · 1 run · 5 spans\n"),
        ("openai-finetune", "out · 1 run · 1 example\n"),
    ],
)
@pytest.mark.usefixtures("two_runs")
def test_it_says_what_it_wrote(name: str, said: str, tmp_path: Path) -> None:
    assert invoke("--format", name, "-o", "out", "--tag", "team=a").output == said
    assert left_beside(tmp_path) == {"out"}


@pytest.mark.usefixtures("two_runs")
def test_its_json_has_the_same(tmp_path: Path) -> None:
    report = json.loads(invoke("--format", "jsonl", "-o", "out", "--json").output)
    assert report == {
        "format": "jsonl", "path": "out", "runs": 2, "items": 2, "left_out": {}
    }  # fmt: skip


@pytest.mark.parametrize("name", ["jsonl", "parquet"])
@pytest.mark.usefixtures("two_runs")
def test_what_is_there_is_replaced_by_force_alone(name: str, tmp_path: Path) -> None:
    invoke("--format", name, "-o", "out", "--status", "error")
    refusal = invoke("--format", name, "-o", "out", code=2)
    assert "out is there already; name another one or add --force." in refusal.output
    assert "2 runs" in invoke("--format", name, "-o", "out", "--force").output
    assert left_beside(tmp_path) == {"out"}


@pytest.mark.usefixtures("two_runs")
def test_a_folder_with_other_things_in_it_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    refusal = invoke("--format", "parquet", "-o", "mine", "--force", code=2)
    assert "holds other files than tables of an export" in refusal.output
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"
    assert "is a folder" in invoke("--format", "jsonl", "-o", "mine", "--force", code=2).output


@pytest.mark.usefixtures("two_runs")
def test_training_files_need_a_choice_of_good_runs() -> None:
    refusal = invoke("--format", "openai-finetune", "-o", "out", code=2)
    assert "--min-score NAME=VALUE or --tag NAME=VALUE" in refusal.output
    chosen = invoke("--format", "openai-finetune", "-o", "out", "--min-score", "reward=0.9")
    assert "1 example" in chosen.output
    wrong = invoke("--format", "jsonl", "-o", "x", "--min-score", "reward=high", code=2)
    assert "is no number; write e.g. `reward=0.9`" in wrong.output


@pytest.mark.usefixtures("two_runs")
def test_no_run_that_fits_is_said_and_the_file_is_empty(tmp_path: Path) -> None:
    assert "No run fits." in invoke("--format", "jsonl", "-o", "out", "--tag", "a=b").output
    assert (tmp_path / "out").read_bytes() == b""


@pytest.mark.usefixtures("two_runs")
def test_a_folder_that_is_not_there_is_one_sentence() -> None:
    assert (
        "There is no folder no to write into."
        in invoke("--format", "jsonl", "-o", "no/out", code=2).output
    )


class Stopped:
    """A source that gives one run and is then stopped by Ctrl-C."""

    def __init__(self, line: str) -> None:
        self._line = line

    def export_runs(self, query: ExportQuery) -> Iterator[ExportedRun]:
        """Yield a run and stop."""
        yield ExportedRun(self._line, 2)
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", list(EXPORTERS))
@pytest.mark.parametrize("force", [False, True])
def test_ctrl_c_leaves_nothing_and_what_was_there(
    two_runs: Path, tmp_path: Path, name: str, force: bool
) -> None:
    backend = connect(load_settings())
    run = next(iter(list(backend.export_runs(ExportQuery()))))
    before: set[str] = set()
    if force:
        export_to(backend, ExportQuery(status=("error",)), EXPORTERS[name], tmp_path / "out")
        before = {"out"}
    kept = content(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        export_to(Stopped(run.text), ExportQuery(), EXPORTERS[name], tmp_path / "out", force=force)
    assert left_beside(tmp_path) == before
    assert content(tmp_path / "out") == kept


def content(path: Path) -> Any:
    if path.is_dir():
        return {file.name: file.read_bytes() for file in path.iterdir()}
    return path.read_bytes() if path.exists() else None


def write_while_another_does(path: Path) -> None:
    with new_file(path, force=False) as file:
        file.write(b"new")
        path.write_bytes(b"theirs")


def test_a_file_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(UsageError, match="has come meanwhile"):
        write_while_another_does(path)
    assert path.read_bytes() == b"theirs"


def test_a_server_gives_the_same_files(two_runs: Path, tmp_path: Path) -> None:
    for name in EXPORTERS:
        invoke("--format", name, "-o", f"down.{name}", "--tag", "team=a")
    with Serving(two_runs):
        backend = connect(load_settings())
        assert isinstance(backend, Client)
        backend.close()
        for name in EXPORTERS:
            invoke("--format", name, "-o", f"up.{name}", "--tag", "team=a")
    for name in EXPORTERS:
        down, up = content(tmp_path / f"down.{name}"), content(tmp_path / f"up.{name}")
        assert down == up, name
