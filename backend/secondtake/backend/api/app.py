"""Puts the API together."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

from duckdb import DuckDBPyConnection
from fastapi import FastAPI

from secondtake.backend.api import events, executions, runs, system, workflows
from secondtake.backend.api.guard import Guard
from secondtake.backend.api.problems import install_problem_handlers
from secondtake.backend.api.server import Server
from secondtake.runner.settings import Settings

DESCRIPTION: Final = (
    "Recorded runs of LLM agents: list them, look into them, have them executed. "
    "Every error is an `application/problem+json` whose `detail` names the cure."
)


def create_app(
    settings: Settings,
    *,
    con: DuckDBPyConnection | None = None,
    allowed_hosts: Iterable[str] = (),
) -> FastAPI:
    """Return the API; nothing is opened before its lifespan begins.

    Args:
        settings: what is in force.
        con: the store, when it is open already; the app closes it at its end.
        allowed_hosts: names, besides those of the loopback address, that requests may be for.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        server = Server(settings, con)
        app.state.server = server
        try:
            yield
        finally:
            await server.close()

    app = FastAPI(
        title="Second Take",
        summary="A local-first replay and evaluation studio for people who build LLM agents",
        description=DESCRIPTION,
        version=version("secondtake"),
        lifespan=lifespan,
        docs_url=None,  # its pages come from another host
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.add_middleware(Guard, allowed_hosts=tuple(allowed_hosts))
    install_problem_handlers(app)
    for part in (runs, events, executions, workflows, system):
        app.include_router(part.router)
    return app
