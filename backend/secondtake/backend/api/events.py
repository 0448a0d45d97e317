"""The route that one watches a run by: Server-Sent Events."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Final

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from secondtake.backend.api import examples
from secondtake.backend.api.dependencies import RunName, TheServer
from secondtake.backend.api.problems import documented
from secondtake.backend.api.server import Server
from secondtake.backend.errors import BusyError, NotFoundError
from secondtake.backend.models.executions import RunEvent
from secondtake.backend.services.run_events import RunWatcher
from secondtake.backend.services.runs import resolve_run

LOOK_AT_LEAST_EVERY_S: Final = 10.0
"""Whatever changes the store says so; this is for what does not."""

router = APIRouter(
    prefix="/runs", tags=["runs"], responses=documented(400, 403, 404, 409, 422, 500, 503)
)


def a_watcher(
    server: TheServer,
    run: RunName,
    after: Annotated[
        str | None, Query(description="Go on after this event; `Last-Event-ID` says the same.")
    ] = None,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="What a browser sends when it comes back."),
    ] = None,
) -> RunWatcher:
    """Return who follows the run; what is wrong is found before the stream begins."""
    with server.cursor() as con:
        try:
            run_id = resolve_run(con, run)
        except NotFoundError:
            accepted = server.accepted(run)
            if accepted is None:
                raise
            run_id = accepted
    return RunWatcher(run_id, after=after or last_event_id)


async def a_place_for_a_stream(server: TheServer) -> AsyncIterator[None]:
    """Hold one of the places.

    Raises:
        BusyError: as many watch as may.
    """
    if not server.stream_places.acquire(blocking=False):
        raise BusyError("Too many watch runs at the same time; close some of their pages.")
    try:
        yield
    finally:
        server.stream_places.release()


@router.get(
    "/{run}/events",
    summary="Watch a run",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"example": examples.EVENTS}}}},
    dependencies=[Depends(a_place_for_a_stream)],
)
async def get_events(
    server: TheServer, watcher: Annotated[RunWatcher, Depends(a_watcher)]
) -> AsyncIterator[ServerSentEvent]:
    """Send each row of the run when it is new or has changed, `end` last.

    A stream that ends without `end` was cut: ask again with `Last-Event-ID`.
    """
    while not watcher.has_ended and not server.changes.is_closing:
        seen = server.changes.count
        events = await to_thread.run_sync(_look, server, watcher, limiter=server.stream_threads)
        for event in events:
            yield _sent(event)
        if not watcher.has_ended:
            await server.changes.wait(seen, at_most_s=LOOK_AT_LEAST_EVERY_S)


def _look(server: Server, watcher: RunWatcher) -> list[RunEvent]:
    with contextlib.suppress(BusyError), server.cursor() as con:
        return watcher.look(con)
    return []  # the server is about to end


def _sent(event: RunEvent) -> ServerSentEvent:
    return ServerSentEvent(event=event.event, id=event.event_id, raw_data=json.dumps(event.data))
