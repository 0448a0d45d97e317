"""Routes about workflows."""

from fastapi import APIRouter

from secondtake.backend.api import examples
from secondtake.backend.api.dependencies import TheServer
from secondtake.backend.api.problems import documented
from secondtake.backend.models.workflows import WorkflowList
from secondtake.backend.services import workflows

router = APIRouter(tags=["workflows"], responses=documented(403, 500, 503))


@router.get(
    "/workflows",
    summary="List the workflows that can be run by name",
    responses=examples.answers(examples.WORKFLOWS),
)
def get_workflows(server: TheServer) -> WorkflowList:
    """Return the workflows of the workflows root, also those that have problems."""
    return workflows.list_workflows(server.settings)
