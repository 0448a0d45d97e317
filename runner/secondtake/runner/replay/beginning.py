"""What replays without a program have in common: whether there can be one, and its run."""

import contextlib
from collections.abc import Callable, Generator, Mapping
from typing import Final
from uuid import UUID

from secondtake.runner import faults
from secondtake.runner.errors import UsageError
from secondtake.runner.mailbox import Mailbox
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.session import ReplaySession
from secondtake.runner.run import RunRecorder, start_run
from secondtake.runner.settings import Settings

NO_PROGRAM: Final = "it is the replay of a run whose program is not here"


def check_replayable(recording: Recording) -> None:
    """See to it that there is something to ask again.

    Raises:
        UsageError: no model was asked, or what was said is not recorded.
    """
    end = recording.end
    if end is not None and end.replayable == "no":
        reason = end.replayable_reason or "its source does not say why"
        raise UsageError(f"Run {recording.run_id} cannot be replayed: {reason}.")
    if not recording.llm_calls:
        raise UsageError(f"Run {recording.run_id} asked no model; there is nothing to replay.")


@contextlib.contextmanager
def begin_replay(
    session: ReplaySession,
    *,
    settings: Settings,
    tags: Mapping[str, str] | None,
    on_start: Callable[[RunRecorder], None] | None,
    run_id: UUID,
    repeat: int | None,
) -> Generator[RunRecorder]:
    """Record the replay of a run without a program around the block."""
    about = session.recording.start
    mailbox = Mailbox(settings.home, run_id)
    try:
        mailbox.open()
    except OSError as error:  # the replay must go on where the home cannot be written
        faults.report("the mailbox of a run", error, home=settings.home)
    try:
        with start_run(
            about.name,
            settings=settings,
            on_start=on_start,
            run_id=run_id,
            mailbox=mailbox,
            replay=session,
            workflow=about.workflow,
            config=about.config,
            inputs=about.inputs,
            session_id=about.session_id,
            user_id=about.user_id,
            agent=about.agent,
            case_id=about.case_id,
            tags={**(about.tags or {}), **(tags or {})},
            source_run_id=session.recording.run_id,
            repeat=repeat,
        ) as run:
            run.observed_only = NO_PROGRAM
            yield run
    finally:
        mailbox.close()
