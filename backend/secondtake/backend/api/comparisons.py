"""Routes that compare models."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from secondtake.backend.api import comparison_examples as examples
from secondtake.backend.api.bodies import CompareBody
from secondtake.backend.api.dependencies import MaxChars, Store, TheServer
from secondtake.backend.api.examples import answers
from secondtake.backend.api.problems import documented
from secondtake.backend.models.comparisons import (
    CASES_AT_ONCE_MAX,
    Comparison,
    ComparisonList,
    ComparisonQuery,
    RequestedComparison,
)
from secondtake.backend.services import comparisons

router = APIRouter(tags=["comparisons"], responses=documented(403, 422, 500, 503))


@router.post(
    "/compare",
    status_code=202,
    summary="Have models compared",
    responses={**documented(400, 413, 415), **answers(examples.COMPARING, 202)},
)
def post_compare(server: TheServer, request: CompareBody) -> RequestedComparison:
    """Accept models x cases x repeats as runs for the worker processes: all of them, or none.

    503 when the queue has no room for so many now. Ask for what came of it with the id.
    """
    return comparisons.request_comparison(server.pool, request)


@router.get(
    "/comparisons",
    summary="List comparisons",
    responses=answers(examples.COMPARISONS),
)
def get_comparisons(con: Store) -> ComparisonList:
    """Return the last comparisons, newest first."""
    return comparisons.list_comparisons(con)


@router.get(
    "/comparisons/{experiment}",
    summary="Compare the answers of models",
    responses={**documented(400, 404, 409), **answers(examples.COMPARISON)},
)
def get_comparison(
    server: TheServer,
    con: Store,
    experiment: Annotated[
        str, Path(description="Its id, a unique prefix of it, or `last`.", examples=["last"])
    ],
    offset: Annotated[int, Query(ge=0, description="Of the first case to be shown.")] = 0,
    limit: Annotated[
        int, Query(ge=0, le=CASES_AT_ONCE_MAX, description="How many cases; 0: the table alone.")
    ] = 50,
    max_chars: MaxChars = None,
) -> Comparison:
    """Return the table, and the answers to some cases, as far as the runs have ended."""
    query = ComparisonQuery(experiment=experiment, offset=offset, limit=limit, max_chars=max_chars)
    return comparisons.get_comparison(con, query, pool=server.pool)
