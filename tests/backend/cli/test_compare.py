"""`secondtake compare`: from the command line to the table, on the simulated models."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.api_process import api_process
from tests.support.compared import EXPERIMENT, write_comparison
from tests.support.greeting import GREETING
from tests.support.journal import recorded

from secondtake.backend.cli.main import main
from secondtake.backend.models.comparisons import ComparisonQuery

PROGRAM = [sys.executable, "-m", "secondtake.backend.cli.main"]
WITHIN_S = 60.0


@pytest.fixture
def workflow(home: Path) -> str:
    assert not home.exists()
    Path("greet.yaml").write_text(GREETING, encoding="utf-8")
    return "greet.yaml"


def invoke(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["compare", *args])
    assert result.exit_code == code, result.output
    return result


def as_json(*args: str, code: int = 0) -> Any:
    return json.loads(invoke(*args, "--json", code=code).stdout)


def lines(*rows: str) -> str:
    Path("in.jsonl").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return "in.jsonl"


def test_models_inputs_and_repeats_make_the_table(home: Path, workflow: str) -> None:
    given = lines('{"who": "Ada"}', "", '{"who": "Bob", "times": 2}')
    made = as_json(workflow, "--models", "sim/strong,sim/weak", "--inputs", given, "--repeat", "2")
    assert (made["status"], made["planned_runs"], made["ended_runs"]) == ("ended", 8, 8)
    assert [case["case_id"] for case in made["cases"]] == ["1", "3"]
    assert made["cases"][1]["inputs"] == {"who": "Bob", "times": 2}
    strong, weak = made["models"]
    assert (strong["is_baseline"], weak["is_baseline"]) == (True, False)
    assert weak["same_as_baseline"]["of"] == 4
    assert strong["latency"]["runs"] == 4
    assert strong["latency"]["p95_ms"] is None
    cells = [cell for case in made["cases"] for cell in case["cells"]]
    assert all(sum(answer["count"] for answer in cell["answers"]) == 2 for cell in cells)
    ids = {run["run_id"] for cell in cells for run in cell["runs"]}
    assert ids == {start["run_id"] for start in recorded_starts(home)}
    again = as_json("--show", made["experiment_id"])
    assert again == made
    with api_process(home) as (client, _):
        served = client.get_comparison(ComparisonQuery(experiment="last"))
    assert json.loads(served.model_dump_json()) == made


def recorded_starts(home: Path) -> list[dict[str, Any]]:
    text = (
        CliRunner()
        .invoke(main, ["sql", "select run_id::varchar as run_id from runs", "--json"])
        .stdout
    )
    rows = json.loads(text)["rows"]
    assert not recorded(home, "run_started")  # loaded
    return [{"run_id": row[0]} for row in rows]


@pytest.mark.usefixtures("home")
def test_failures_of_a_model_are_in_the_table_and_stop_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    models = "sim/weak,no-such-model,openai/gpt-4o"
    result = invoke("--prompt", "What is 17 * 23?", "--models", models, code=1)
    assert "no-such-model failed in its only run (bad_request)" in result.stdout
    assert "LLM Provider NOT provided" in result.stdout
    assert "set the `OPENAI_API_KEY`" in " ".join(result.stdout.split())
    assert "✗ bad_request" in result.stdout
    assert "✗ auth" in result.stdout
    assert "secondtake compare --show " in result.stdout


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_the_answers_are_side_by_side_within_the_width(
    home: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    write_comparison(home)
    monkeypatch.setenv("COLUMNS", columns)
    shown = invoke("--show", EXPERIMENT).stdout.splitlines()
    assert shown[0] == "sums · 3 models · 2 inputs · 6 runs"
    grid = shown[shown.index("INPUT 1 · 2 of 2 answers are the same") : -1]
    assert max(map(len, grid)) <= int(columns)
    heads = [line for line in grid if line.startswith("sim/strong")]
    assert all("sim/weak" in line or "no-such" in line for line in heads)
    assert any('  "n": 4' in line and '≠   "n": 5' in line for line in grid)
    table = shown[3:7]
    assert "AS BASELINE" in table[0]
    assert "1 of 2" in table[2]
    assert "* simulated: no money was spent" in shown


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "name either a WORKFLOW or a --prompt"),
        (["x", "--prompt", "y"], "name either a WORKFLOW or a --prompt"),
        (["--prompt", "y"], "name what to compare"),
        (["--prompt", "y", "--models", "a,,b"], "A model has no name"),
        (["--prompt", "y", "--models", "a,a"], "named twice"),
        (["--prompt", "y", "--models", "a", "-i", "b=c"], "go with a WORKFLOW"),
        (["--prompt", " ", "--models", "sim/weak"], "The prompt is empty"),
        (["--prompt", "y", "--models", "sim/weak", "--tools", "nope"], "no tool `nope`"),
        (["nope", "--models", "a"], "There is no workflow `nope`"),
        (["greet.yaml", "--models", "a", "--tools", "calculator"], "--tools goes with --prompt"),
        (["greet.yaml", "--models", "a"], "Input `who` is missing; give it with -i who=VALUE"),
        (["greet.yaml", "--models", "a", "--repeat", "0"], "--repeat"),
        (["greet.yaml", "--models", "a", "--set", "nodes.sya.prompt=x"], "did you mean `say`"),
        (["greet.yaml", "--models", "a", "--set", "nodes.say.model=b", "-i", "who=x"], "No node"),
        (["--show", "last", "--models", "a"], "--show goes alone"),
        (["--show", "last"], "There is no comparison yet"),
    ],
)
def test_what_is_asked_in_a_wrong_way_is_told_in_a_sentence(args: list[str], told: str) -> None:
    Path("greet.yaml").write_text(GREETING, encoding="utf-8")
    result = invoke(*args, code=2)
    assert told in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "in.jsonl holds no inputs; write one JSON object a line."),
        (["", " "], "in.jsonl holds no inputs"),
        (['{"who": "a"}', "[1]"], "in.jsonl:2: a list; write an object of inputs"),
        (['"who"'], "in.jsonl:1: a text; write"),
        (['{"who": "a"}', '{"who": '], "in.jsonl:2:8: no JSON ("),
        (['{"who": "a"}', '{"how": 1, "who": "b"}'], "in.jsonl:2: No input `how`"),
        (['{"who": 3}'], "in.jsonl:1: Input `who` must be string"),
        (["[" * 100_000], "in.jsonl:1: no JSON"),
    ],
)
def test_a_mistake_in_the_inputs_is_told_with_its_line_before_anything_runs(
    home: Path, workflow: str, rows: list[str], told: str
) -> None:
    result = invoke(workflow, "--models", "sim/weak", "--inputs", lines(*rows), code=2)
    assert told in result.output
    assert not (home / "journal").exists()


@pytest.mark.usefixtures("home")
def test_inputs_that_cannot_be_read_are_told(workflow: str) -> None:
    assert "Cannot read" in invoke(workflow, "--models", "a", "--inputs", "no.jsonl", code=2).output
    Path("in.jsonl").write_bytes(b'{"who": "\xff"}\n')
    told = invoke(workflow, "--models", "a", "--inputs", "in.jsonl", code=2).output
    assert "in.jsonl:1: is not UTF-8 text" in told


def test_common_inputs_go_to_every_line_and_a_line_wins(home: Path, workflow: str) -> None:
    assert not home.exists()
    args = ("--models", "sim/weak", "-i", "who=Cy", "-i", "times=3")
    made = as_json(workflow, *args, "--inputs", lines('{"times": 1}', "{}"))
    given = [case["inputs"] for case in made["cases"]]
    assert given == [{"who": "Cy", "times": 1}, {"who": "Cy", "times": 3}]


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    give_up_at_s = time.monotonic() + WITHIN_S
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < give_up_at_s
        time.sleep(0.02)


def test_ctrl_c_ends_it_and_shows_what_there_is(home: Path) -> None:
    many = ("--repeat", "1000", "--parallel", "2")
    process = subprocess.Popen(
        [*PROGRAM, "compare", "--prompt", "Hello", "--models", "sim/weak,sim/strong", *many],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SECONDTAKE_SIM_LATENCY": "on"},
    )
    wait_until(lambda: len(recorded(home, "run_finished")) > 3, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 1
    assert "Traceback" not in err
    # The table when it comes in time, else where it is to be found.
    assert "runs ended in all, the others never ended" in out or "compare --show" in err
    made = as_json("--show", "last")
    assert made["status"] == "incomplete"
    assert 3 < made["ended_runs"] < made["planned_runs"] == 2000
