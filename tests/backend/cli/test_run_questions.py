"""`secondtake run` of a workflow that asks a person."""

import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from tests.support.journal import recorded

from secondtake.backend.cli.main import main
from secondtake.backend.cli.person import Lines, Terminal
from secondtake.runner.mailbox import send_answer
from secondtake.runner.workflows.human import OpenQuestion
from secondtake.runner.workflows.questions import Question
from secondtake.runner.workflows.value_types import parse_type

WORKFLOW = """\
name: ask
state: {decision: {type: string}}
nodes:
  approve: {kind: human, question: Send it?, choices: [send, revise], max_visits: 2, output: decision}
edges:
  - {from: START, to: approve}
  - {from: approve, to: approve, when: decision == "revise"}
  - {from: approve, to: END, otherwise: true}
output: decision
"""


@pytest.fixture
def workflow(home: Path, tmp_path: Path) -> Path:
    path = tmp_path / "ask.yaml"
    path.write_text(WORKFLOW)
    return path


def start(workflow: Path, *, stdin: int, stdout: int, stderr: int) -> "subprocess.Popen[str]":
    program = "from secondtake.backend.cli.main import main; main()"
    arguments = [sys.executable, "-c", program, "run", str(workflow)]
    return subprocess.Popen(arguments, text=True, stdin=stdin, stdout=stdout, stderr=stderr)


def test_answers_beforehand_run_a_workflow_unattended(workflow: Path, home: Path) -> None:
    given = ["--answer", "approve=revise", "--answer", "approve=send"]
    result = CliRunner().invoke(main, ["run", str(workflow), *given])
    assert result.exit_code == 0, result.output
    assert "send" in result.output


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("aprove=send", "no human node `aprove`; did you mean `approve`?"),
        ("approve=perhaps", "`perhaps` is not one of: send, revise"),
        ("approve", "is not of the form name=value"),
    ],
)
def test_a_wrong_answer_beforehand_is_wrong_use(workflow: Path, given: str, expected: str) -> None:
    result = CliRunner().invoke(main, ["run", str(workflow), "--answer", given])
    assert result.exit_code == 2
    assert expected in result.output


def test_without_a_terminal_it_says_how_to_answer_and_waits(workflow: Path, home: Path) -> None:
    pipe = subprocess.PIPE
    with start(workflow, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        run_id = line.split()[1]
        assert line == (
            f"run {run_id} waits for an answer to `approve` (send · revise); type: secondtake "
            f"answer {run_id} VALUE\n"
        )
        (asked,) = recorded(home, "node_started")
        assert asked["question"] == {
            "question": "Send it?",
            "choices": ["send", "revise"],
            "type": "string",
        }
        assert send_answer(home, UUID(run_id), asked["span_id"], answer="send", by="Ada")
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "send" in out
    assert err == "(approve: answered by Ada)\n"


def test_a_person_at_a_terminal_answers_by_number_or_word(workflow: Path, home: Path) -> None:
    ours, theirs = pty.openpty()
    with start(workflow, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = read_until(ours, "> ")
        assert "approve asks:\r\nSend it?\r\n  1  send\r\n  2  revise\r\n> " in shown
        os.write(ours, b"perhaps\n")
        assert "`perhaps` is not one of: send, revise" in read_until(ours, "> ")
        os.write(ours, b"2\n")
        read_until(ours, "2  revise\r\n> ")
        os.write(ours, b"Send\n")
        assert "ask.yaml · \x1b[32mok" in read_until(ours, "secondtake show")
        assert process.wait(timeout=60) == 0
    os.close(ours)
    answers = [(row["result"], row["extra"]) for row in recorded(home, "tool_call")]
    assert answers == [
        ("revise", {"answered_via": "terminal"}),
        ("send", {"answered_via": "terminal"}),
    ]


def read_until(descriptor: int, sign: str) -> str:
    """Return what a terminal shows until it ends with `sign`, or holds it in its last line."""
    shown, give_up_at_s = "", time.monotonic() + 60
    while sign not in shown.replace("\r\n", "\n").rsplit("\n", 1)[-1] and sign not in shown[-400:]:
        assert time.monotonic() < give_up_at_s, shown
        shown += os.read(descriptor, 4096).decode()
    return shown


def test_hostile_questions_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    read, write = os.pipe()
    terminal = Terminal(Lines(read))
    question = Question(
        text="Go?\x1b[2J\x1b]0;owned\x07", choices=("a\x1b[31m", "b"), kind=parse_type("string")
    )
    terminal.show(OpenQuestion(run_id=UUID(int=1), span_id="ab", node="n\x1b", question=question))
    assert "\x1b" not in capsys.readouterr().err
    assert terminal.read_line(0.01) is None
    os.write(write, b"2\r\nhalf")
    assert terminal.read_line(1) == "b"
    assert terminal.read_line(0.01) is None
    os.close(write)
    with pytest.raises(EOFError):
        terminal.read_line(1)
    os.close(read)
