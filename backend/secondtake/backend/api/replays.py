"""Routes that have runs executed again."""

from fastapi import APIRouter

from secondtake.backend.api import examples
from secondtake.backend.api.bodies import ReplayBody
from secondtake.backend.api.dependencies import Store, TheServer
from secondtake.backend.api.problems import documented
from secondtake.backend.models.replays import ReplayPlan, RequestedReplay
from secondtake.backend.services import replays

router = APIRouter(
    tags=["replays"], responses=documented(400, 403, 404, 409, 413, 415, 422, 500, 503)
)


@router.post(
    "/replay",
    status_code=202,
    summary="Have a run executed again",
    responses=examples.answers(examples.REPLAYING, 202),
)
def post_replay(server: TheServer, con: Store, request: ReplayBody) -> RequestedReplay:
    """Accept a replay; a worker process executes it. Its rows appear under the ids of the answer."""
    return replays.request_replay(con, server.settings, server.pool, request)


@router.post(
    "/replay/plan",
    summary="Find out what a replay would execute",
    responses=examples.answers(examples.REPLAY_PLAN),
)
def post_replay_plan(server: TheServer, con: Store, request: ReplayBody) -> ReplayPlan:
    """Return which calls would be executed, with a lower and an upper estimate of the cost.

    Nothing is executed for it.
    """
    return replays.plan_replay(con, server.settings, request)
