"""Human nodes: who answers, what is refused, what is recorded."""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.runner.workflows.conftest import parse
from tests.support.journal import recorded

from secondtake.runner.errors import UsageError
from secondtake.runner.mailbox import send_answer, send_cancel
from secondtake.runner.result import RunResult
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.human import OpenQuestion

ASK = """\
name: ask
inputs: {options: {type: "list[string]", default: [send, revise]}}
state: {decision: {type: TYPE}, other: {type: string}}
limits: {seconds: LIMIT}
nodes:
  approve: {kind: human, question: "Send {{ options | length }}?", type: TYPE, max_visits: 3, MORE output: decision}
  done: {kind: tool, tool: current_time}
edges:
  - {from: START, to: approve}
  - {from: approve, to: approve, when: decision == "revise"}
  - {from: approve, to: done, otherwise: true}
  - {from: done, to: END}
output: decision
"""
BOTH = """\
name: both
state: {a: {type: string}, b: {type: string}}
nodes:
  first: {kind: human, question: A?, output: a}
  second: {kind: human, question: B?, choices: [x, y], output: b}
edges:
  - {from: START, to: first}
  - {from: START, to: second}
  - {from: first, to: END}
  - {from: second, to: END}
"""
CHOICES = "choices: [send, revise],"


def text(more: str = CHOICES, *, kind: str = "string", limit: float = 60) -> str:
    """Return a workflow that asks."""
    return ASK.replace("MORE", more).replace("TYPE", kind).replace("LIMIT", str(limit))


def run(workflow: str, **more: Any) -> RunResult:
    settings = load_settings()
    return run_workflow(parse(workflow, settings), {}, settings=settings, **more)


class Typist:
    """Types lines, one each time that the run looks for one."""

    def __init__(self, *lines: str, one_at_a_time: bool = True) -> None:
        self.one_at_a_time = one_at_a_time
        self._lines = list(lines)
        self.seen: list[str] = []

    def show(self, asked: OpenQuestion) -> None:
        self.seen.append(f"{asked.node}: {asked.question.text}")

    def read_line(self, timeout_s: float) -> str | None:
        if not self._lines:
            raise EOFError
        line = self._lines.pop(0)
        if not line:
            time.sleep(timeout_s)
        return line or None

    def refuse(self, reason: str) -> None:
        self.seen.append(reason)

    def withdraw(self, reason: str) -> None:
        self.seen.append(reason)


class Answering:
    """Answers through the mailbox from another thread, as soon as a question is open."""

    def __init__(self, home: Path, *answers: Any) -> None:
        self.heard: list[str | None] = []
        self._home = home
        self._answers = list(answers)

    def __call__(self, asked: OpenQuestion | None) -> None:
        self.heard.append(asked.node if asked else None)
        if asked is not None:
            threading.Thread(target=self._send, args=(asked,)).start()

    def _send(self, asked: OpenQuestion) -> None:
        answers, self._answers = self._answers, []
        for answer in answers:
            send_answer(self._home, asked.run_id, asked.span_id, answer=answer, by="Ada")
            folder = self._home / "control" / str(asked.run_id)
            until_s = time.monotonic() + 20
            with contextlib.suppress(FileNotFoundError):  # the run has ended, its mailbox is gone
                while list(folder.glob("answer-*")) and time.monotonic() < until_s:
                    time.sleep(0.01)


def test_answers_given_beforehand_are_used_one_a_visit(home: Path) -> None:
    result = run(text(), answers={"approve": ["revise", "SEND"]})
    assert (result.status, result.output) == ("ok", "send")
    assert result.totals.tool_calls == 1, "the clock; a person is no tool, as in the store"
    calls = [row for row in recorded(home, "tool_call") if row["tool"] == "human"]
    assert [(row["span_kind"], row["result"]) for row in calls] == [
        ("other", "revise"),
        ("other", "send"),
    ]
    asked = {"question": "Send 2?", "choices": ["send", "revise"], "type": "string"}
    assert calls[0]["arguments"] == asked
    assert calls[0]["extra"] == {"answered_via": "beforehand"}
    nodes = [row for row in recorded(home, "node_started") if row["node"] == "approve"]
    assert [row["visit"] for row in nodes] == [1, 2]
    assert nodes[0]["question"] == asked
    assert nodes[0]["node_kind"] == "human"


def test_a_person_at_the_terminal_is_asked_again_until_it_fits(home: Path) -> None:
    typist = Typist("", "maybe", "send")
    assert run(text(), ask=typist).output == "send"
    assert typist.seen == ["approve: Send 2?", "`maybe` is not one of: send, revise"]
    (call,) = [row for row in recorded(home, "tool_call") if row["tool"] == "human"]
    assert call["extra"] == {"answered_via": "terminal"}


def test_the_mailbox_answers_and_a_wrong_answer_does_not_end_the_run(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answering = Answering(home, "nonsense", "send")
    result = run(text(), on_question=answering)
    assert (result.status, result.output) == ("ok", "send")
    assert "`nonsense` is not one of: send, revise" in caplog.text
    assert answering.heard == ["approve", None]
    (call,) = [row for row in recorded(home, "tool_call") if row["tool"] == "human"]
    assert call["extra"] == {"answered_via": "mailbox", "answered_by": "Ada"}


def test_the_mailbox_may_be_faster_than_the_terminal(home: Path) -> None:
    typist = Answered(home)
    assert run(text(), ask=typist).output == "send"
    assert typist.seen == ["approve: Send 2?", "approve: answered by Ada"]


class Answered(Typist):
    """Types nothing; somebody else answers as soon as the question is shown."""

    def __init__(self, home: Path) -> None:
        super().__init__(*[""] * 200)
        self._home = home

    def show(self, asked: OpenQuestion) -> None:
        super().show(asked)
        assert send_answer(self._home, asked.run_id, asked.span_id, answer="send", by="Ada")


@pytest.mark.parametrize("one_at_a_time", [True, False])
def test_two_questions_at_once_are_both_answered(home: Path, one_at_a_time: bool) -> None:
    typist = Typist("", "x", "", "y", one_at_a_time=one_at_a_time)
    result = run(BOTH, ask=typist) if one_at_a_time else run(BOTH, on_question=_Each(home))
    assert result.status == "ok"
    assert result.output["b"] in ("x", "y")
    assert not one_at_a_time or len(typist.seen) == 2


class _Each:
    """Answers every question with `x`."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __call__(self, asked: OpenQuestion | None) -> None:
        if asked is not None:
            assert send_answer(self._home, asked.run_id, asked.span_id, answer="x", by=None)


def test_a_closed_terminal_leaves_the_mailbox(home: Path) -> None:
    assert run(text(), ask=Typist(), on_question=Answering(home, "send")).output == "send"


def test_waiting_is_cancelled_and_does_not_use_up_the_seconds(home: Path) -> None:
    cancelled = threading.Event()

    def cancel_later(asked: OpenQuestion | None) -> None:
        if asked is not None:
            threading.Timer(1.0, cancel, args=(asked,)).start()

    def cancel(asked: OpenQuestion) -> None:
        cancelled.set()
        send_cancel(home, asked.run_id, reason="enough")

    result = run(text(limit=0.5), on_question=cancel_later)
    assert cancelled.is_set()
    assert (result.status, result.error_message) == ("cancelled", "enough")
    (node,) = recorded(home, "node_finished")
    assert node["error_type"] == "RunCancelled"
    assert node["question"]["question"] == "Send 2?"


def test_after_its_time_the_default_is_the_answer(home: Path) -> None:
    result = run(text(f"{CHOICES} timeout_s: 0.2, default: send,"))
    assert (result.status, result.output) == ("ok", "send")
    assert recorded(home, "tool_call")[0]["extra"] == {"answered_via": "default"}


def test_without_a_default_the_node_fails_after_its_time(home: Path) -> None:
    result = run(text(f"{CHOICES} timeout_s: 0.2,"))
    assert (result.status, result.error_type) == ("error", "NodeTimeout")
    assert result.error_message == (
        "Nobody answered node `approve` within 0.2 s; raise `timeout_s`, or give it a `default`."
    )


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [("boolean", "yes", True), ("integer", "3", 3), ("number", "2.5", 2.5), ("any", "a", "a")],
)
def test_answers_have_the_declared_type(home: Path, kind: str, given: str, expected: Any) -> None:
    asked = text("", kind=kind).replace('decision == "revise"', "not true")
    assert run(asked, answers={"approve": [given]}).output == expected
    if kind != "any":
        with pytest.raises(UsageError, match=f"--answer approve=perhaps: .*must be {kind}"):
            run(asked, answers={"approve": ["perhaps"]})


def test_choices_may_come_from_the_state(home: Path) -> None:
    asked = text('choices: "{{ options }}",')
    assert run(asked, answers={"approve": ["Send"]}).output == "send"
    failed = run(asked, answers={"approve": ["no"]})
    assert failed.error_message == (
        "Node `approve` cannot take the answer: `no` is not one of: send, revise."
    )
    wrong = run(asked.replace("default: [send, revise]", "default: []"), answers={"approve": ["a"]})
    assert wrong.output == "a", "an empty list allows any answer"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"aprove": ["send"]}, "--answer aprove: no human node `aprove`; did you mean `approve`?"),
        ({"done": ["send"]}, "--answer done: no human node `done`; there are: `approve`"),
        ({"approve": ["x"]}, "--answer approve=x: `x` is not one of: send, revise."),
    ],
)
def test_a_wrong_answer_beforehand_is_refused_before_there_is_a_run(
    home: Path, answers: dict[str, list[str]], expected: str
) -> None:
    with pytest.raises(UsageError) as refused:
        run(text(), answers=answers)
    assert refused.value.message == expected
    assert not (home / "journal").exists()


def test_a_question_that_cannot_be_filled_in_fails_its_node(home: Path) -> None:
    asked = text().replace("options | length", "options[7].x")
    result = run(asked, answers={"approve": ["send"]})
    assert result.status == "error"
    assert recorded(home, "node_finished")[0]["node"] == "approve"


def test_a_nested_question_is_answered_by_its_full_name(
    home: Path, tmp_path: Path, steps: Callable[[str], str]
) -> None:
    root = load_settings().workflows_root
    root.mkdir(parents=True, exist_ok=True)
    (root / "ask.yaml").write_text(text())
    outer = """
        name: outer
        state: {got: {type: string}}
        nodes: {inner: {kind: workflow, workflow: ask, output: got}}
        edges: [{from: START, to: inner}, {from: inner, to: END}]
        output: got
    """
    assert run(outer, answers={"inner.approve": ["revise"], "approve": ["send"]}).output == "send"
    typist = Typist("send")
    assert run(outer, ask=typist).output == "send"
    assert typist.seen == ["inner.approve: Send 2?"]
