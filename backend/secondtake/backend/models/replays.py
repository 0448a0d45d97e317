"""Asking for a run to be executed again."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from secondtake.backend.models.base import Model
from secondtake.backend.models.executions import RequestedRun
from secondtake.runner.events import Json, Policy


class ReplayRequest(Model):
    """A run to be executed again, with something different or as it was."""

    run_id: Annotated[str, Field(min_length=1)]
    """Id, unique prefix, or `last`."""
    override_params: dict[str, Json] | tuple[str, ...] = ()
    """What is to be different: `{"nodes.plan.model": "sim/weak"}`, or texts
    `nodes.plan.model=sim/weak`. A text that begins with `@` is that text: no file is read."""
    from_node: str | None = None
    """Change nothing before this node."""
    llm: Policy = "auto"
    tools: Policy = "auto"
    stepwise: bool = False
    """Ask each recorded LLM call again, by itself."""
    repeat: Annotated[int, Field(ge=1, le=100)] | None = None
    """Execute so many times, from the first LLM call on that may answer otherwise."""
    tags: dict[str, str] = Field(default_factory=dict)


class RequestedReplay(Model):
    """Replays that were accepted."""

    source_run_id: UUID
    replays: list[RequestedRun]
    """One, or as many as `repeat` asks for; their rows appear under these ids."""


class ReplayJob(Model):
    """What a worker executes of a `ReplayRequest`; made by the server, never sent from outside."""

    source_run_id: UUID
    name: str
    recording_path: str
    """A file of the home that holds the recording; the worker removes it."""
    texts: tuple[str, ...] = ()
    from_node: str | None = None
    llm: Policy = "auto"
    tools: Policy = "auto"
    stepwise: bool = False
    repeat: int | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class PlannedCall(Model):
    """A call of the source, and who would answer it."""

    kind: Literal["llm_call", "tool_call"]
    number: int
    """Among the LLM calls, or the tool calls, of the source."""
    node: str
    name: str
    """The model that would be asked, or the tool."""
    reach: Literal["recorded", "executed", "possible", "left_out"]
    """`possible`: whether it is executed depends on what calls before it answer. `left_out`: it is
    not made again."""
    cost_usd: Decimal | None
    """Estimate, with the tokens of the source; None when unknown, and for tools."""
    why: str | None
    """Why it is left out, or why its request is as recorded instead of rebuilt."""


class ReplayPlan(Model):
    """What a replay would do. Every figure is an estimate: answers are not known beforehand."""

    source_run_id: UUID
    calls: list[PlannedCall]
    """Of one execution; the figures are of all repeats."""
    repeat: int
    """How often it would be executed."""
    recorded: int
    executed: int
    possible: int
    left_out: int
    unpriced: int
    """LLM calls that may be executed and whose cost is not known."""
    lower_usd: Decimal | None
    """When only what is certain is executed; None when a price is unknown."""
    upper_usd: Decimal | None
    """When all that may be reached is reached, once in each repeat."""
    stops: str | None
    """Why the replay would end early."""
