"""Runs of workflows and their replays, without the backend."""

import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import UUID

import orjson
from tests.support.journal import recorded_lines

from secondtake.runner.calls import LlmResponse
from secondtake.runner.events import (
    BaseEvent,
    LlmCall,
    Policy,
    ReplayFinished,
    RunFinished,
    event_adapter,
)
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.workflow import Replayed, replay_workflow
from secondtake.runner.result import RunResult
from secondtake.runner.settings import Settings, load_settings
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.load import Workflow, parse_workflow

JITTER_S = 0.006
"""Longest time that a `SlowRecording` takes to find an answer."""


def recording_of(home: Path, run_id: UUID) -> Recording:
    """Return what the journal of a home holds of one run."""
    wanted = str(run_id)
    lines = [line for line in recorded_lines(home) if line["run_id"] == wanted]
    events: list[BaseEvent] = [event_adapter().validate_json(orjson.dumps(line)) for line in lines]
    return Recording.of(events)


class SlowRecording(Recording):
    """A recording that takes a random time to find an answer, so that branches race."""

    def response_of(self, call: LlmCall) -> LlmResponse:
        """Return what a call answered, some milliseconds later."""
        time.sleep(random.random() * JITTER_S)
        return super().response_of(call)


def parsed(text: str, settings: Settings | None = None) -> Workflow:
    """Return the workflow of a text."""
    settings = settings or load_settings()
    return parse_workflow(dedent(text), name="w.yaml", settings=settings)


def first_run(
    home: Path, workflow: str | Workflow, inputs: Mapping[str, Any] | None = None, **more: Any
) -> Recording:
    """Execute a workflow and return its recording, however it ended."""
    settings = more.pop("settings", None) or load_settings()
    whole = parsed(workflow, settings) if isinstance(workflow, str) else workflow
    result: RunResult = run_workflow(whole, inputs or {}, settings=settings, **more)
    return recording_of(home, result.run_id)


def replay(
    recording: Recording,
    *texts: str,
    llm: Policy = "auto",
    tools: Policy = "auto",
    from_node: str | None = None,
    settings: Settings | None = None,
    **more: Any,
) -> Replayed:
    """Execute a recorded run again."""
    changes = read_changes(texts, recording, llm=llm, tools=tools, from_node=from_node)
    return replay_workflow(recording, changes, settings=settings or load_settings(), **more)


def event_of(home: Path, replayed: Replayed) -> ReplayFinished:
    """Return the event that a replay ended with."""
    events = recording_of(home, replayed.result.run_id).events
    [found] = [event for event in events if isinstance(event, ReplayFinished)]
    return found


def ending_of(recording: Recording) -> RunFinished:
    """Return how a run ended; it has ended."""
    assert recording.end is not None
    return recording.end


def verdict_of(replayed: Replayed) -> tuple[str, str]:
    """Return verdict and reason of a replay that was judged."""
    assert replayed.judged is not None, replayed.result.error_message
    return replayed.judged.verdict, replayed.judged.reason


def assert_exact(replayed: Replayed, *, calls: int | None = None) -> None:
    """See that a replay is exact and that nothing was executed in it."""
    verdict, reason = verdict_of(replayed)
    assert verdict == "exact", reason
    assert dict(replayed.live_by_node) == {}
    if calls is not None:
        assert replayed.recorded_calls == calls


def repeatedly(times: int, once: Callable[[int], None]) -> None:
    """Do something so many times; a failure says in which turn."""
    for turn in range(times):
        try:
            once(turn)
        except AssertionError as error:
            raise AssertionError(f"turn {turn + 1} of {times}: {error}") from error
