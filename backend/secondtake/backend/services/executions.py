"""Having runs executed, and telling a run that is being executed something."""

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.errors import ConflictError, NotFoundError
from secondtake.backend.models.executions import (
    AnswerRequest,
    Delivered,
    RequestedRun,
    RunRequest,
)
from secondtake.backend.models.records import NodeTiming
from secondtake.backend.services.runs import resolve_run
from secondtake.backend.store import calls, runs
from secondtake.backend.workers.pool import WorkerPool
from secondtake.runner.errors import UsageError
from secondtake.runner.mailbox import (
    ANSWER,
    control_folder,
    is_listening,
    send_answer,
    send_cancel,
)
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.settings import Settings

if TYPE_CHECKING:
    from secondtake.runner.workflows.value_types import ValueType

ANSWERED: Final = "answered-{span_id}"
TAKEN_WITHIN_S: Final = 3.0
"""An executing run takes an answer, and the store hears of it, well within this time."""
QUESTION_CHARS: Final = 100
NAME_CHARS: Final = 100
"""Of what somebody wrote, in a sentence."""


def request_run(pool: WorkerPool, request: RunRequest) -> RequestedRun:
    """Have a run executed by a worker.

    Raises:
        UsageError: what is asked for is wrong; there is no run then.
        BusyError: too many runs wait already.
        ServerFaultError: no worker can be started.
    """
    return pool.submit(request)


def cancel_run(
    con: DuckDBPyConnection, settings: Settings, name: str, *, pool: WorkerPool | None = None
) -> Delivered:
    """Ask a run to end, whatever process of this home executes it.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
        ConflictError: it has ended, or who executes it does not listen.
    """
    reason = "it was cancelled on request"
    run_id = _run_id(con, settings, name, pool)
    outcome = pool.cancel(run_id, reason=reason) if pool is not None else "unknown"
    if outcome == "cancelled":
        return Delivered(run_id=run_id, detail=f"Run {run_id} had not begun and will not.")
    if outcome == "unknown":
        _must_listen(con, settings, run_id, "cancel")
        if not send_cancel(settings.home, run_id, reason=reason):
            raise _has_ended(run_id, "cancel")
    return Delivered(run_id=run_id, detail=f"Run {run_id} ends within two seconds.")


def answer_run(
    con: DuckDBPyConnection, settings: Settings, name: str, request: AnswerRequest
) -> Delivered:
    """Answer the question that a run waits with.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
        ConflictError: it has ended, or waits for no answer, or has got it already.
        UsageError: the answer is none of the choices, or several questions are open.
    """
    run_id = resolve_run(con, name)
    _must_listen(con, settings, run_id, "answer")
    node = _question(con, run_id, request.span_id)
    _check_answer(node, request.answer)
    if _is_answered(settings, run_id, node.span_id):
        raise ConflictError(
            f"Question {node.span_id} of run {run_id} has an answer already; there is nothing "
            "to answer any more."
        )
    sent = send_answer(settings.home, run_id, node.span_id, answer=request.answer, by=request.by)
    if not sent:
        raise _has_ended(run_id, "answer")
    with contextlib.suppress(OSError):
        _mark(settings, run_id, node.span_id).touch(mode=0o600)
    return Delivered(run_id=run_id, detail=f"Run {run_id} goes on with the answer.")


def open_questions(con: DuckDBPyConnection, run_id: UUID) -> list[NodeTiming]:
    """Return the nodes of a run that wait for a person, in the order in which they asked."""
    return [
        node
        for node in calls.list_node_timings(con, run_id)
        if node.question is not None and node.ended_at is None and node.duration_ms is None
    ]


def _run_id(
    con: DuckDBPyConnection, settings: Settings, name: str, pool: WorkerPool | None
) -> UUID:
    """Return the run that is meant; one that is queued or just begins is in no store yet."""
    try:
        return resolve_run(con, name)
    except NotFoundError:
        with contextlib.suppress(ValueError):
            run_id = UUID(name.strip())
            if is_listening(settings.home, run_id) or (pool is not None and pool.has(run_id)):
                return run_id
        raise


def _must_listen(con: DuckDBPyConnection, settings: Settings, run_id: UUID, verb: str) -> None:
    """Raise when the run cannot be told anything."""
    facts = runs.get_run(con, run_id)
    if facts is not None and facts.status != "running":
        raise ConflictError(
            f"Run {run_id} has ended ({facts.status}); there is nothing to {verb} any more."
        )
    if not is_listening(settings.home, run_id):
        raise ConflictError(
            f"Run {run_id} is executed by a program that does not listen: only a run that "
            f"`secondtake run` or the server executes on this machine can be told to {verb}. "
            "Turn to the program itself."
        )


def _has_ended(run_id: UUID, verb: str) -> ConflictError:
    return ConflictError(f"Run {run_id} has just ended; there is nothing to {verb} any more.")


def _question(con: DuckDBPyConnection, run_id: UUID, span_id: str | None) -> NodeTiming:
    """Return the node whose question is meant."""
    waiting = open_questions(con, run_id)
    if span_id is not None:
        for node in waiting:
            if node.span_id == span_id:
                return node
        raise ConflictError(_no_such_question(con, run_id, span_id, waiting))
    if not waiting:
        raise ConflictError(f"Run {run_id} waits for no answer now.")
    if len(waiting) > 1:
        asked = "; ".join(f"{node.span_id}: {question_text(node)}" for node in waiting)
        raise UsageError(
            f"Run {run_id} waits for {len(waiting)} answers; say which is meant by its "
            f"`span_id`: {asked}"
        )
    return waiting[0]


def _no_such_question(
    con: DuckDBPyConnection, run_id: UUID, span_id: str, waiting: list[NodeTiming]
) -> str:
    nodes = calls.list_node_timings(con, run_id)
    if any(node.span_id == span_id and node.question is not None for node in nodes):
        return f"Question {span_id} of run {run_id} has an answer already."
    ids = ", ".join(node.span_id for node in waiting) or "none"
    return f"Run {run_id} asks no question {span_id[:NAME_CHARS]!r}; open questions: {ids}."


def question_text(node: NodeTiming) -> str:
    """Return the beginning of what a node asks."""
    asked: Any = node.question
    text = asked.get("question") if is_object(asked) else asked
    return " ".join(str(text or "").split())[:QUESTION_CHARS]


def _check_answer(node: NodeTiming, answer: Any) -> None:
    """Raise when the run would not take the answer; it decides by the same function."""
    from secondtake.runner.workflows.questions import Question, fitting_answer

    asked: Any = node.question
    fields = asked if is_object(asked) else {}
    choices = fields.get("choices")
    question = Question(
        text=question_text(node),
        choices=tuple(str(choice) for choice in choices) if is_list(choices) and choices else None,
        kind=_kind(fields.get("type")),
    )
    try:
        if answer is None:
            raise ValueError("nothing is no answer")
        fitting_answer(question, answer)
    except ValueError as error:
        raise UsageError(f"The answer does not fit: {error}.") from None


def _kind(recorded: Any) -> "ValueType":
    """Return the type of an answer; a question that names none takes any."""
    from secondtake.runner.workflows.value_types import parse_type

    try:
        return parse_type(str(recorded))
    except ValueError:
        return parse_type("any")


def _mark(settings: Settings, run_id: UUID, span_id: str) -> Path:
    """Where it is noted that a question was answered: the row of its node ends a little later."""
    return control_folder(settings.home, run_id) / ANSWERED.format(span_id=span_id)


def _is_answered(settings: Settings, run_id: UUID, span_id: str) -> bool:
    pending = control_folder(settings.home, run_id) / ANSWER.format(span_id=span_id)
    if pending.exists():
        return True
    try:
        age_s = time.time() - _mark(settings, run_id, span_id).stat().st_mtime
    except OSError:
        return False
    return age_s < TAKEN_WITHIN_S
