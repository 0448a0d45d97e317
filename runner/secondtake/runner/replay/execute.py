"""Replaying any recorded run: which way it can be executed again, and doing it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal
from uuid import UUID

from secondtake.runner.errors import UsageError
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.workflow import Replayed, is_workflow, replay_workflow
from secondtake.runner.run import RunRecorder
from secondtake.runner.settings import Settings
from secondtake.runner.workflows.load import Workflow

Way = Literal["workflow", "loop", "stepwise", "program"]

NO_PROGRAM: Final = ("wrap", "otlp")
IMPORTED: Final = "import:"


def way_of(recording: Recording, *, stepwise: bool) -> Way:
    """Return how a run can be executed again.

    Raises:
        UsageError: it cannot; the sentence names what keeps it from it.
    """
    end = recording.end
    replayable = end.replayable if end else None
    reason = (end.replayable_reason if end else None) or "its source does not say why"
    if replayable == "no":
        raise UsageError(f"Run {recording.run_id} cannot be replayed: {reason}.")
    if stepwise:
        return "stepwise"
    source = recording.start.source
    if source in NO_PROGRAM or source.startswith(IMPORTED):
        return "loop"
    if replayable == "stepwise":
        raise UsageError(
            f"Run {recording.run_id} cannot be replayed as a whole: {reason}; "
            "use --stepwise, which asks each of its LLM calls by itself."
        )
    return "workflow" if is_workflow(recording) else "program"


def replay_run(
    recording: Recording,
    changes: Changes,
    way: Way,
    *,
    settings: Settings,
    workflow: Workflow | None = None,
    tags: Mapping[str, str] | None = None,
    on_start: Callable[[RunRecorder], None] | None = None,
    run_id: UUID | None = None,
    repeat: int | None = None,
    **people: Any,
) -> Replayed:
    """Execute a recorded run again.

    Args:
        recording: Of the source.
        changes: What is to be different.
        way: As `way_of` says.
        settings: Where to record, which modules are trusted.
        workflow: Another definition than the recorded one.
        tags: Free labels of the replay.
        on_start: Is given the recorder first of all.
        run_id: The id of the replay when somebody has fixed it beforehand.
        repeat: Its number among several of the same.
        **people: `answers`, `ask` and `on_question` of `replay_workflow`.

    Raises:
        UsageError: a change does not fit the run, or only its own program can execute it.
    """
    about: dict[str, Any] = {
        "settings": settings,
        "tags": tags,
        "on_start": on_start,
        "run_id": run_id,
        "repeat": repeat,
    }
    if way == "workflow":
        return replay_workflow(recording, changes, workflow=workflow, **about, **people)
    if way == "stepwise":
        from secondtake.runner.replay.stepwise import replay_stepwise

        return replay_stepwise(recording, changes, **about)
    if way == "loop":
        from secondtake.runner.replay.loop import replay_loop

        return replay_loop(recording, changes, **about)
    raise UsageError(
        f"Run {recording.run_id} was made by a program of its own; name the program: "
        f"secondtake replay {recording.run_id} -- COMMAND."
    )
