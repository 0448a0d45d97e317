"""Replaying any recorded run: which way it can be executed again, and doing it."""

from typing import Final, Literal, Unpack, cast

from secondtake.runner.errors import UsageError
from secondtake.runner.replay.beginning import About
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.workflow import Replayed, is_workflow, replay_workflow
from secondtake.runner.workflows.human import Answers, OnQuestion, Person
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


class Execution(About, total=False):
    """How a replay is recorded and, of a workflow, who answers its questions."""

    workflow: Workflow | None
    """Another definition than the recorded one."""
    answers: Answers | None
    """As in `replay_workflow`."""
    ask: Person | None
    on_question: OnQuestion | None


def replay_run(
    recording: Recording, changes: Changes, way: Way, **how: Unpack[Execution]
) -> Replayed:
    """Execute a recorded run again.

    Args:
        recording: Of the source.
        changes: What is to be different.
        way: As `way_of` says.
        **how: How it is recorded and who answers questions.

    Raises:
        UsageError: a change does not fit the run, or only its own program can execute it.
    """
    if way == "workflow":
        return replay_workflow(recording, changes, **how)
    known = About.__required_keys__ | About.__optional_keys__
    about = cast(About, {name: value for name, value in how.items() if name in known})
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
