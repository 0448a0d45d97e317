"""Replays of runs that have no program here: imports, and programs seen at the wire.

A tool loop makes each request of the conversation so far: the answer of the model, the results of
the tools that it called, and what came from outside, which is taken from the recording in order.
Never of the recorded request: that its hash equals the recorded one is what shows that the
recording hangs together. Tools are never executed: there is nothing to execute.
"""

from collections.abc import Callable
from typing import TypeVar, Unpack

from secondtake.runner.errors import UsageError
from secondtake.runner.replay.beginning import About, check_replayable, record_replay
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.decisions import Decisions, read_decisions
from secondtake.runner.replay.loop_session import LoopSession
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.player import Player
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.requests import Hashed, Plain, hashed
from secondtake.runner.replay.workflow import Replayed
from secondtake.runner.settings import Settings
from secondtake.runner.sink import sink_for

Session = TypeVar("Session", bound=LoopSession)


def replay_loop(recording: Recording, changes: Changes, **about: Unpack[About]) -> Replayed:
    """Hold the recorded conversations of a run again.

    Args:
        recording: Of the source.
        changes: What is to be different.
        **about: How it is recorded.

    Raises:
        UsageError: a change does not fit the run, or it cannot be replayed.
    """
    session = prepare_loop(recording, changes, about["settings"], LoopSession)
    return record_replay(session, lambda run: Player(run, session).play(), **about)


def prepare_loop(
    recording: Recording,
    changes: Changes,
    settings: Settings,
    session: Callable[[Hashed, ReplayOptions, Decisions, Plain], Session],
) -> Session:
    """Check the changes, find out how each request came about, and return a session of that.

    Raises:
        UsageError: a change does not fit the run, or it cannot be replayed.
    """
    check_replayable(recording)
    _check_tools(changes)
    plain = Plain.of(changes, recording)
    plain.check_models(recording, changes.options)
    source = hashed(recording)
    decisions = read_decisions(source.recording, clean=sink_for(settings).clean)
    return session(source, changes.options, decisions, plain)


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
