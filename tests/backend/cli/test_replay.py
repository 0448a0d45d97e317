"""`secondtake replay`, and what `validate --replayable` says."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from secondtake.backend.cli.main import main
from secondtake.runner.journal import close_all

WORKFLOW = """\
name: letters
inputs: {topic: {type: string}}
model: sim/strong
state: {plan: {type: string}, letter: {type: string}}
nodes:
  plan: {kind: llm, prompt: "Plan a letter about {{ topic }}.", output: plan}
  write: {kind: llm, prompt: "Write it. {{ plan }}", output: letter}
edges:
  - {from: START, to: plan}
  - {from: plan, to: write}
  - {from: write, to: END}
output: letter
"""

PROGRAM = """\
from secondtake.runner import ambient, record

@record.tool
def note(text: str) -> str:
    with open("notes.txt", "a") as file:
        file.write(f"{text}\\n")
    return "noted"

@record.llm
def ask(prompt: str) -> str:
    return f"{prompt} {ambient.uuid()}"

@record.run
def agent(question: str) -> str:
    answer = ask(prompt=question)
    note(answer)
    return answer

agent("Why?")
"""


@pytest.fixture
def source(home: Path) -> str:
    """The id of a recorded run of `letters`."""
    path = home.parent / "letters.yaml"
    path.write_text(WORKFLOW, encoding="utf-8")
    result = invoke("run", str(path), "-i", "topic=heat", "--json")
    run_id: str = json.loads(result.stdout)["run_id"]
    return run_id


def invoke(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == code, result.output
    close_all()
    return result


def replayed(run: str, *args: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(invoke("replay", run, "--json", *args, code=code).stdout)
    return found


def test_an_unchanged_replay_is_exact_and_free(source: str) -> None:
    result = invoke("replay", source[:20], "--llm", "recorded", "--tools", "recorded")
    assert "exact · All 2 calls were answered by the recording" in result.stdout
    assert "0 calls executed · 2 answered by the recording" in result.stdout
    assert f"secondtake diff {source} " in result.stdout
    assert replayed("last")["totals"]["cost_usd"] == "0"


def test_only_what_a_change_reaches_is_executed(source: str) -> None:
    Path("new.txt").write_text("Write it short. {{ plan }}", encoding="utf-8")
    found = replayed(source, "--set", "nodes.write.prompt=@new.txt", "--from", "write")
    assert (found["live_by_node"], found["recorded_calls"]) == ({"write": 1}, 1)
    assert found["verdict"] in ("diverged", "same_output")
    assert (found["diverged_field"], found["diverged_call"]) == ("messages", 2)
    rows = invoke("sql", "SELECT source_run_id, verdict, live_calls, from_node FROM replays").stdout
    assert source in rows


def test_a_plan_says_what_would_be_executed_and_executes_nothing(source: str) -> None:
    plan = json.loads(
        invoke("replay", source, "--set", "model=sim/weak", "--plan", "--json").stdout
    )
    assert (plan["executed"], plan["recorded"], plan["estimate"]) == (2, 0, True)
    assert plan["lower_usd"] is not None
    text = invoke("replay", source, "--set", "nodes.write.prompt=Shorter", "--plan").stdout
    assert "1 call executed · 1 from the recording · estimate $" in text
    assert len(json.loads(invoke("runs", "--json").stdout)["items"]) == 1


def planned(run: str, *args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(invoke("replay", run, "--plan", "--json", *args).stdout)
    return found


def test_the_plan_of_a_stepwise_replay_prices_each_call_by_the_model_that_is_asked(
    source: str,
) -> None:
    plan = planned(source, "--stepwise", "--set", "model=sim/weak")
    assert [(call["number"], call["node"], call["name"], call["reach"]) for call in plan["calls"]] == [
        (1, "plan", "sim/weak", "executed"), (2, "write", "sim/weak", "executed"),
    ]  # fmt: skip
    costs = [Decimal(call["cost_usd"]) for call in plan["calls"]]
    assert Decimal(plan["lower_usd"]) == Decimal(plan["upper_usd"]) == sum(costs) > 0
    dearer = planned(source, "--stepwise", "--set", "model=sim/strong", "--llm", "live")
    assert Decimal(dearer["lower_usd"]) > Decimal(plan["lower_usd"])
    one = planned(source, "--stepwise", "--set", "llm_calls.2.messages.0=Write it short.")
    assert [call["reach"] for call in one["calls"]] == ["recorded", "executed"]
    live = replayed(source, "--stepwise", "--set", "llm_calls.2.messages.0=Write it short.")
    assert [step["served_from"] for step in live["steps"]] == ["recorded", "live"]


@pytest.mark.parametrize("way", [["--stepwise"], []])
def test_the_plan_of_repeats_is_that_of_one_so_many_times(source: str, way: list[str]) -> None:
    one = planned(source, *way, "--repeat", "1")
    five = planned(source, *way, "--repeat", "5")
    assert (one["executed"], five["executed"], five["repeat"]) == (2, 10, 5)
    assert Decimal(five["upper_usd"]) == 5 * Decimal(one["upper_usd"]) > 0
    text = invoke("replay", source, *way, "--repeat", "5", "--plan").stdout
    assert "10 calls executed" in text
    assert "These are the figures of 5 repeats; the calls are those of one." in text


def test_an_unknown_price_is_said_and_is_no_zero(source: str) -> None:
    change = ["--stepwise", "--set", "model=nobody/knows-this"]
    plan = planned(source, *change)
    assert (plan["lower_usd"], plan["upper_usd"], plan["unpriced"]) == (None, None, 2)
    text = invoke("replay", source, *change, "--plan").stdout
    assert "what 2 calls would cost is unknown" in text
    assert "$0" not in text


def test_a_change_that_recorded_answers_cannot_serve_ends_the_replay(source: str) -> None:
    result = invoke("replay", source, "--set", "model=sim/weak", "--llm", "recorded", code=1)
    assert "The recording has no answer to this LLM call in `plan`" in result.stdout


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--set", "nodes.wrte.prompt=x"], "no node `wrte`; did you mean `write`?"),
        (["--set", "modle=x"], "no `modle`; did you mean `model`?"),
        (["--set", "state.plan=x"], "say from which node on, with --from NODE."),
        (["--from", "wirte"], "no node `wirte`; did you mean `write`?"),
        (["--set", "llm_calls.7.answer=x"], "no LLM call 7; the run has 2, the first is 1."),
        (["--set", "tools.serch=off"], "no tool `serch`"),
        (["--set", "nodes.write.prompt=@gone.txt"], "cannot read gone.txt"),
        (["--set", "model"], "write PATH=VALUE"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_cure(
    source: str, args: list[str], sentence: str
) -> None:
    assert sentence in invoke("replay", source, *args, code=2).output


def test_repeats_say_how_stable_the_answer_is(source: str) -> None:
    result = invoke("replay", source, "--repeat", "3")
    assert "3 of 3" in result.stdout
    assert "1 different answer in 3 repeats" in result.stdout
    runs = json.loads(invoke("runs", "--json").stdout)["items"]
    assert [run["repeat"] for run in runs] == [3, 2, 1, None]


def test_a_stepwise_replay_is_compared_call_by_call(source: str) -> None:
    again = replayed(source, "--stepwise", "--set", "model=sim/weak")
    assert [step["call"] for step in again["steps"]] == [1, 2]
    diff = json.loads(invoke("diff", source, "last", "--json").stdout)
    assert [(edit["a"], edit["b"]) for edit in diff["edits"]] == [(0, 0), (1, 1)]
    assert [step["node"] for step in diff["steps_b"]] == ["plan", "write"]


def test_an_edited_state_goes_on_from_the_node(source: str) -> None:
    found = replayed(source, "--set", "state.plan=Say no.", "--from", "write")
    assert (found["live_by_node"], found["recorded_calls"]) == ({"write": 1}, 1)


def test_a_program_is_replayed_by_its_command(home: Path) -> None:
    Path("agent.py").write_text(PROGRAM, encoding="utf-8")
    command = ["--", sys.executable, "agent.py"]
    assert CliRunner().invoke(main, ["runs"]).exit_code == 0
    subprocess.run(command[1:], check=True)
    refused = invoke("replay", "last", code=2)
    assert "name the program: secondtake replay" in refused.output
    refused = invoke("replay", "last", "--plan", code=2)
    assert "there is no plan; --stepwise --plan prices its LLM calls" in refused.output
    refused = invoke("replay", "last", "--plan", *command, code=2)
    assert "--plan goes without a COMMAND" in refused.output
    assert planned("last", "--stepwise")["recorded"] == 1
    result = invoke("replay", "last", *command)
    assert "exact · " in result.stdout
    assert len(Path("notes.txt").read_text().splitlines()) == 1
    edited = invoke("replay", "last", "--set", "llm_calls.1.answer=No.", *command, code=1)
    assert "The recording has no answer to this call of `note`" in edited.stdout
    refused = invoke("replay", "last", "--set", "model=sim/weak", *command, code=2)
    assert "a program decides itself what it asks" in refused.output
    invoke("replay", "last", "--", sys.executable, "-c", "print('nothing')", code=2)


def test_validate_says_what_keeps_a_workflow_from_exact_replay(source: str) -> None:
    said = invoke("validate", "letters.yaml", "--replayable").stdout
    assert said == "Nothing keeps letters from exact replay.\n"
