"""What a stepwise replay would execute. Steps do not build on each other, so all of it is certain."""

from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.limits import Meter
from secondtake.runner.pricing import PriceSnapshot, load_snapshot
from secondtake.runner.replay.beginning import record_replay
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.matching import Recorded
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.plans import NoSink, Plan, PlannedCall, plan_of, planned
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.requests import Hashed
from secondtake.runner.replay.session import Answer, Asked, node_of
from secondtake.runner.replay.step_session import IN_WORDS, NODE, Step, StepSession
from secondtake.runner.replay.stepwise import PARALLEL, make_steps, prepare_steps
from secondtake.runner.settings import Settings


class _Planning(StepSession):
    """Answers every step, and keeps which ones would be executed."""

    def __init__(self, source: Hashed, options: ReplayOptions) -> None:
        super().__init__(source, options)
        self.models: dict[str, str] = {}
        """Who would be asked, by the span of the source."""
        self.refusals: dict[int, str] = {}
        """Why the replay would end, by the number of the step."""

    def answer(self, asked: Asked, *, meter: Meter | None = None) -> Answer | None:
        """Answer as recorded also where the replay would end: the other steps are wanted too."""
        try:
            return super().answer(asked, meter=meter)
        except ReplayDiverged as stop:
            step = self.steps[asked.node_path or ""]
            self.refusals[step.number] = str(stop)
            return self._recorded(step.call)

    def instead_of_executing(self, asked: Asked, source: Recorded | None) -> Answer | None:
        """Answer with what the step answered in the source."""
        assert source is not None
        self.models[source.span_id] = asked.model or ""
        return self._recorded(source)


def plan_steps(
    recording: Recording, changes: Changes, *, settings: Settings, repeat: int | None = None
) -> Plan:
    """Find out what a stepwise replay would execute; see `replay_stepwise`.

    Raises:
        UsageError: a change does not fit the run, or it cannot be replayed.
    """
    session = prepare_steps(recording, changes, _Planning)
    record_replay(
        session,
        lambda run: make_steps(run, session, PARALLEL),
        sink=NoSink(settings),
        settings=settings,
    )
    snapshot = load_snapshot(settings.home)
    calls = [_planned(step, session, snapshot) for step in session.steps.values()]
    stops = session.refusals[min(session.refusals)] if session.refusals else None
    return plan_of(calls, stops=stops, repeat=repeat)


def _planned(step: Step, session: _Planning, snapshot: PriceSnapshot | None) -> PlannedCall:
    model = session.models.get(step.call.span_id)
    why = session.refusals.get(step.number)
    ends_at = min(session.refusals, default=step.number)
    if step.request is None:
        why = IN_WORDS["not_recorded"]
    return planned(
        step.call,
        number=step.number,
        node=node_of(step.call.node_path) or NODE,
        reach=(
            "left_out"
            if why is not None
            else "recorded"
            if model is None
            else "executed"
            if step.number <= ends_at
            else "possible"
        ),
        model=model,
        snapshot=snapshot,
        why=why,
    )
