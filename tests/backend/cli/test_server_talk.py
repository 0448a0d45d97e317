"""`secondtake answer` and `cancel`: a run is told something, whatever process executes it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from tests.support import recording_child
from tests.support.servers import wait_until
from tests.support.serving import Serving

from secondtake.backend.cli.main import main

pytestmark = pytest.mark.slow

TIMEOUT_S = 60.0
TWO = """
name: two
state: {first: {type: string}, second: {type: string}}
nodes:
  one: {kind: human, question: "First?", choices: [yes please, no], output: first}
  two: {kind: human, question: "Second?", output: second}
edges:
  - {from: START, to: one}
  - {from: START, to: two}
  - {from: one, to: END}
  - {from: two, to: END}
"""


@contextmanager
def executing(*words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Have a program of its own record a run."""
    with subprocess.Popen(
        [sys.executable, *words],
        env=os.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(*words: str) -> str:
    """Return what a command says, without its exit code."""
    return CliRunner().invoke(main, words).output.strip()


def questions() -> list[dict[str, Any]]:
    """Return what the last run asks now."""
    result = CliRunner().invoke(main, ["answer", "last", "--json"])
    return json.loads(result.output) if result.exit_code == 0 else []


@pytest.mark.parametrize("with_server", [False, True], ids=["alone", "with a server"])
def test_a_run_in_a_terminal_is_answered_from_another(
    home: Path, tmp_path: Path, with_server: bool
) -> None:
    (tmp_path / "two.yaml").write_text(TWO)
    with (
        Serving(home) if with_server else nullcontext(),
        executing("-m", "secondtake.backend.cli.main", "run", "two.yaml", "--json") as run,
    ):
        wait_until(lambda: len(questions()) == 2, what="both questions", timeout_s=TIMEOUT_S)
        spans = {asked["node"]: asked["span_id"] for asked in questions()}
        assert {asked["question"] for asked in questions()} == {"First?", "Second?"}
        assert "choices: yes please, no" in said("answer", "last")
        assert "waits for 2 answers; say which is meant" in said("answer", "last", "no")
        assert "is not one of" in said("answer", "last", "maybe", "--span", spans["one"])
        assert "asks no question 'nonsense'" in said("answer", "last", "x", "--span", "nonsense")
        assert said("answer", "last", "Yes please", "--span", spans["one"]).endswith(
            "goes on with the answer."
        )
        assert "has an answer already" in said("answer", "last", "no", "--span", spans["one"])
        wait_until(lambda: len(questions()) == 1, what="one question", timeout_s=TIMEOUT_S)
        assert "has an answer already" in said("answer", "last", "no", "--span", spans["one"])
        assert said("answer", "last", "soon", "--by", "Ada").endswith("goes on with the answer.")
        assert run.stdout is not None
        result = json.loads(run.stdout.read())
        assert result["output"] == {"first": "yes please", "second": "soon"}
        assert "has ended (ok)" in said("answer", "last", "x")
        assert "has ended (ok)" in said("cancel", "last")


@pytest.mark.parametrize("with_server", [False, True], ids=["alone", "with a server"])
def test_a_run_in_a_terminal_is_cancelled_from_another(
    home: Path, tmp_path: Path, with_server: bool
) -> None:
    (tmp_path / "two.yaml").write_text(TWO)
    with (
        Serving(home) if with_server else nullcontext(),
        executing("-m", "secondtake.backend.cli.main", "run", "two.yaml", "--json") as run,
    ):
        wait_until(lambda: len(questions()) == 2, what="both questions", timeout_s=TIMEOUT_S)
        assert said("cancel", "last").endswith("ends within two seconds.")
        assert run.stdout is not None
        result = json.loads(run.stdout.read())
        assert (result["status"], run.wait(TIMEOUT_S)) == ("cancelled", 1)


def test_a_program_that_does_not_listen_is_one_sentence(home: Path) -> None:
    with executing(recording_child.__file__) as recorder:
        assert recorder.stdout is not None
        recorder.stdout.readline()
        wait_until(
            lambda: said("runs").count("running") == 1, what="a running run", timeout_s=TIMEOUT_S
        )
        for words in (("cancel", "last"), ("answer", "last", "yes")):
            answer = said(*words)
            assert "is executed by a program that does not listen" in answer
            assert answer.count("\n") == 0
    assert not (home / "control").exists()


def test_a_question_waits_over_the_restart_of_a_killed_server(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "two.yaml").write_text(TWO)
    monkeypatch.setenv("SECONDTAKE_WORKFLOWS_ROOT", str(tmp_path / "flows"))
    with Serving(home) as server:
        body = {"workflow": "two"}
        accepted = httpx2.post(server.url + "/run", json=body, timeout=30, trust_env=False)
        run_id = accepted.json()["run_id"]
        wait_until(lambda: len(questions()) == 2, what="both questions", timeout_s=TIMEOUT_S)
        server.kill()
        server.start()
        for asked in questions():
            assert "goes on" in said("answer", run_id, "no", "--span", asked["span_id"])
        wait_until(
            lambda: server.get(f"/runs/{run_id}").json()["summary"]["status"] == "ok",
            what="the run's end",
            timeout_s=TIMEOUT_S,
        )
