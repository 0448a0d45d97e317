"""Routes about the store and the server itself."""

from fastapi import APIRouter, Depends

from secondtake.backend.api import examples
from secondtake.backend.api.bodies import SqlBody
from secondtake.backend.api.dependencies import Store, TheServer, a_place_for_sql
from secondtake.backend.api.problems import documented
from secondtake.backend.models.system import Health, LoadResult, ServerHealth, SqlResult
from secondtake.backend.services import doctor, sql

router = APIRouter(tags=["system"], responses=documented(403, 422, 500, 503))


@router.get(
    "/health", summary="Tell how the server is", responses=examples.answers(examples.HEALTH)
)
def get_health(server: TheServer, con: Store) -> ServerHealth:
    """Return whether everything works, and what keeps it from that."""
    return server.health(con)


@router.post(
    "/load", summary="Load what waits in the journal", responses=examples.answers(examples.LOADED)
)
def post_load(server: TheServer) -> LoadResult:
    """Load at once what the loader would load within a quarter of a second."""
    return server.loading.load_now()


@router.get("/doctor", summary="Run every check", responses=examples.answers(examples.CHECKS))
def get_doctor(server: TheServer) -> Health:
    """Look at everything that recording and reading need; name a cure for what is amiss."""
    return doctor.doctor(server.settings, server.cursor)


@router.post(
    "/sql",
    summary="Ask the tables one SELECT",
    responses={**documented(400, 413, 415, 422), **examples.answers(examples.ROWS)},
    dependencies=[Depends(a_place_for_sql)],
)
def post_sql(con: Store, query: SqlBody) -> SqlResult:
    """Return the rows of one SELECT over the tables and views; it is stopped when time is up."""
    return sql.run_sql(con, query)
