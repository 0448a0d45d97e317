"""Routes that have runs executed, and talk to those that are."""

import time
from typing import Annotated, Final

from anyio import to_thread
from fastapi import APIRouter, Query, Response

from secondtake.backend.api import examples
from secondtake.backend.api.bodies import AnswerBody, RunBody
from secondtake.backend.api.dependencies import RunName, Store, TheServer
from secondtake.backend.api.problems import documented
from secondtake.backend.api.server import Server
from secondtake.backend.models.executions import Delivered, FinishedRun, RequestedRun
from secondtake.backend.services import executions

WAIT_MAX_S: Final = 300.0
LOOK_EVERY_S: Final = 1.0

router = APIRouter(tags=["executions"], responses=documented(400, 403, 422, 500, 503))

Wait = Annotated[
    float | None,
    Query(gt=0, le=WAIT_MAX_S, description="Wait this long for the end, and answer with it."),
]


@router.post(
    "/run",
    status_code=202,
    summary="Have a run executed",
    responses={
        **documented(413, 415),
        **examples.answers(examples.REQUESTED, 202),
        200: {
            "model": FinishedRun,
            "description": "It has ended while one waited.",
            **examples.answers(examples.FINISHED)[200],
        },
    },
)
async def post_run(
    server: TheServer, response: Response, request: RunBody, wait_s: Wait = None
) -> RequestedRun | FinishedRun:
    """Accept a run; a worker process executes it. Its rows appear under the id of the answer."""
    accepted = await to_thread.run_sync(executions.request_run, server.pool, request)
    if wait_s is None:
        return accepted
    finished = await _ended(server, accepted, wait_s)
    if finished is not None:
        response.status_code = 200
        return finished
    has_begun = not server.pool.is_queued(accepted.run_id)
    return RequestedRun(run_id=accepted.run_id, status="started" if has_begun else "queued")


@router.post(
    "/runs/{run}/cancel",
    summary="Ask a run to end",
    responses={**documented(404, 409), **examples.answers(examples.DELIVERED)},
)
def post_cancel(server: TheServer, con: Store, run: RunName) -> Delivered:
    """Ask a run to end, whatever process of this home executes it."""
    said = executions.cancel_run(con, server.settings, run, pool=server.pool)
    server.loading.wake()
    return said


@router.post(
    "/runs/{run}/answer",
    summary="Answer a run's question",
    responses={**documented(404, 409, 413, 415), **examples.answers(examples.DELIVERED)},
)
def post_answer(server: TheServer, con: Store, run: RunName, answer: AnswerBody) -> Delivered:
    """Answer the question that a run waits with; it goes on at once."""
    said = executions.answer_run(con, server.settings, run, answer)
    server.loading.wake()
    return said


async def _ended(server: Server, run: RequestedRun, wait_s: float) -> FinishedRun | None:
    """Return how a run has ended, None when time is up before. Holds no thread meanwhile."""
    until_s = time.monotonic() + wait_s
    while True:
        seen = server.changes.count
        finished = await to_thread.run_sync(
            server.finished, run.run_id, limiter=server.stream_threads
        )
        left_s = until_s - time.monotonic()
        if finished is not None or left_s <= 0 or server.changes.is_closing:
            return finished
        await server.changes.wait(seen, at_most_s=min(left_s, LOOK_EVERY_S))
