"""The command line as a person drives it: a fresh home, the installed program, one step after the other."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.repository import REPOSITORY
from tests.support.tau_records import TEA, write

PROGRAM: Final = Path(sys.executable).with_name("secondtake")
WORKFLOWS: Final = REPOSITORY / "data" / "workflows"
RUN_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

HELLO: Final = """\
name: hello
inputs:
  who: {type: string}
state:
  greeting: {type: string}
nodes:
  greet:
    kind: llm
    prompt: "Greet {{ who }} in one sentence."
    output: greeting
edges:
  - {from: START, to: greet}
  - {from: greet, to: END}
output: greeting
"""


class Terminal:
    """Types commands in one folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def type(self, *words: str, exit_code: int = 0) -> str:
        """Run the program, require its exit code, and return what it printed."""
        result = self.run(*words)
        assert result.returncode == exit_code, result.stdout + result.stderr
        assert "Traceback" not in result.stderr
        return result.stdout if exit_code == 0 else result.stdout + result.stderr

    def json(self, *words: str) -> Any:
        """Return what a command prints with `--json`."""
        return json.loads(self.type(*words, "--json"))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the program."""
        return subprocess.run(
            [str(PROGRAM), *words],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TERM") if key in os.environ}
    own = {"HOME": str(tmp_path / "user"), "SECONDTAKE_SIM_LATENCY": "off"}
    return Terminal(tmp_path, kept | own)


def test_a_first_run_is_recorded_listed_and_shown(terminal: Terminal) -> None:
    (terminal.folder / "hello.yaml").write_text(HELLO)

    printed = terminal.type("run", "hello.yaml", "-i", "who=Ada", "--tag", "first=yes")
    found = RUN_ID.search(printed)
    assert found is not None
    listed = terminal.type("runs")
    shown = terminal.type("show", found[0])
    detail = terminal.json("show", "last")

    assert found[0][:13] in listed
    assert "hello" in shown
    assert detail["summary"]["run_id"] == found[0]
    assert detail["summary"]["status"] == "ok"
    assert detail["summary"]["tags"] == {"first": "yes"}
    assert detail["summary"]["simulated"] is True
    assert [m["role"] for m in detail["messages"]] == ["user", "assistant"]
    assert "Ada" in detail["messages"][0]["content"]
    assert detail["llm_calls"][0]["cost_usd"] is not None
    assert (terminal.folder / "user" / ".secondtake" / "secondtake.duckdb").is_file()


def test_research_fans_out_and_its_cost_adds_up(terminal: Terminal) -> None:
    home = ("--home", "home")
    workflow = str(WORKFLOWS / "research.yaml")
    terminal.environment = {
        **terminal.environment,
        "SECONDTAKE_FILES_ROOT": str(REPOSITORY / "data" / "documents"),
    }
    terminal.type(*home, "run", workflow, "-i", "topic=heat pumps")

    branches = terminal.json(
        *home,
        "sql",
        "SELECT count(DISTINCT branch_key) AS n FROM node_timings WHERE node = 'search'",
    )
    sums = terminal.json(
        *home,
        "sql",
        "SELECT (SELECT sum(cost_usd) FROM llm_calls), (SELECT sum(cost_usd) FROM runs), "
        "(SELECT sum(cost_usd) FROM cost_rollup)",
    )
    assert branches["rows"][0][0] >= 2
    assert len(set(sums["rows"][0])) == 1


def test_a_prompt_needs_no_workflow(terminal: Terminal) -> None:
    words = ("--prompt", "What is 17 * 23?", "--model", "sim/strong", "--tools", "calculator")
    assert "391" in terminal.type("run", *words)
    assert terminal.json("show", "last")["tool_calls"][0]["tool"] == "calculator"


def test_a_mistake_in_a_workflow_has_a_place_and_a_cure(terminal: Terminal) -> None:
    (terminal.folder / "bad.yaml").write_text(HELLO.replace("kind: llm", "kind: lllm"))
    for command, exit_code in (("validate", 1), ("run", 2)):
        said = terminal.type(command, "bad.yaml", exit_code=exit_code)
        assert re.search(r"bad\.yaml:8:\d+: ", said)
    assert terminal.json("runs")["items"] == []


def test_a_failed_run_exits_with_1_and_is_listed_as_error(terminal: Terminal) -> None:
    broken = HELLO.replace("Greet {{ who }}", "Greet {{ 1 / 0 }}")
    (terminal.folder / "hello.yaml").write_text(broken)
    terminal.type("run", "hello.yaml", "-i", "who=Ada", exit_code=1)
    assert [run["status"] for run in terminal.json("runs", "--status", "error")["items"]] == [
        "error"
    ]


def test_recorded_runs_are_imported_once(terminal: Terminal) -> None:
    path = write(terminal.folder, [TEA, TEA])
    assert terminal.json("import", "tau-bench", str(path))["runs_imported"] == 2
    assert terminal.json("import", "tau-bench", str(path))["runs_already_there"] == 2
    assert len(terminal.json("runs")["items"]) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "last"), "no runs yet"),
        (("show", "abc"), "no run 'abc'"),
        (("run", "no-such-workflow"), "no-such-workflow"),
        (("import", "tau-bench", "nowhere.json"), "There is no file nowhere.json"),
        (("sql", "DROP TABLE runs"), "SELECT"),
        (("runs", "--since", "yesterweek"), "yesterweek"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    terminal: Terminal, words: tuple[str, ...], says: str
) -> None:
    assert says in terminal.type(*words, exit_code=2)


def test_doctor_finds_a_fresh_home_healthy(terminal: Terminal) -> None:
    checks = terminal.json("doctor")["checks"]
    assert [check for check in checks if check["status"] == "fail"] == []


def test_config_says_where_each_value_comes_from(terminal: Terminal) -> None:
    (terminal.folder / "secondtake.toml").write_text('model = "sim/weak"\n')
    settings = {item["name"]: item for item in terminal.json("config")["settings"]}
    assert settings["model"]["value"] == "sim/weak"
    assert settings["model"]["origin"].endswith("secondtake.toml")
    assert settings["sim_latency"]["origin"] == "environment SECONDTAKE_SIM_LATENCY"


def test_the_demo_runs_offline_to_its_end(tmp_path: Path) -> None:
    environment = os.environ | {
        "SECONDTAKE_HOME": str(tmp_path / "home"),
        "SECONDTAKE_SIM_LATENCY": "off",
    }
    demo = subprocess.run(
        ["bash", str(REPOSITORY / "infra" / "demo.sh")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr == ""
    for words in ("research", "extraction", "assistant", "simulated", "What to type next"):
        assert words in demo.stdout
