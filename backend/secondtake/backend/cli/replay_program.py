"""`secondtake replay RUN -- COMMAND`: the user's own program, executed again as a replay."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from secondtake.backend import formats
from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.replay_report import who_answered
from secondtake.runner.errors import UsageError

if TYPE_CHECKING:
    from secondtake.runner.events import Policy, ReplayFinished
    from secondtake.runner.replay.recording import Recording
    from secondtake.runner.settings import Settings


WRAPPED: Final = "wrap"
"""Source of a run that was recorded at the wire."""


def replay_program(
    recording: "Recording",
    command: Sequence[str],
    *,
    settings: "Settings",
    texts: Sequence[str],
    **how: Any,
) -> "Recording":
    """Start a program whose first run of the recorded name is the replay; return its recording.

    Args:
        recording: Of the source.
        command: The program and its arguments.
        settings: Where it records.
        texts: What is to be different, `PATH=VALUE`.
        **how: `llm`, `tools`, `from_node` and `tags`.

    Raises:
        UsageError: a change does not fit, the program cannot be started, or it made no such run.
    """
    from secondtake.backend.errors import NotFoundError

    if recording.start.source == WRAPPED:
        run_id = _replay_at_the_wire(recording, command, settings=settings, texts=texts, **how)
    else:
        run_id = _replay_inside(recording, command, settings=settings, texts=texts, **how)
    backend = connect(settings)
    try:
        return backend.get_recording(str(run_id))
    except NotFoundError:
        name = recording.start.name
        raise UsageError(
            f"The program made no run named `{name}`, so nothing was replayed; name the program "
            "that made the run."
        ) from None
    finally:
        backend.close()


def _replay_inside(
    recording: "Recording",
    command: Sequence[str],
    *,
    settings: "Settings",
    texts: Sequence[str],
    **how: Any,
) -> UUID:
    """Start a program that records itself, with the job of being the replay."""
    from secondtake.runner.hashing import new_run_id
    from secondtake.runner.replay import REPLAY_VARIABLE
    from secondtake.runner.replay.programs import write_job

    run_id = new_run_id()
    with tempfile.TemporaryDirectory(prefix="secondtake-") as folder:
        job = Path(folder) / "replay.json"
        write_job(job, recording, run_id=run_id, texts=texts, **how)
        environment = os.environ | {
            REPLAY_VARIABLE: str(job),
            "SECONDTAKE_HOME": str(settings.home),
        }
        with _child_is_interrupted():
            try:
                subprocess.run(list(command), env=environment, check=False)
            except OSError as error:
                raise UsageError(f"Cannot start {command[0]}: {error.strerror}.") from None
    return run_id


def _replay_at_the_wire(
    recording: "Recording",
    command: Sequence[str],
    *,
    settings: "Settings",
    texts: Sequence[str],
    llm: "Policy",
    tools: "Policy",
    from_node: str | None,
    tags: dict[str, str],
) -> UUID:
    """Start an unmodified program whose requests are answered; its tools it executes itself."""
    from secondtake.runner.replay.changes import read_changes
    from secondtake.runner.replay.program_session import program_session
    from secondtake.runner.wrap.execute import Command, execute

    changes = read_changes(texts, recording, llm=llm, tools=tools, from_node=from_node)
    session = program_session(recording, changes)
    wanted = Command(argv=list(command), name=recording.start.name, tags=tags)
    outcome = execute(wanted, settings, replay=session, source_run_id=recording.run_id)
    return outcome.result.run_id


def verdict_of(replay: "Recording") -> "ReplayFinished | None":
    """Return what a replay came to; None when it did not come to its end."""
    from secondtake.runner.events import ReplayFinished

    return next((each for each in replay.events if isinstance(each, ReplayFinished)), None)


def program_lines(source: "Recording", replay: "Recording") -> list[str]:
    """Return how a replayed program ended, its verdict, and what was executed for it."""
    end, finished = replay.end, verdict_of(replay)
    status = end.status if end else "interrupted"
    lines = [f"replay of {str(source.run_id)[:13]} · {status}"]
    if end is not None and end.error_message:
        lines.append(f"  {end.error_type}: {formats.one_line(end.error_message)}")
    if finished is not None and finished.verdict is not None:
        lines.append(f"{finished.verdict.replace('_', ' ')} · {finished.verdict_reason}")
        live = finished.live_by_node or {}
        avoided = finished.avoided_cost_usd
        lines.append(who_answered(live, finished.recorded_calls, avoided))
    return [*lines, f"secondtake diff {source.run_id} {replay.run_id}"]


@contextlib.contextmanager
def _child_is_interrupted() -> Generator[None]:
    """Leave Ctrl-C to the program, which records it; its end is waited for."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
