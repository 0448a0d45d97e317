"""Executes one workflow or prompt with several models: models x inputs x repeats, each a run.

A few runs at a time. All runs of a comparison share its id; each names its model as `variant`, its
inputs as `case_id`, and its repeat. What fails in one run is that run's end and nobody else's.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

from secondtake.runner.description import RunPlace
from secondtake.runner.errors import UsageError
from secondtake.runner.hashing import new_run_id
from secondtake.runner.result import RunResult
from secondtake.runner.run import RunRecorder
from secondtake.runner.supervise import (
    POLL_S,
    THREAD_NAME,
    OnStart,
    Supervision,
    signals_go_to,
)
from secondtake.runner.workflows.execute import run_prompt, run_workflow
from secondtake.runner.workflows.human import Answers, OpenQuestion
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.schema import ModelNode

COMPARISON: Final = "comparison"
"""Under this key the `extra` of each run tells how many runs the whole comparison is to have."""
PARALLEL_MAX: Final = 64


@dataclass(frozen=True, kw_only=True)
class Case:
    """The inputs of one or more runs."""

    case_id: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ComparisonPlan:
    """What a comparison consists of."""

    models: Sequence[str]
    """The first is the baseline."""
    case_count: int
    repeats: int = 1
    experiment_id: str = field(default_factory=lambda: str(new_run_id()))

    @property
    def run_count(self) -> int:
        """How many runs that makes."""
        return len(self.models) * self.case_count * self.repeats

    def place(self, model: str, case_id: str, repeat: int) -> RunPlace:
        """Return where one of its runs stands."""
        about = {
            "models": list(self.models),
            "case_count": self.case_count,
            "repeats": self.repeats,
        }
        return RunPlace(
            experiment_id=self.experiment_id,
            variant=model,
            case_id=case_id,
            repeat=repeat,
            extra={COMPARISON: about},
        )

    def runs(self, cases: Iterable[Case]) -> Iterator["PlannedRun"]:
        """Yield the runs, case by case: one that is ended early has whole cases.

        The models take turns, so that what makes one hour slower than another hits all of them.
        """
        for case in cases:
            for repeat in range(1, self.repeats + 1):
                for model in self.models:
                    place = self.place(model, case.case_id, repeat)
                    yield PlannedRun(model=model, case=case, place=place)


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A run that is to be executed."""

    model: str
    case: Case
    place: RunPlace


@dataclass(kw_only=True)
class Executed:
    """What became of the runs."""

    ended: int = 0
    ok: int = 0
    faults: int = 0
    """Events that could not be recorded."""
    is_cancelled: bool = False
    """Ended by Ctrl-C or SIGTERM before all runs were executed to their end."""
    refusal: Exception | None = None
    """Why a run could not even begin; no further ones were begun then."""


Execute = Callable[[PlannedRun, OnStart], RunResult]


def check_models(names: Sequence[str]) -> list[str]:
    """Return the models to compare, without white space around them.

    Raises:
        UsageError: there is none, one is empty, or one is named twice.
    """
    models = [name.strip() for name in names]
    if not all(models) or not models:
        raise UsageError("A model has no name; write them like --models sim/strong,sim/fast.")
    twice = next((name for name in models if models.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"The model {twice} is named twice; name it once, and repeat its runs with --repeat."
        )
    return models


def check_reached(workflow: Workflow) -> None:
    """See that the model of the run is asked by some node.

    Raises:
        UsageError: comparing models would compare the same thing with itself.
    """
    if not _asks(workflow):
        raise UsageError(
            f"No node of {workflow.name} asks the model of the run: each names its own, or asks "
            "none. Take the `model` out of a node to compare models there."
        )


def _asks(workflow: Workflow) -> bool:
    """Tell whether a node asks the model that the run was given."""
    nodes = workflow.definition.nodes.values()
    if any(isinstance(node, ModelNode) and node.model is None for node in nodes):
        return True
    inner = (each for each in workflow.nested.values() if each.definition.model is None)
    return any(_asks(each) for each in inner)


def of_workflow(workflow: Workflow, *, answers: Answers | None = None, **about: Any) -> "Execute":
    """Return what executes a planned run of a workflow.

    Nobody sits beside a comparison: a run that asks a person a question to which no answer was
    given beforehand ends as cancelled, and says so.

    Args:
        workflow: what to execute.
        answers: of human nodes, given to every run.
        **about: further arguments of `run_workflow`, `settings` among them.
    """

    def execute(planned: PlannedRun, on_start: OnStart) -> RunResult:
        begun: list[RunRecorder] = []

        def started(run: RunRecorder) -> None:
            begun.append(run)
            on_start(run)

        def asked(question: OpenQuestion | None) -> None:
            if question is not None:
                begun[0].request_stop(
                    "cancelled",
                    f"node `{question.node}` asks a person, and nobody sits beside a comparison; "
                    f"give the answer beforehand with --answer {question.node}=VALUE",
                )

        return run_workflow(
            workflow,
            planned.case.inputs,
            model=planned.model,
            place=planned.place,
            answers=answers,
            on_start=started,
            on_question=asked,
            **about,
        )

    return execute


def of_prompt(prompt: str, *, tools: Sequence[str] = (), **about: Any) -> "Execute":
    """Return what executes a planned run of a prompt; its case has no inputs of its own.

    Args:
        prompt: taken literally.
        tools: as of `run_prompt`.
        **about: further arguments of `run_prompt`, `settings` among them.
    """

    def execute(planned: PlannedRun, on_start: OnStart) -> RunResult:
        return run_prompt(
            prompt,
            tools=tools,
            model=planned.model,
            place=planned.place,
            on_start=on_start,
            **about,
        )

    return execute


def execute_runs(
    planned: Iterable[PlannedRun],
    execute: Execute,
    *,
    parallel: int,
    on_end: Callable[[Executed], None] | None = None,
) -> Executed:
    """Execute runs, at most `parallel` at a time; Ctrl-C and SIGTERM end all within two seconds.

    Call it from the main thread. A run that was given up may have left its thread behind: end the
    process with `os._exit` after printing.

    Args:
        planned: is read as far as there is room, so it may be endless.
        execute: executes one; is given what to call with the run's recorder first of all.
        parallel: from 1 to `PARALLEL_MAX`.
        on_end: is told after each run.
    """
    return _Comparing(iter(planned), execute, parallel=parallel, on_end=on_end).all()


class _Slot(Supervision):
    """One run that is being executed."""

    def __init__(self, wake: threading.Event) -> None:
        super().__init__()
        self._wake = wake

    def work(self, execute: Callable[[OnStart], RunResult]) -> None:
        """Execute in this thread, and wake who waits for it."""
        super().work(execute)
        self._wake.set()


class _Comparing:
    """The runs of a comparison while they are executed; one thread looks after all of them."""

    def __init__(
        self,
        planned: Iterator[PlannedRun],
        execute: Execute,
        *,
        parallel: int,
        on_end: Callable[[Executed], None] | None,
    ) -> None:
        self._planned = planned
        self._execute = execute
        self._parallel = parallel
        self._on_end = on_end
        self._slots: list[_Slot] = []
        self._wake = threading.Event()
        self._executed = Executed()
        self._signals: list[int] = []

    def all(self) -> Executed:
        """Execute them all."""
        with signals_go_to(self._heard):
            self._fill()
            while self._slots:
                self._wake.wait(POLL_S)
                self._wake.clear()
                for slot in list(self._slots):
                    self._look_after(slot)
                self._fill()
        return self._executed

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)
        self._executed.is_cancelled = True
        for slot in self._slots:
            slot.heard(number, frame)
        # Nothing is set here: the event's lock may be held by the very code that was interrupted.

    def _fill(self) -> None:
        executed = self._executed
        while len(self._slots) < self._parallel and not executed.is_cancelled:
            planned = None if executed.refusal else self._next()
            if planned is None:
                return
            self._begin(planned)

    def _next(self) -> PlannedRun | None:
        try:
            return next(self._planned, None)
        except Exception as error:  # noqa: BLE001 - told by the result: other runs must end first
            self._executed.refusal = error
            return None

    def _begin(self, planned: PlannedRun) -> None:
        slot = _Slot(self._wake)
        self._slots.append(slot)
        if self._signals:  # it came between the look and here
            slot.heard(self._signals[-1], None)

        def execute(on_start: OnStart) -> RunResult:
            return self._execute(planned, on_start)

        thread = threading.Thread(
            target=copy_context().run, args=(slot.work, execute), name=THREAD_NAME, daemon=True
        )
        thread.start()

    def _look_after(self, slot: _Slot) -> None:
        is_done = slot.done.is_set()
        if not is_done and not slot.poll():
            return
        self._slots.remove(slot)
        if is_done and slot.error is not None and slot.run is None:
            if not self._executed.is_cancelled:
                self._executed.refusal = self._executed.refusal or _as_exception(slot.error)
            return
        result = slot.result or (slot.run.result() if slot.run is not None else None)
        if result is None:  # a signal came before there was a run
            return
        self._executed.ended += 1
        self._executed.ok += result.status == "ok"
        self._executed.faults += result.recording_faults
        if self._on_end is not None:
            self._on_end(self._executed)


def _as_exception(error: BaseException) -> Exception:
    return (
        error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
    )
