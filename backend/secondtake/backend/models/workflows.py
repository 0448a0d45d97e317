"""Workflows: those of the workflows root, and the graph of one that was run."""

from decimal import Decimal
from uuid import UUID

from secondtake.backend.models.base import Model
from secondtake.runner.events import Json


class WorkflowInput(Model):
    """Something that a run of the workflow is given."""

    name: str
    type: str
    description: str | None
    required: bool
    default: Json


class WorkflowInfo(Model):
    """A workflow file of the workflows root."""

    name: str
    """What `POST /run` takes: the file's name without its ending."""
    title: str | None
    """The name that the file gives itself."""
    description: str | None
    inputs: list[WorkflowInput]
    nodes: list[str]
    problems: list[str]
    """One sentence with the cure for each thing that keeps it from being run."""


class WorkflowList(Model):
    """The workflows of the workflows root, by name."""

    items: list[WorkflowInfo]


class GraphNode(Model):
    """A node of a workflow and what became of it in a run."""

    name: str
    """With the nested workflow's node before it where there is one: `triage/classify`."""
    kind: str | None
    description: str | None
    layer: int
    """Column in a drawing from left to right: the longest way from the start, cycles aside."""
    executions: int
    failed_executions: int
    open_executions: int
    """Begun and not ended."""
    max_visits: int | None
    """The limit of a loop; None without one."""
    duration_ms: float | None
    cost_usd: Decimal | None
    input_tokens: int | None
    output_tokens: int | None


class GraphEdge(Model):
    """An edge of a workflow and how often it was taken."""

    start: str
    end: str
    condition: str | None
    each: str | None
    """The list whose items it fans out over."""
    taken: int | None
    """None when the run does not say."""


class RunGraph(Model):
    """The graph of a run: as its workflow declares it, else as its nodes happened."""

    run_id: UUID
    is_declared: bool
    nodes: list[GraphNode]
    edges: list[GraphEdge]
