"""What routes are given: what the server shares, and a connection for each request."""

import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

from anyio import to_thread
from duckdb import DuckDBPyConnection
from fastapi import Depends, Path, Query, Request

from secondtake.backend.api.server import Server
from secondtake.backend.errors import BusyError, NotBegunError

BEGIN_WAIT_S: Final = 2.0

RunName = Annotated[
    str,
    Path(
        description="The id of a run with or without hyphens, a unique prefix of it, or `last`.",
        examples=["last"],
    ),
]
MaxChars = Annotated[
    int | None,
    Query(ge=100, description="Clip texts that are longer; `clipped` of a row names them."),
]


async def the_server(request: Request) -> Server:
    """Return what the routes share."""
    server: Server = request.app.state.server
    return server


TheServer = Annotated[Server, Depends(the_server)]


async def a_cursor(server: TheServer) -> AsyncIterator[DuckDBPyConnection]:
    """Yield a connection that is private to this request."""
    with server.cursor() as con:
        yield con


async def a_begun_run(server: TheServer, run: RunName) -> str:
    """Return the name of a run; of one that was accepted, wait a moment for its first rows.

    Raises:
        NotBegunError: there are none yet.
    """
    accepted = server.accepted(run)
    if accepted is None:
        return run
    until_s = time.monotonic() + BEGIN_WAIT_S
    while not await to_thread.run_sync(server.is_stored, accepted, limiter=server.stream_threads):
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise NotBegunError(
                f"Run {accepted} has been accepted and has not begun yet; ask again in a moment."
            )
        await server.changes.wait(server.changes.count, at_most_s=left_s)
    return run


async def a_place_for_sql(server: TheServer) -> AsyncIterator[None]:
    """Hold a place for a query that may compute for long.

    Raises:
        BusyError: as many as may are being answered.
    """
    if not server.sql_places.acquire(blocking=False):
        raise BusyError("Other queries are being answered; try again in a moment.")
    try:
        yield
    finally:
        server.sql_places.release()


StoredRun = Annotated[str, Depends(a_begun_run)]
Store = Annotated[DuckDBPyConnection, Depends(a_cursor)]
