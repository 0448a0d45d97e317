"""Each recorded LLM call asked again by itself, on its recorded input: works for every trace.

Steps do not build on each other: what one answers now is not what the next is sent. So the verdict
is about answers alone. `exact`: no request was changed and every answer is the recorded one.
`same_output`: requests were changed and every answer is the recorded one all the same.
`diverged`: at the first call that was answered otherwise, called other tools, or failed.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from secondtake.runner.calls import LlmResponse
from secondtake.runner.context import node
from secondtake.runner.errors import RunStopped, UsageError
from secondtake.runner.hashing import new_run_id
from secondtake.runner.providers.library import load_litellm
from secondtake.runner.providers.retry import CallPolicy
from secondtake.runner.replay.beginning import begin_replay, check_replayable
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.requests import Plain, ask, hashed
from secondtake.runner.replay.step_session import NODE, Step, StepSession
from secondtake.runner.replay.workflow import Replayed
from secondtake.runner.run import RunRecorder
from secondtake.runner.settings import Settings
from secondtake.runner.workflows.waiting import run_parallel

PARALLEL: Final = 8
POLICY: Final = CallPolicy(repeats_recorded=False)


def replay_stepwise(
    recording: Recording,
    changes: Changes,
    *,
    settings: Settings,
    parallel: int = PARALLEL,
    tags: Mapping[str, str] | None = None,
    on_start: Callable[[RunRecorder], None] | None = None,
    run_id: UUID | None = None,
    repeat: int | None = None,
) -> Replayed:
    """Ask each recorded LLM call of a run again.

    Args:
        recording: Of the source.
        changes: What is to be different in the requests. With `auto` a request that stays as it
            is is answered by the recording.
        settings: Where to record.
        parallel: How many are asked at once.
        tags: Free labels of the replay.
        on_start: Is given the recorder first of all.
        run_id: The id of the replay when somebody has fixed it beforehand.
        repeat: Its number among several of the same.

    Raises:
        UsageError: a change does not fit the run, or it cannot be replayed.
    """
    check_replayable(recording)
    _check_options(changes)
    plain = Plain.of(changes, recording)
    is_changed = _is_changed(changes, plain, recording)
    session = StepSession(hashed(recording), changes.options)
    steps = [Step(number=number, call=call) for number, call in enumerate(recording.llm_calls, 1)]
    _prepare(steps, plain, session)
    if is_changed or changes.options.samples or changes.options.llm == "live":
        load_litellm()  # here, so that the steps begin in order and no time of it is theirs
    run: RunRecorder | None = None
    try:
        with begin_replay(
            session,
            settings=settings,
            tags=tags,
            on_start=on_start,
            run_id=run_id or new_run_id(),
            repeat=repeat,
        ) as run:
            _make_all(run, session, steps, parallel)
    except (Exception, RunStopped):
        if run is None:
            raise
    return Replayed(
        result=run.result(),
        judged=session.judged,
        live_by_node={node: count for node, count in session.live_by_node.items() if count},
        recorded_calls=session.recorded_count,
        extra=dict(session.extra),
    )


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


def _prepare(steps: list[Step], plain: Plain, session: StepSession) -> None:
    """Make the request of each step.

    Raises:
        UsageError: a model is to be asked and nobody knows which; or nothing was recorded.
    """
    recording = session.recording
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


def _make_all(run: RunRecorder, session: StepSession, steps: list[Step], parallel: int) -> None:
    """Make all steps.

    Raises:
        Exception: that of the first step, when all failed.
        RunStopped: the run was asked to end, or a call may not be made.
    """

    def job(step: Step) -> Callable[[], None]:
        return lambda: _make(run, step)

    asked = [step for step in steps if step.request is not None]
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
