"""The route about the difference of two runs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from secondtake.backend.api import examples
from secondtake.backend.api.dependencies import Store, TheServer, a_begun_run
from secondtake.backend.api.problems import documented
from secondtake.backend.models.diffs import RunDiff
from secondtake.backend.services import diffs

router = APIRouter(
    prefix="/diffs", tags=["diffs"], responses=documented(400, 403, 404, 409, 422, 500, 503)
)

_NAMED = "The id of a run with or without hyphens, a unique prefix of it, or `last`."


async def _begun_a(
    server: TheServer, a: Annotated[str, Path(description=f"The baseline. {_NAMED}")]
) -> str:
    return await a_begun_run(server, a)


async def _begun_b(
    server: TheServer, b: Annotated[str, Path(description=f"The candidate. {_NAMED}")]
) -> str:
    return await a_begun_run(server, b)


@router.get(
    "/{a}/{b}",
    summary="Compare two runs step by step",
    responses=examples.answers(examples.DIFF),
)
def get_diff(
    con: Store, a: Annotated[str, Depends(_begun_a)], b: Annotated[str, Depends(_begun_b)]
) -> RunDiff:
    """Return how the steps of two runs go together, where they part, and what that cost."""
    return diffs.diff_runs(con, a, b)
