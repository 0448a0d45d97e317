"""Human nodes: a question is put to a person, and the run waits for the answer.

An answer comes from whoever is first: given beforehand (`--answer NODE=VALUE`), typed at the
terminal, or left in the run's mailbox by the API, the Run page or `secondtake answer`. An answer
that does not fit is refused and the run keeps waiting; one given beforehand fails the node.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from secondtake.runner import boundary
from secondtake.runner.calls import ToolRequest
from secondtake.runner.mailbox import Mailbox
from secondtake.runner.run import RunRecorder
from secondtake.runner.workflows.failures import NodeError, NodeTimeout
from secondtake.runner.workflows.questions import Question, fitting_answer
from secondtake.runner.workflows.schema import HumanNode

TOOL: Final = "human"
"""The name of the recorded tool call that holds an answer."""
POLL_S: Final = 0.1

logger = logging.getLogger("secondtake")


@dataclass(frozen=True, kw_only=True)
class OpenQuestion:
    """A question that a run waits with."""

    run_id: UUID
    span_id: str
    """Of the node that asks."""
    node: str
    """With the nested workflow's node before it where there is one: `triage.approve`."""
    question: Question


class Person(Protocol):
    """Somebody who can be asked here, or is told where to answer."""

    one_at_a_time: bool
    """Whether a question is shown only when the one before is answered."""

    def show(self, asked: OpenQuestion) -> None:
        """Show a question."""

    def read_line(self, timeout_s: float) -> str | None:
        """Return the next line that is typed, None when none was.

        Raises:
            EOFError: nobody will type any more.
        """

    def refuse(self, reason: str) -> None:
        """Say why an answer cannot be taken; the question stays."""

    def withdraw(self, reason: str) -> None:
        """Say that the question shown is not open any more."""


OnQuestion = Callable[[OpenQuestion | None], None]
Answers = Mapping[str, Sequence[Any]]
"""Answers given beforehand: those of a node are used in order, one a visit."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    value: Any
    via: str
    by: str | None = None


class AnswerDesk:
    """What the human nodes of one run share, nested workflows included."""

    def __init__(
        self,
        *,
        answers: Answers | None = None,
        ask: Person | None = None,
        on_question: OnQuestion | None = None,
    ) -> None:
        self._given = {name: deque(values) for name, values in (answers or {}).items()}
        self._on_question = on_question
        self._lock = threading.Lock()
        self._open: dict[str, OpenQuestion] = {}
        self.person = ask
        self.turn = threading.Lock()
        """Held by the question that is being shown where that must be one at a time."""

    def take_given(self, *names: str) -> _Answer | None:
        """Return the next answer that was given beforehand under one of these names."""
        with self._lock:
            for name in names:
                if self._given.get(name):
                    return _Answer(value=self._given[name].popleft(), via="beforehand")
        return None

    @contextlib.contextmanager
    def waiting(self, asked: OpenQuestion) -> Generator[None]:
        """Tell that the run waits, for the time of the block."""
        self._note(asked.span_id, asked)
        try:
            yield
        finally:
            self._note(asked.span_id, None)

    def _note(self, span_id: str, asked: OpenQuestion | None) -> None:
        with self._lock:
            self._open.pop(span_id, None)
            if asked is not None:
                self._open[span_id] = asked
            latest = next(reversed(self._open.values()), None)
            if self._on_question is not None:
                self._on_question(latest)


class _Wait:
    """One question until it is answered."""

    def __init__(self, desk: AnswerDesk, asked: OpenQuestion, mailbox: Mailbox | None) -> None:
        self._desk = desk
        self._asked = asked
        self._mailbox = mailbox
        self._is_shown = False
        self.person = desk.person

    def poll(self) -> _Answer | None:
        """Look for an answer, for at most `POLL_S`."""
        answer = self._from_mailbox()
        if answer is None and self.person is not None and self._show(self.person):
            return self._from_person(self.person)
        if answer is None:
            time.sleep(POLL_S)
        return answer

    def end(self, answer: _Answer | None) -> None:
        """Take the question back where it is shown."""
        person = self._desk.person
        if person is None or not self._is_shown:
            return
        if answer is None or answer.via != "terminal":
            how = f"answered by {answer.by or answer.via}" if answer else "not open any more"
            person.withdraw(f"{self._asked.node}: {how}")
        if person.one_at_a_time:
            self._desk.turn.release()

    def _show(self, person: Person) -> bool:
        """Show the question, once, when it is its turn; tell whether it is shown."""
        if not self._is_shown:
            self._is_shown = not person.one_at_a_time or self._desk.turn.acquire(blocking=False)
            if self._is_shown:
                person.show(self._asked)
        return self._is_shown

    def _from_person(self, person: Person) -> _Answer | None:
        try:
            line = person.read_line(POLL_S)
        except EOFError:
            self.person = None
            return None
        if line is None:
            return None
        try:
            value = fitting_answer(self._asked.question, line.strip())
        except ValueError as error:
            person.refuse(str(error))
            return None
        return _Answer(value=value, via="terminal")

    def _from_mailbox(self) -> _Answer | None:
        message = self._mailbox.take_answer(self._asked.span_id) if self._mailbox else None
        if message is None:
            return None
        by = str(message["by"]) if message.get("by") else None
        try:
            value = fitting_answer(self._asked.question, message.get("answer"))
        except ValueError as error:
            logger.warning(
                "run %s: `%s` cannot take the answer (%s); it keeps waiting.",
                self._asked.run_id,
                self._asked.node,
                error,
            )
            return None
        return _Answer(value=value, via="mailbox", by=by)


def ask_person(
    asked: OpenQuestion,
    node: HumanNode,
    *,
    desk: AnswerDesk,
    recorder: RunRecorder,
    check: Callable[[], None],
) -> Any:
    """Return a person's answer, recorded as a call like any other.

    Args:
        asked: The question, with the span of the node that asks.
        node: Says how long to wait, and what the answer is then.
        desk: Where answers come from.
        recorder: The run; its time limit does not run on meanwhile.
        check: Raises when the run is to stop.

    Raises:
        NodeTimeout: nobody answered in time and there is no default.
        NodeError: an answer given beforehand does not fit.
    """
    told: dict[str, Any] = {}
    arguments = asked.question.described()
    request = ToolRequest(
        tool=TOOL, arguments=arguments, span_kind="other", read_only=True, extra=told
    )

    def execute() -> Any:
        plain = asked.node.rpartition(".")[2]
        answer = desk.take_given(asked.node, plain)
        if answer is None:
            with desk.waiting(asked), recorder.meter.paused():
                answer = _waited(asked, node, desk=desk, mailbox=recorder.mailbox, check=check)
        told["answered_via"] = answer.via
        if answer.by:
            told["answered_by"] = recorder.label(answer.by)
        try:
            return fitting_answer(asked.question, answer.value)
        except ValueError as error:
            raise NodeError(f"Node `{asked.node}` cannot take the answer: {error}.") from None

    return boundary.call(request, execute)


def _waited(
    asked: OpenQuestion,
    node: HumanNode,
    *,
    desk: AnswerDesk,
    mailbox: Mailbox | None,
    check: Callable[[], None],
) -> _Answer:
    until_s = None if node.timeout_s is None else time.monotonic() + node.timeout_s
    wait, answer = _Wait(desk, asked, mailbox), None
    try:
        while answer is None:
            check()
            if until_s is not None and time.monotonic() >= until_s:
                return _when_late(asked, node)
            answer = wait.poll()
            if wait.person is None and mailbox is None and until_s is None and answer is None:
                cure = f"give it beforehand with --answer {asked.node}=VALUE"
                raise NodeError(f"Nobody can answer node `{asked.node}`; {cure}.")
        return answer
    finally:
        wait.end(answer)


def _when_late(asked: OpenQuestion, node: HumanNode) -> _Answer:
    if node.has_default:
        return _Answer(value=node.default, via="default")
    text = f"Nobody answered node `{asked.node}` within {node.timeout_s:g} s"
    raise NodeTimeout(f"{text}; raise `timeout_s`, or give it a `default`.")
