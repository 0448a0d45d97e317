"""Runs a command as a wrapped program: one process, one run."""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from secondtake.runner import faults
from secondtake.runner.description import RunDescription
from secondtake.runner.errors import RunCancelled, RunStopped
from secondtake.runner.hashing import new_run_id
from secondtake.runner.limits import Limits
from secondtake.runner.mailbox import Mailbox
from secondtake.runner.result import RunResult
from secondtake.runner.run import RunRecorder
from secondtake.runner.settings import Settings
from secondtake.runner.sink import sink_for
from secondtake.runner.wrap.dialects import Api
from secondtake.runner.wrap.endpoint import Endpoint
from secondtake.runner.wrap.kept import keep_command
from secondtake.runner.wrap.program import (
    SIGNALLED_EXIT,
    Program,
    ProgramFailed,
    environment_for,
    name_of,
    upstreams_of,
)
from secondtake.runner.wrap.wrapped import Wrapped

if TYPE_CHECKING:
    from secondtake.runner.replay.session import ReplaySession


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is to be run, and how its run is to be described."""

    argv: Sequence[str]
    cwd: Path | None = None
    """Where; None here."""
    upstreams: Mapping[Api, str | None] = field(default_factory=dict[Api, str | None])
    """Where the APIs really are, where not as the environment says."""
    environment: Mapping[str, str] | None = None
    """The program's own; None for that of this process."""
    name: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a wrapped program came to."""

    exit_code: int
    result: RunResult
    other_requests: int
    """Requests that were passed on unrecorded."""


def execute(
    command: Command,
    settings: Settings,
    *,
    replay: "ReplaySession | None" = None,
    source_run_id: UUID | None = None,
) -> Outcome:
    """Run a command and record what it asks models.

    Call it from the main thread, which hears signals. With `replay` its requests are answered by
    the session; then the run is a replay of `source_run_id`.

    Raises:
        ProgramFailed: the program cannot be started; nothing is recorded then.
        UsageError: the address of an API is none.
    """
    upstreams = upstreams_of(os.environ, command.upstreams)
    run = _recorder(command, settings, replay, source_run_id)
    wrapped = Wrapped(run, upstreams, on_first=lambda prompt: _begin(run, prompt))
    try:
        with Endpoint() as endpoint:
            program = Program(
                command.argv,
                environment=environment_for(
                    command.environment or os.environ, endpoint.add(wrapped)
                ),
                cwd=command.cwd,
            )
            code = program.run(
                shall_end=lambda: wrapped.stopped is not None or run.is_stopping(),
                on_start=lambda: _keep(command, settings, run),
            )
    except ProgramFailed:
        if run.mailbox is not None:
            run.mailbox.close()
        raise
    wrapped.begin([])  # a program that asked no model is a run too
    summary = wrapped.summary()
    run.extra["wrap"] = {"exit_code": code, **summary}
    result = run.finish(error=_ending(run, program, wrapped, code))
    others = sum(summary.get("other_requests", {}).values())
    return Outcome(exit_code=code, result=result, other_requests=others)


def _recorder(
    command: Command,
    settings: Settings,
    replay: "ReplaySession | None",
    source_run_id: UUID | None,
) -> RunRecorder:
    about = RunDescription(
        name=command.name or name_of(command.argv),
        source="wrap",
        session_id=command.session_id,
        user_id=command.user_id,
        tags=command.tags,
        source_run_id=source_run_id,
    )
    run_id = new_run_id()
    listening = Mailbox(settings.home, run_id)
    mailbox: Mailbox | None = listening
    try:
        listening.open()
    except OSError as error:
        faults.report("the mailbox of a run", error, home=settings.home)
        mailbox = None
    return RunRecorder(
        about,
        sink=sink_for(settings),
        limits=Limits(),
        run_id=run_id,
        mailbox=mailbox,
        replay=replay,
    )


def _begin(run: RunRecorder, prompt: str | None) -> None:
    """Write the run's beginning: not before the first request, which says what its input is."""
    if prompt is not None:
        run.description = replace(run.description, inputs={"prompt": prompt})
    run.begin()


def _keep(command: Command, settings: Settings, run: RunRecorder) -> None:
    if not run.keeps_content:
        return
    try:
        keep_command(
            settings.home,
            run.run_id,
            command.argv,
            cwd=command.cwd or Path.cwd(),
            started_at=run.now(),
            redactor=run.sink.redactor,
            upstreams=command.upstreams,
        )
    except OSError as error:
        faults.report("the command of a run", error, home=settings.home)


def _ending(
    run: RunRecorder, program: Program, wrapped: Wrapped, code: int
) -> BaseException | None:
    """Return what the run ended with; None when it ended well."""
    if wrapped.stopped is not None:
        return wrapped.stopped
    try:
        run.check_interrupt()
    except RunStopped as stop:
        return stop
    if code == 0:
        return None
    if program.heard is not None:
        return RunCancelled(f"ended by {program.heard.name}")
    name = run.description.name
    if code > SIGNALLED_EXIT:
        number = code - SIGNALLED_EXIT
        known = number in {each.value for each in signal.Signals}
        signal_name = signal.Signals(number).name if known else f"signal {number}"
        return ProgramFailed(f"{name} was ended by {signal_name}; its own output says why.")
    return ProgramFailed(f"{name} ended with exit code {code}; its own output says why.")
