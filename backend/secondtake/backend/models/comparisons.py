"""Comparing models: asking for it, and the answer, which is the model of `secondtake.evals`.

All that the page "Compare models" shows is in `Comparison`: `models` is the table; the scatter of
cost and latency is `models[].spending.per_run_usd` by `models[].latency.p50_ms` (bars from
`min_ms` to `max_ms`), single runs `cases[].cells[].runs`; the grid of answers is `cases`, with
`words` of each answer compared with the baseline's.
"""

# ruff: noqa: PLC0414 - passed on, since the studio may not import the evals

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from secondtake.backend.models.base import Model
from secondtake.evals.comparisons.model import CellRun as CellRun
from secondtake.evals.comparisons.model import ComparedAnswer as ComparedAnswer
from secondtake.evals.comparisons.model import ComparedCase as ComparedCase
from secondtake.evals.comparisons.model import ComparedCell as ComparedCell
from secondtake.evals.comparisons.model import ComparedModel as ComparedModel
from secondtake.evals.comparisons.model import Comparison as Comparison
from secondtake.evals.comparisons.model import ComparisonStatus as ComparisonStatus
from secondtake.evals.comparisons.model import Failure as Failure
from secondtake.evals.comparisons.model import Latency as Latency
from secondtake.evals.comparisons.model import Share as Share
from secondtake.evals.comparisons.model import Spending as Spending
from secondtake.evals.comparisons.model import TokenUse as TokenUse
from secondtake.runner.events import Json
from secondtake.runner.tools.registry import BUILT_IN, CHANGING

MODELS_MAX: Final = 50
REPEATS_MAX: Final = 1000
CASES_AT_ONCE_MAX: Final = 500
OFFERED_TOOLS: Final = tuple(tool for tool in BUILT_IN if tool not in CHANGING)
"""What `CompareRequest.tools` can name."""


class CompareRequest(Model):
    """Models to be compared on a `prompt`, or on a `workflow` by its name in the workflows root."""

    models: Annotated[tuple[str, ...], Field(min_length=1, max_length=MODELS_MAX)]
    """As LiteLLM names them, or `sim/...`. The first is the baseline. A workflow's nodes that name
    a model of their own keep it."""
    prompt: Annotated[str, Field(min_length=1)] | None = None
    workflow: Annotated[str, Field(min_length=1)] | None = None
    """A name in the workflows root, never a path."""
    inputs: dict[str, Json] = Field(default_factory=dict)
    """With a workflow: a value for each of its inputs; those of a case win."""
    cases: tuple[dict[str, Json], ...] = ()
    """With a workflow: inputs, one object for each case; without any there is one case."""
    repeat: Annotated[int, Field(ge=1, le=REPEATS_MAX)] = 1
    """How often each model gets each inputs."""
    tools: tuple[str, ...] = ()
    """With a prompt: built-in tools for a loop, some of `OFFERED_TOOLS`."""
    overrides: dict[str, Json] | tuple[str, ...] = ()
    """As of a run, for all runs."""
    tags: dict[str, str] = Field(default_factory=dict)
    session_id: str | None = None
    user_id: str | None = None


class RequestedComparison(Model):
    """A comparison that was accepted."""

    experiment_id: str
    """Ask `/comparisons/{experiment_id}` with it; its runs carry it."""
    run_ids: list[UUID]
    """Known before they have begun: case by case, within it repeat by repeat, model by model."""


class ComparisonQuery(Model):
    """Which comparison, and which of its cases with their answers."""

    experiment: str
    """Its id, a unique prefix of it, or `last`."""
    offset: Annotated[int, Field(ge=0)] = 0
    """Of the first case."""
    limit: Annotated[int, Field(ge=0, le=CASES_AT_ONCE_MAX)] = 50
    """How many cases; 0 for the table alone."""
    max_chars: Annotated[int, Field(ge=100)] | None = None
    """Clip longer answers and inputs; None for whole ones."""


class ComparisonSummary(Model):
    """One line about a comparison."""

    experiment_id: str
    name: str | None
    """Of what was executed: the workflow, or `prompt`."""
    models: list[str]
    """The baseline first."""
    case_count: int
    repeats: int | None
    planned_runs: int | None
    """None when the runs do not say."""
    ended_runs: int
    failed_runs: int
    running_runs: int
    started_at: datetime | None
    cost_usd: Decimal | None
    """As far as it is known."""
    unpriced_calls: int
    simulated: bool


class ComparisonList(Model):
    """Comparisons, newest first."""

    items: list[ComparisonSummary]
