"""`secondtake run`: from the command line to the rows, on the simulated models."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.greeting import GREETING

from secondtake.backend.cli.main import main

WORKFLOW = GREETING.replace("kind: llm\n", "kind: llm\n    model: sim/strong\n")


@pytest.fixture
def workflow(home: Path, tmp_path: Path) -> Path:
    path = tmp_path / "greet.yaml"
    path.write_text(WORKFLOW)
    assert not home.exists()
    return path


def invoke(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == code, result.output
    _wait_until_sealed()
    return result


def _wait_until_sealed() -> None:
    """Wait for what the end of the process would do at once."""
    journal = Path(os.environ["SECONDTAKE_HOME"]) / "journal"
    give_up_at_s = time.monotonic() + 10
    while any(journal.glob("*.open")):
        assert time.monotonic() < give_up_at_s
        time.sleep(0.02)


def test_a_workflow_runs_and_is_recorded(workflow: Path) -> None:
    args = ("-i", "who=Ada", "-i", "times=2", "--tag", "a=b", "--session", "s", "--user", "u")
    output = invoke("run", str(workflow), *args).output
    assert re.search(
        r"^\$0\.0\d+ simulated · [\d,]+ → [\d,]+ tokens · 1 LLM call", output, re.MULTILINE
    )
    run_id = re.search(r"^secondtake show (\S+)$", output, re.MULTILINE)
    assert run_id is not None
    summary = json.loads(invoke("show", run_id[1], "--json").output)["summary"]
    assert summary["inputs"] == {"who": "Ada", "times": 2}
    assert (summary["status"], summary["simulated"]) == ("ok", True)
    assert (summary["tags"], summary["session_id"], summary["user_id"]) == ({"a": "b"}, "s", "u")
    assert summary["llm_call_count"] == 1


def test_running_holds_no_database(workflow: Path, home: Path) -> None:
    invoke("run", str(workflow), "-i", "who=Ada")
    assert not (home / "secondtake.duckdb").exists()


def test_the_result_as_json(workflow: Path) -> None:
    result = json.loads(invoke("run", str(workflow), "-i", "who=Ada", "--json").output)
    assert result["status"] == "ok"
    assert isinstance(result["totals"]["cost_usd"], str)
    assert result["timings"][0]["node"] == "say"


def test_an_input_is_read_from_a_file(workflow: Path, tmp_path: Path) -> None:
    (tmp_path / "who.txt").write_text("Grace\n")
    for given, expected in (("who=@who.txt", "Grace\n"), ("who=@@who.txt", "@who.txt")):
        result = json.loads(invoke("run", str(workflow), "-i", given, "--json").output)
        shown = json.loads(invoke("show", result["run_id"], "--json").output)
        assert shown["summary"]["inputs"]["who"] == expected


def test_a_profile_says_where_the_time_went(workflow: Path) -> None:
    output = invoke("run", str(workflow), "-i", "who=Ada", "--profile").output
    assert re.search(r"^NODE +KIND +COUNT +TOTAL +SELF +% OF RUN$", output, re.MULTILINE)
    assert re.search(r"^say +llm +1 ", output, re.MULTILINE)
    for part in ("LLM calls", "tool calls", "own code of nodes", "overhead", "the whole run"):
        assert re.search(rf"^{part} +\S+", output, re.MULTILINE)


@pytest.mark.usefixtures("home")
def test_a_prompt_needs_no_workflow() -> None:
    output = invoke("run", "--prompt", "What is 2 + 3 * 4?", "--tools", "calculator").output
    assert "14" in output
    assert "1 tool call" in output


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "`who` is missing"),
        (["-i", "who=a", "-i", "who=b"], "given twice"),
        (["-i", "wo=a"], "wo"),
        (["-i", "who=@absent.txt"], "absent.txt"),
        (["-i", "who=a", "-i", "times=many"], "times"),
        (["-i", "who=a", "--set", "nodes.sy.model=x"], "say"),
        (["-i", "who=a", "--tools", "calculator"], "--prompt"),
    ],
)
def test_wrong_use_is_told_and_nothing_is_recorded(
    workflow: Path, home: Path, args: list[str], told: str
) -> None:
    result = invoke("run", str(workflow), *args, code=2)
    assert told in result.stderr
    assert result.stderr.startswith("error: ")
    assert not list(home.glob("journal/*"))


def test_a_workflow_with_problems_is_told_by_place(workflow: Path) -> None:
    workflow.write_text(WORKFLOW.replace("to: say", "to: sai"))
    result = invoke("validate", str(workflow), code=1)
    assert re.match(r".*greet\.yaml:\d+:\d+: ", result.stdout)
    assert json.loads(invoke("validate", str(workflow), "--json", code=1).stdout)["problems"]
    assert ":" in invoke("run", str(workflow), "-i", "who=a", code=2).stderr
    workflow.write_text(WORKFLOW)
    assert invoke("validate", str(workflow)).output == "greet is fine: 1 node.\n"


@pytest.mark.usefixtures("home")
def test_the_schema_of_workflows_is_json() -> None:
    assert json.loads(invoke("schema", "workflow").output)["title"]


def test_a_run_that_fails_is_recorded_and_exits_with_1(workflow: Path) -> None:
    output = invoke(
        "run", str(workflow), "-i", "who=a", "--set", "nodes.say.model=sim/absent", code=1
    ).output
    assert output.splitlines()[0].endswith("· error")
    assert "secondtake show" in output
    assert "error" in invoke("runs").output


def test_ctrl_c_ends_a_slow_run_within_two_seconds_and_it_reads_cancelled(
    workflow: Path, home: Path
) -> None:
    slow = workflow.with_name("slow.py")
    slow.write_text(
        "import time\n\ndef wait() -> dict[str, str]:\n    time.sleep(60)\n    return {}\n"
    )
    workflow.write_text(
        "name: slow\nstate: {x: {type: string}}\n"
        "nodes:\n  wait: {kind: python, function: 'slow:wait', output: x}\n"
        "edges:\n  - {from: START, to: wait}\n  - {from: wait, to: END}\n"
    )
    (workflow.parent / "secondtake.toml").write_text('[trusted]\nmodules = ["slow"]\n')
    with subprocess.Popen(
        [sys.executable, "-m", "secondtake.backend.cli.main", "run", str(workflow)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ.copy(),
    ) as process:
        give_up_at_s = time.monotonic() + 60
        while b"node_started" not in b"".join(p.read_bytes() for p in home.glob("journal/*")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < give_up_at_s
            time.sleep(0.05)
        begun_s = time.perf_counter()
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate(timeout=20)
    assert time.perf_counter() - begun_s < 2
    assert process.returncode == 1
    assert "cancelled" in printed.splitlines()[0]
    assert "Traceback" not in told
    assert json.loads(invoke("runs", "--json").output)["items"][0]["status"] == "cancelled"
