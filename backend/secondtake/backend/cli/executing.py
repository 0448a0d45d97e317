"""What the commands have in common that execute runs in their own process."""

import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from secondtake.runner.result import RunResult
    from secondtake.runner.run import RunRecorder
    from secondtake.runner.settings import Settings

OnStart = Callable[["RunRecorder"], None]
T = TypeVar("T")


def prepare_home(settings: "Settings") -> None:
    """Read `.env`, and see to it that the home has prices."""
    from secondtake.backend.prices.snapshot import ensure_snapshot
    from secondtake.runner.settings import load_dotenv_into_environment

    load_dotenv_into_environment()
    ensure_snapshot(settings.home)


def supervised(settings: "Settings", execute: "Callable[[OnStart], RunResult]") -> "RunResult":
    """Execute one run; Ctrl-C and SIGTERM end it as cancelled."""
    from secondtake.runner.supervise import supervise

    prepare_home(settings)
    return supervise(execute)


def warn_of_faults(result: "RunResult") -> None:
    """Say what of a run could not be recorded."""
    if result.recording_faults:
        click.echo(
            f"warning: {result.recording_faults:,} events could not be recorded; "
            "see `secondtake doctor`",
            err=True,
        )


def leave(ctx: click.Context, code: int, *, cancelled: bool) -> None:
    """End the command; at once when a call that was given up still blocks its thread."""
    if cancelled or _is_left_behind():
        _leave_at_once(code)
    ctx.exit(code)


def _is_left_behind() -> bool:
    from secondtake.runner.supervise import THREAD_NAME

    return any(thread.name == THREAD_NAME for thread in threading.enumerate())


def _leave_at_once(code: int) -> None:
    """End the process now; tidying up at exit may take longer than Ctrl-C has."""
    from secondtake.runner.journal import close_all

    close_all()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
