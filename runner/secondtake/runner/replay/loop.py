"""Replays of runs that have no program here: imports, and programs seen at the wire.

A tool loop makes each request of the conversation so far: the answer of the model, the results of
the tools that it called, and what came from outside, which is taken from the recording in order.
Never of the recorded request: that its hash equals the recorded one is what shows that the
recording hangs together. Tools are never executed: there is nothing to execute.
"""

from collections.abc import Callable, Mapping
from uuid import UUID

from secondtake.runner.errors import RunStopped, UsageError
from secondtake.runner.hashing import new_run_id
from secondtake.runner.replay.beginning import begin_replay, check_replayable
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.decisions import read_decisions
from secondtake.runner.replay.loop_session import LoopSession
from secondtake.runner.replay.player import Player
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.requests import Plain, hashed
from secondtake.runner.replay.workflow import Replayed
from secondtake.runner.run import RunRecorder
from secondtake.runner.settings import Settings
from secondtake.runner.sink import sink_for


def replay_loop(
    recording: Recording,
    changes: Changes,
    *,
    settings: Settings,
    tags: Mapping[str, str] | None = None,
    on_start: Callable[[RunRecorder], None] | None = None,
    run_id: UUID | None = None,
    repeat: int | None = None,
) -> Replayed:
    """Hold the recorded conversations of a run again.

    Args:
        recording: Of the source.
        changes: What is to be different.
        settings: Where to record.
        tags: Free labels of the replay.
        on_start: Is given the recorder first of all.
        run_id: The id of the replay when somebody has fixed it beforehand.
        repeat: Its number among several of the same.

    Raises:
        UsageError: a change does not fit the run, or it cannot be replayed.
    """
    check_replayable(recording)
    _check_tools(changes)
    plain = Plain.of(changes, recording)
    plain.check_models(recording, changes.options)
    source = hashed(recording)
    decisions = read_decisions(source.recording, clean=sink_for(settings).clean)
    session = LoopSession(source, changes.options, decisions, plain)
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
            Player(run, session, decisions, plain).play()
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


def _check_tools(changes: Changes) -> None:
    """See to it that no tool is to be executed.

    Raises:
        UsageError: one is.
    """
    if changes.options.tools == "live":
        raise UsageError(
            "--tools live: the run has no program here that could execute its tools; leave it out."
        )
    for name, rule in changes.options.tool_rules.items():
        if rule.on_miss == "live":
            raise UsageError(
                f"--set tools.{name}.on_miss=live: the run has no program here that could execute "
                f"it; give a result with --set tools.{name}.result=VALUE."
            )
