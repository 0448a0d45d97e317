"""What a replay without a program would execute.

Its conversations are held with every call answered by the recording: one that is as recorded by its
own answer, one that a change reached by the answer of its counterpart. So it is found out which
calls are reached. Which of them are executed for certain is another question: a live answer may
call tools that have no recorded result, and end the replay, and where the source went on with
results of tools it may say something instead. Certain is only what comes of no live answer, and
after one that was offered no tools the request that follows the next message from outside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.pricing import PriceSnapshot, load_snapshot
from secondtake.runner.replay.beginning import record_replay
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.decisions import Decision, Decisions
from secondtake.runner.replay.loop import prepare_loop
from secondtake.runner.replay.loop_session import CONVERSATION, LoopSession
from secondtake.runner.replay.matching import Recorded
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.plans import NoSink, Plan, PlannedCall, Reach, plan_of, planned
from secondtake.runner.replay.player import Player
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.requests import Hashed, Plain
from secondtake.runner.replay.session import Answer, Asked, node_of
from secondtake.runner.settings import Settings

NOT_CALLED: Final = "no answer that is given again calls it"


class _Planning(LoopSession):
    """Answers every call, and keeps which ones would be executed."""

    def __init__(
        self, source: Hashed, options: ReplayOptions, decisions: Decisions, plain: Plain
    ) -> None:
        super().__init__(source, options, decisions, plain)
        self.models: dict[str, str] = {}
        """Who would be asked, by the span of the counterpart."""

    def instead_of_executing(self, asked: Asked, source: Recorded | None) -> Answer | None:
        """Answer with what the counterpart answered.

        Raises:
            ReplayDiverged: there is none, it is a tool call, or nobody knows which model to ask.
        """
        super().instead_of_executing(asked, source)
        if source is None:
            raise ReplayDiverged("The conversation would make a request that the source has not.")
        self.models[source.span_id] = asked.model or ""
        return self._recorded(source)


def plan_loop(
    recording: Recording, changes: Changes, *, settings: Settings, repeat: int | None = None
) -> Plan:
    """Find out what a replay without a program would execute; see `replay_loop`.

    Raises:
        UsageError: a change does not fit the run, or it cannot be replayed.
    """
    session = prepare_loop(recording, changes, settings, _Planning)
    held = record_replay(
        session,
        lambda run: Player(run, session).play(),
        sink=NoSink(settings),
        settings=settings,
    )
    ends = held.result.error_type == ReplayDiverged.__name__
    stops = held.result.error_message if ends else None
    calls = _calls(session, load_snapshot(settings.home), stops=stops)
    return plan_of(calls, stops=stops, repeat=repeat)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What becomes of a call."""

    reach: Reach
    why: str | None = None


def _calls(
    session: _Planning, snapshot: PriceSnapshot | None, *, stops: str | None
) -> list[PlannedCall]:
    not_made = {call.span_id for call in session.calls.unused()}
    judge = _Judge(session=session, not_made=not_made, stops=stops)
    found: dict[str, _Found] = {}
    for decision in session.decisions.all:
        found[decision.call.span_id] = judge.judged(decision)
    return [
        _planned(call, session, found, snapshot, is_made=call.span_id not in not_made)
        for call in session.calls.calls
    ]


def _planned(
    call: Recorded,
    session: _Planning,
    found: Mapping[str, _Found],
    snapshot: PriceSnapshot | None,
    *,
    is_made: bool,
) -> PlannedCall:
    made = _Found(reach="recorded") if is_made else _Found(reach="left_out", why=NOT_CALLED)
    became = found.get(call.span_id, made)
    model = session.models.get(call.span_id)
    if became.reach == "possible":
        model = model or session.plain.model
    return planned(
        call,
        number=session.calls.numbers[call.span_id],
        node=node_of(call.node_path) or CONVERSATION,
        reach=became.reach,
        model=model,
        snapshot=snapshot,
        why=became.why,
    )


@dataclass(kw_only=True)
class _Judge:
    """Tells what becomes of the LLM calls, which it is asked about in order."""

    session: _Planning
    not_made: set[str]
    """Spans that the planned replay did not come to."""
    stops: str | None
    found: dict[int, _Found] = field(default_factory=dict[int, _Found])
    """By number."""
    live: set[int] = field(default_factory=set[int])
    """Numbers that are executed, or follow on one that is."""
    said: set[int] = field(default_factory=set[int])
    """Numbers that are executed whatever the answer before them is."""
    may_end: bool = False
    """Whether a live answer before may have ended the replay."""

    def judged(self, decision: Decision) -> _Found:
        """Return what becomes of a call; those before it were asked about."""
        found = self._judged(decision)
        self.found[decision.number] = found
        if found.reach in ("executed", "possible"):
            self.live.add(decision.number)
            self.may_end = self.may_end or self._offers_tools(decision)
        if found.reach == "executed":
            self._note_what_follows(decision)
        return found

    def _judged(self, decision: Decision) -> _Found:
        before = decision.previous
        is_planned = decision.call.span_id in self.session.models
        follows = before is not None and before.number in self.live
        if is_planned:
            is_certain = not self.may_end and (
                decision.number in self.said if follows else not (decision.why and self.live)
            )
            return _Found(reach="executed" if is_certain else "possible", why=decision.why)
        if follows:
            return _Found(reach="possible", why=decision.why)
        if decision.given is None and decision.why is not None:
            return _Found(reach="left_out", why=decision.why)
        if decision.call.span_id not in self.not_made:
            return _Found(reach="recorded", why=decision.why)
        return _Found(reach="left_out", why=self._why_left_out(decision))

    def _why_left_out(self, decision: Decision) -> str:
        if decision.why is not None:
            return f"{decision.why}; after a change it cannot be made again as it was"
        before = decision.previous
        if before is not None and self.found[before.number].reach == "left_out":
            return f"it goes on from LLM call {before.number}, which is not made again"
        if self.stops is not None:
            return "the replay ends before it"
        return "the conversation goes on without it"

    def _offers_tools(self, decision: Decision) -> bool:
        session = self.session
        request = session.plain.request(decision.call, [], session.recording)
        return bool(request.tools) or "functions" in request.parameters

    def _note_what_follows(self, decision: Decision) -> None:
        for place, following in enumerate(decision.next):
            said = following.next_said() if place == 0 else following
            if said is not None and not said.brings_results:
                self.said.add(said.number)
