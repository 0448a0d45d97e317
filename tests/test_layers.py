"""The rooms: who may import whom, and what is light."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.support.repository import REPOSITORY

HEAVY: Final = ("litellm", "langgraph", "duckdb", "pandas")

LIGHT_STARTS: Final = {
    "the recorder": "import secondtake.runner, secondtake.runner.record",
    "--help": (
        "import sys; sys.argv = ['secondtake', '--help']\n"
        "from secondtake.backend.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass"
    ),
}


def run_python(code: str, *, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("start", LIGHT_STARTS.values(), ids=LIGHT_STARTS)
def test_a_light_start_loads_nothing_heavy(start: str) -> None:
    code = f"{start}\nimport sys\nprint([n for n in {HEAVY!r} if n in sys.modules])"
    result = run_python(code)
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] == "[]"


def test_importing_the_recorder_creates_nothing(tmp_path: Path) -> None:
    result = run_python("import secondtake.runner.record", cwd=tmp_path)
    assert (result.stdout, result.stderr, result.returncode) == ("", "", 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["backend", "evals", "runner", "studio"])
def test_a_users_package_with_a_rooms_name_keeps_working(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("MINE = True\n")
    result = run_python(f"import {name}, secondtake.{name}; print({name}.MINE)", cwd=tmp_path)
    assert (result.stdout, result.stderr) == ("True\n", "")


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
