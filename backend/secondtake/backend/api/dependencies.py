"""What routes are given: what the server shares, and a connection for each request."""

from collections.abc import AsyncIterator
from typing import Annotated

from duckdb import DuckDBPyConnection
from fastapi import Depends, Path, Query, Request

from secondtake.backend.api.server import Server
from secondtake.backend.errors import BusyError

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


Store = Annotated[DuckDBPyConnection, Depends(a_cursor)]
