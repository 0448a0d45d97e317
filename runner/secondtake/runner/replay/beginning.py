"""What replays without a program have in common: whether there can be one, and its run."""

import contextlib
from collections.abc import Callable, Generator, Mapping
from typing import Final, Required, TypedDict, Unpack
from uuid import UUID

from secondtake.runner import faults
from secondtake.runner.errors import RunStopped, UsageError
from secondtake.runner.hashing import new_run_id
from secondtake.runner.mailbox import Mailbox
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.session import ReplaySession
from secondtake.runner.replay.workflow import Replayed
from secondtake.runner.run import RunRecorder, start_run
from secondtake.runner.settings import Settings
from secondtake.runner.sink import Sink

NO_PROGRAM: Final = "it is the replay of a run whose program is not here"


class About(TypedDict, total=False):
    """How a replay is recorded."""

    settings: Required[Settings]
    """Where to record, which modules are trusted."""
    tags: Mapping[str, str] | None
    """Free labels of the replay."""
    on_start: Callable[[RunRecorder], None] | None
    """Is given the recorder first of all."""
    run_id: UUID | None
    """The id of the replay when somebody has fixed it beforehand."""
    repeat: int | None
    """Its number among several of the same."""


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


def record_replay(
    session: ReplaySession,
    make_calls: Callable[[RunRecorder], None],
    *,
    sink: Sink | None = None,
    **about: Unpack[About],
) -> Replayed:
    """Record the replay of a run without a program; what fails inside it is told by the result.

    Args:
        session: Answers the calls.
        make_calls: Makes them.
        sink: Where to write, when not to the home of the settings; nobody can tell the run anything
            then.
        **about: How it is recorded.
    """
    run: RunRecorder | None = None
    try:
        with _recorded(session, about, sink) as run:
            make_calls(run)
    except (Exception, RunStopped):
        # The run has recorded it. Without a run there is nobody but the caller to tell.
        if run is None:
            raise
    return Replayed(
        result=run.result(),
        judged=session.judged,
        live_by_node={node: count for node, count in session.live_by_node.items() if count},
        recorded_calls=session.recorded_count,
        extra=dict(session.extra),
    )


@contextlib.contextmanager
def _recorded(session: ReplaySession, about: About, sink: Sink | None) -> Generator[RunRecorder]:
    source, settings = session.recording.start, about["settings"]
    run_id = about.get("run_id") or new_run_id()
    mailbox = _open_mailbox(settings, run_id) if sink is None else None
    try:
        with start_run(
            source.name,
            settings=settings,
            on_start=about.get("on_start"),
            run_id=run_id,
            mailbox=mailbox,
            replay=session,
            sink=sink,
            workflow=source.workflow,
            config=source.config,
            inputs=source.inputs,
            session_id=source.session_id,
            user_id=source.user_id,
            agent=source.agent,
            case_id=source.case_id,
            tags={**(source.tags or {}), **(about.get("tags") or {})},
            source_run_id=session.recording.run_id,
            repeat=about.get("repeat"),
        ) as run:
            run.observed_only = NO_PROGRAM
            yield run
    finally:
        if mailbox is not None:
            mailbox.close()


def _open_mailbox(settings: Settings, run_id: UUID) -> Mailbox:
    mailbox = Mailbox(settings.home, run_id)
    try:
        mailbox.open()
    except OSError as error:  # the replay must go on where the home cannot be written
        faults.report("the mailbox of a run", error, home=settings.home)
    return mailbox
