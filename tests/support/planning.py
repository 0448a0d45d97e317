"""Plans of replays without a program, and which calls such a replay then really executed."""

from typing import Any

from secondtake.runner.replay.beginning import record_replay
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.loop import prepare_loop
from secondtake.runner.replay.loop_session import LoopSession
from secondtake.runner.replay.planning import plan_run
from secondtake.runner.replay.plans import Plan, Reach
from secondtake.runner.replay.player import Player
from secondtake.runner.replay.recording import Recording
from secondtake.runner.settings import load_settings


def loop_plan(recording: Recording, *texts: str) -> Plan:
    """Return the plan of a replay without a program."""
    changes = read_changes(texts, recording)
    return plan_run(recording, changes, "loop", settings=load_settings())


def reached(plan: Plan, reach: Reach) -> list[int]:
    """Return the numbers of the LLM calls of which a plan says this."""
    calls = [call for call in plan.calls if call.kind == "llm_call" and call.reach == reach]
    return sorted(call.number for call in calls)


class _Watched(LoopSession):
    """Keeps for which calls of the source a model was asked."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: set[int] = set()

    def instead_of_executing(self, asked: Any, source: Any) -> Any:
        answer = super().instead_of_executing(asked, source)
        if self._expected is not None:  # else it is a request that the source has not
            self.asked.add(self.calls.numbers[self._expected.span_id])
        return answer


def live_calls(recording: Recording, *texts: str) -> set[int]:
    """Replay a run without a program, and return for which of its LLM calls a model was asked."""
    settings = load_settings()
    session = prepare_loop(recording, read_changes(texts, recording), settings, _Watched)
    record_replay(session, lambda run: Player(run, session).play(), settings=settings)
    return session.asked
