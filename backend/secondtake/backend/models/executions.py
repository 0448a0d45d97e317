"""Asking for a run to be executed, and talking to it while it is."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from secondtake.backend.models.base import Model
from secondtake.backend.models.runs import RunSummary
from secondtake.runner.description import RunPlace
from secondtake.runner.events import Json


class RunRequest(Model):
    """A run to be executed: either a `prompt`, or a `workflow` by its name in the workflows root.

    `{"prompt": "...", "user_id": "..."}` is the short form.
    """

    prompt: Annotated[str, Field(min_length=1)] | None = None
    workflow: Annotated[str, Field(min_length=1)] | None = None
    """A name in the workflows root, never a path."""
    inputs: dict[str, Json] = Field(default_factory=dict)
    """With a workflow: a value for each of its inputs."""
    model: str | None = None
    """Of all nodes that name none."""
    tools: tuple[str, ...] = ()
    """With a prompt: built-in tools for a loop."""
    overrides: dict[str, Json] | tuple[str, ...] = ()
    """Changes of the workflow for this run: `{"nodes.plan.model": "sim/weak"}`, or texts
    `nodes.plan.model=sim/weak`."""
    tags: dict[str, str] = Field(default_factory=dict)
    session_id: str | None = None
    user_id: str | None = None


class PlacedRunRequest(RunRequest):
    """A run on its way to a worker; one of a comparison says where it stands there."""

    place: RunPlace | None = None


class RequestedRun(Model):
    """A run that was accepted."""

    run_id: UUID
    """Known before it has begun: its rows appear under this id."""
    status: Literal["queued", "started"]


class AnswerRequest(Model):
    """A person's answer to the question of a human node."""

    answer: Json
    span_id: str | None = None
    """Of the node that asks; may be left out when only one does."""
    by: str | None = None
    """Who answers."""


class Delivered(Model):
    """Something was said to a run that is being executed."""

    run_id: UUID
    detail: str
    """What happens now, in one sentence."""


class RunEvent(Model):
    """A row that is new or has changed while one watches a run."""

    event: Literal[
        "run", "node_timings", "llm_calls", "tool_calls", "messages", "memory", "evaluations", "end"
    ]
    """The table that the row is of; `run` for its summary; `end` when no more will come."""
    event_id: str
    """Go on after it with `after`."""
    data: Json
    """The row as JSON, texts clipped to 2,000 characters; of `run` and `end` the summary."""


class FinishedRun(Model):
    """How a run that was waited for stands."""

    summary: RunSummary
    output: Json
