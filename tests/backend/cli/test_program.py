"""The program as a process: exit codes, what it imports, pipes, signals."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.stored import write_research_run, write_run

PROGRAM = [sys.executable, "-m", "secondtake.backend.cli.main"]
HEAVY = ("duckdb", "langgraph", "litellm", "numpy", "pandas", "pydantic", "rich", "streamlit")


def run(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *args],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environ},
    )


def modules_after(*args: str) -> set[str]:
    code = (
        "import sys\n"
        "from secondtake.backend.cli.main import main\n"
        "try:\n"
        f"    main({list(args)!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('\\n' + ' '.join(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.usefixtures("home")
def test_help_imports_nothing_heavy() -> None:
    loaded = modules_after("--help")
    assert "secondtake.backend.cli.main" in loaded
    assert not loaded & set(HEAVY)


def test_listing_runs_imports_neither_pandas_nor_what_executes(home: Path) -> None:
    write_research_run(home)
    loaded = modules_after("runs", "--model", "sim/strong")
    assert "duckdb" in loaded
    assert not loaded & {"pandas", "numpy", "litellm", "langgraph", "rich", "jinja2"}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["--version"], 0, ""),
        (["runs"], 0, ""),
        ([], 2, "Usage:"),
        (["nope"], 2, "No such command 'nope'"),
        (["runs", "--limit", "0"], 2, "--limit"),
        (["runs", "--tag", "x"], 2, "name=value"),
        (["runs", "--since", "yesterday"], 2, "7d"),
        (["show"], 2, "RUN"),
        (["show", "abc"], 2, "secondtake runs"),
        (["show", "last"], 2, "secondtake run WORKFLOW"),
        (["show", "last", "--step", "1"], 2, "--state"),
        (["sql", "drop table runs"], 2, "SELECT"),
        (["sql", "select nope from runs"], 1, "nope"),
        (["sql", "select 1", "--json", "--csv"], 2, "exclude"),
        (["import", "nope", "x"], 2, "tau-bench"),
        (["import", "tau-bench", "absent.json"], 2, "absent.json"),
        (["validate", "absent.yaml"], 2, "absent.yaml"),
        (["run"], 2, "--prompt"),
        (["run", "x.yaml", "--prompt", "y"], 2, "--prompt"),
        (["run", "absent.yaml"], 2, "absent.yaml"),
        (["schema", "nope"], 2, "workflow"),
    ],
)
def test_exit_codes_and_one_line_errors(args: list[str], code: int, told: str) -> None:
    done = run(*args)
    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    if code and args:
        assert re.fullmatch(r"error: .+\n", done.stderr)


def test_a_setting_without_a_usable_value_is_wrong_use(home: Path) -> None:
    done = run("config", SECONDTAKE_CONTENT="maybe")
    assert done.returncode == 2
    assert done.stderr.startswith("error: content is 'maybe'")
    assert not home.exists()


def test_a_reader_who_leaves_is_no_error(home: Path) -> None:
    for number in range(30):
        write_run(home, name=f"{number}" * 500)
    for args in ("runs --json --limit 1000", "runs", "sql 'from range(100000)' --limit 100000"):
        command = f"{sys.executable} -m secondtake.backend.cli.main {args} | head -1"
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True
        )
        assert len(done.stdout.splitlines()) == 1
        assert done.stderr in ("", "Only the first 100,000 rows are shown; --limit shows more.\n")


def test_the_exit_code_of_a_broken_pipe_is_that_of_sigpipe(home: Path) -> None:
    for number in range(300):
        write_run(home, name=f"{number}" * 200)
    command = f"set -o pipefail; {sys.executable} -m secondtake.backend.cli.main runs --json --limit 1000 | true"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (141, "")


def test_ctrl_c_is_quiet(home: Path) -> None:
    write_run(home)
    query = "select count(*) from range(100000000000) a, range(1000)"
    with subprocess.Popen(
        [*PROGRAM, "sql", query, "--timeout", "60"], stderr=subprocess.PIPE, text=True
    ) as process:
        time.sleep(1.5)
        begun = time.perf_counter()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert time.perf_counter() - begun < 2
    assert process.returncode == 130
    assert "Traceback" not in told


def test_a_fault_of_the_program_is_one_line_and_a_file(home: Path, tmp_path: Path) -> None:
    code = (
        "from secondtake.backend.cli.main import main\n"
        "from secondtake.backend import local\n"
        "local.open_store = None\n"
        "main(['runs'])\n"
    )
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environ
    )
    assert done.returncode == 1
    assert re.fullmatch(r"error: TypeError: .+ the traceback is in .+\.txt\.\n", done.stderr)
    (file,) = tmp_path.glob("secondtake-fault-*.txt")
    assert "Traceback" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    loud = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**environ, "SECONDTAKE_DEBUG": "1"},
    )
    assert "Traceback" in loud.stderr
    assert not home.exists() or not list(home.glob("*fault*"))


def test_a_held_database_is_told_with_its_holder(home: Path) -> None:
    write_run(home)
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from secondtake.backend.store.connection import open_store\n"
        f"con = open_store(Path({str(home)!r}))\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            done = run("runs")
        finally:
            holder.kill()
    assert done.returncode == 1
    assert f"process {holder.pid}" in done.stderr
    assert "Traceback" not in done.stderr


def test_output_in_a_narrow_encoding_is_still_json(home: Path) -> None:
    write_run(home, name="naïve 日本")
    done = run("runs", "--json", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert json.loads(done.stdout)["items"][0]["name"] == "naïve 日本"
    table = run("runs", PYTHONIOENCODING="ascii")
    assert table.returncode == 0
