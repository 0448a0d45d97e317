"""Each recorded LLM call asked again by itself, on its recorded input: works for every trace.

Steps do not build on each other: what one answers now is not what the next is sent. So the verdict
is about answers alone. `exact`: no request was changed and every answer is the recorded one.
`same_output`: requests were changed and every answer is the recorded one all the same.
`diverged`: at the first call that was answered otherwise, called other tools, or failed.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar, Unpack

from secondtake.runner.calls import LlmResponse
from secondtake.runner.context import node
from secondtake.runner.errors import RunStopped, UsageError
from secondtake.runner.providers.library import load_litellm
from secondtake.runner.providers.retry import CallPolicy
from secondtake.runner.replay.beginning import About, check_replayable, record_replay
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.requests import Hashed, Plain, ask, hashed
from secondtake.runner.replay.step_session import NODE, Step, StepSession
from secondtake.runner.replay.workflow import Replayed
from secondtake.runner.run import RunRecorder
from secondtake.runner.workflows.waiting import run_parallel

Session = TypeVar("Session", bound=StepSession)

PARALLEL: Final = 8
POLICY: Final = CallPolicy(repeats_recorded=False)


def replay_stepwise(
    recording: Recording,
    changes: Changes,
    *,
    parallel: int = PARALLEL,
    **about: Unpack[About],
) -> Replayed:
    """Ask each recorded LLM call of a run again.

    Args:
        recording: Of the source.
        changes: What is to be different in the requests. With `auto` a request that stays as it
            is is answered by the recording.
        parallel: How many are asked at once.
        **about: How it is recorded.

    Raises:
        UsageError: a change does not fit the run, or it cannot be replayed.
    """
    session = prepare_steps(recording, changes, StepSession)
    if session.may_ask:
        load_litellm()  # here, so that the steps begin in order and no time of it is theirs
    return record_replay(session, lambda run: make_steps(run, session, parallel), **about)


def prepare_steps(
    recording: Recording,
    changes: Changes,
    session: Callable[[Hashed, ReplayOptions], Session],
) -> Session:
    """Check the changes, make the request of each step, and return a session of them.

    Raises:
        UsageError: a change does not fit the run, or it cannot be replayed.
    """
    check_replayable(recording)
    _check_options(changes)
    plain = Plain.of(changes, recording)
    is_changed = _is_changed(changes, plain, recording)
    made = session(hashed(recording), changes.options)
    made.may_ask = is_changed or changes.options.samples or changes.options.llm == "live"
    _prepare(plain, made)
    return made


def _check_options(changes: Changes) -> None:
    options = changes.options
    for given, path in (
        (options.tool_results, "tool_calls.N.result"),
        (options.tool_rules, "tools.NAME.result and tools.NAME.on_miss"),
        (options.answers, "llm_calls.N.answer"),
    ):
        if given:
            raise UsageError(
                f"--set {path}: with --stepwise no call builds on another, so this would change "
                "nothing; leave --stepwise out, or set llm_calls.N.messages.I."
            )


def _is_changed(changes: Changes, plain: Plain, recording: Recording) -> bool:
    """Tell whether requests are to be other ones than the recorded.

    Raises:
        UsageError: nobody may be asked them, or nobody knows whom.
    """
    is_changed = plain != Plain() or bool(changes.options.messages)
    plain.check_models(recording, changes.options, is_changed=is_changed)
    if is_changed and changes.options.llm == "recorded":
        raise UsageError(
            "--llm recorded: a recording has no answers to requests that are changed; leave it out."
        )
    return is_changed


def _prepare(plain: Plain, session: StepSession) -> None:
    """Make the request of each step.

    Raises:
        UsageError: nothing of what they were sent was recorded.
    """
    recording = session.recording
    steps = [Step(number=number, call=call) for number, call in enumerate(recording.llm_calls, 1)]
    for step in steps:
        try:
            prompt = recording.prompt_of(step.call)
        except UsageError:
            prompt = []
        if not prompt:
            step.outcome = "not_recorded"
            continue
        for edit in session.options.messages:
            if edit.call == step.number:
                prompt[edit.index] = {**prompt[edit.index], "content": edit.content}
        messages, _ = plain.opened(prompt)
        step.request = plain.request(step.call, messages, recording)
    if all(step.request is None for step in steps):
        raise UsageError(f"What the calls of run {recording.run_id} were sent is not recorded.")
    session.steps = {step.node_path: step for step in steps}


def make_steps(run: RunRecorder, session: StepSession, parallel: int) -> None:
    """Make all steps, so many at once.

    Raises:
        Exception: that of the first step, when all failed.
        RunStopped: the run was asked to end, or a call may not be made.
    """

    def job(step: Step) -> Callable[[], None]:
        return lambda: _make(run, step)

    asked = [step for step in session.steps.values() if step.request is not None]
    try:
        run_parallel([job(step) for step in asked], at_once=parallel)
    finally:
        session.conclude(run)
    if all(step.error is not None for step in asked) and asked[0].error is not None:
        raise asked[0].error


def _make(run: RunRecorder, step: Step) -> None:
    assert step.request is not None
    response: LlmResponse | None = None
    started_s = time.perf_counter()
    try:
        with node(NODE, visit=step.number):
            response = ask(step.request, policy=POLICY)
    except Exception as error:  # noqa: BLE001 - recorded; the other steps go on
        step.error = error
    except RunStopped as stop:
        run.stop_with(stop)  # the steps that have not begun shall not
        raise
    step.response = response
    step.duration_ms = (time.perf_counter() - started_s) * 1000
