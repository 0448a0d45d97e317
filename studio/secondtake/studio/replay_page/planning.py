"""Asks the backend what the replay would take, once for each form that it is asked about."""

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, SecondTakeError
from secondtake.studio.replay_page.page_state import Planned, ReplayState
from secondtake.studio.replay_page.source import Way

NO_PLAN = {
    "loop": "No plan for this run: it came without a program. Its tool loop is built again from its "
    "messages; each request that a change reaches is executed, every other one is answered by the "
    "recording.",
    "stepwise": "Each recorded LLM call is asked again, by itself, with what it was sent in the "
    "source; no tool is executed.",
}
"""Of ways whose calls are not known beforehand."""


def plan(client: Client, state: ReplayState, way: Way) -> Planned:
    """Return what the backend says to the form as it is.

    Raises:
        NoServerError: no server answers.
    """
    if state.planned is None or state.planned.wanted != state.wanted:
        state.planned = _asked(client, state, way)
    return state.planned


def _asked(client: Client, state: ReplayState, way: Way) -> Planned:
    wanted = state.wanted
    if way in NO_PLAN:
        return Planned(wanted=wanted, no_plan=NO_PLAN[way])
    try:
        return Planned(wanted=wanted, plan=client.plan_replay(wanted.request()))
    except NoServerError:
        raise
    except SecondTakeError as error:
        return Planned(wanted=wanted, refusal=str(error))
