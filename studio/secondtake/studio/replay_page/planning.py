"""Asks the backend what the replay would take, once for each form that it is asked about."""

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, SecondTakeError
from secondtake.studio.replay_page.page_state import Planned, ReplayState


def plan(client: Client, state: ReplayState) -> Planned:
    """Return what the backend says to the form as it is.

    Raises:
        NoServerError: no server answers.
    """
    if state.planned is None or state.planned.wanted != state.wanted:
        state.planned = _asked(client, state)
    return state.planned


def _asked(client: Client, state: ReplayState) -> Planned:
    wanted = state.wanted
    try:
        return Planned(wanted=wanted, plan=client.plan_replay(wanted.request()))
    except NoServerError:
        raise
    except SecondTakeError as error:
        return Planned(wanted=wanted, refusal=str(error))
