"""Puts the API together."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from duckdb import DuckDBPyConnection
from fastapi import FastAPI

from secondtake.backend.api import (
    blobs,
    comparisons,
    diffs,
    events,
    executions,
    exporting,
    replays,
    runs,
    system,
    workflows,
)
from secondtake.backend.api.guard import Guard
from secondtake.backend.api.problems import PROBLEM_MEDIA_TYPE, install_problem_handlers
from secondtake.backend.api.server import Server
from secondtake.runner.settings import Settings

PARTS: Final = (
    runs, diffs, comparisons, events, executions, exporting, replays, blobs, workflows, system,
)  # fmt: skip
"""The modules of the routes, in the order of the reference."""
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
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
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
    for part in PARTS:
        app.include_router(part.router)
    _describe_problems(app)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Let OpenAPI say that errors are `application/problem+json`, whatever the route answers."""
    made_by_fastapi = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            for path in made_by_fastapi()["paths"].values():
                for operation in path.values():
                    for code, response in operation["responses"].items():
                        if int(code) >= HTTPStatus.BAD_REQUEST:
                            _describe_problem(response["content"])
        return made_by_fastapi()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to change it


def _describe_problem(content: dict[str, Any]) -> None:
    other = next(name for name in content if name != PROBLEM_MEDIA_TYPE)
    content[PROBLEM_MEDIA_TYPE].update(content.pop(other))
