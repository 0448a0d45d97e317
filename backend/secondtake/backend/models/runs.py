"""Questions about runs, and their answers."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from secondtake.backend.models.base import Model
from secondtake.backend.models.records import (
    EvaluationRow,
    LlmCallRow,
    MemoryRow,
    MessageRow,
    NodeTiming,
    ToolCallRow,
)
from secondtake.runner.events import Json

Status = Literal["running", "ok", "error", "interrupted", "cancelled", "budget_exceeded"]


class RunQuery(Model):
    """Which runs to list, newest first. Filters that are None do not filter."""

    status: Status | None = None
    workflow: str | None = None
    """Matches the workflow's name, or the run's when it has no workflow."""
    model: str | None = None
    """A model that the run asked or was served by; `gpt-4o` also finds `openai/gpt-4o`."""
    tags: dict[str, str] = Field(default_factory=dict)
    """All of these must be there."""
    since: datetime | None = None
    """Started at or after, with a time zone."""
    session_id: str | None = None
    user_id: str | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    cursor: str | None = None
    """`next_cursor` of the page before."""


class RunSummary(Model):
    """A run without its texts."""

    run_id: UUID
    short_id: str
    """The shortest prefix, of at least 13 characters, that no other run of the store has."""
    name: str | None
    workflow: str | None
    source: str | None
    status: str
    agent: str | None
    session_id: str | None
    user_id: str | None
    tags: dict[str, str] | None
    started_at: datetime | None
    recorded_at: datetime | None
    ended_at: datetime | None
    duration_ms: float | None
    error_type: str | None
    error_message: str | None
    """In a list only its first 300 characters."""
    inputs_preview: str | None
    """The first 200 characters of the inputs as JSON."""
    output_preview: str | None
    """The first 200 characters of the output as JSON."""
    models: list[str] | None
    simulated: bool | None
    """True when simulated models answered: their prices are not money."""
    replayable: str | None
    source_run_id: UUID | None
    experiment_id: str | None
    variant: str | None
    case_id: str | None
    repeat: int | None
    recording_faults: int | None
    node_count: int | None
    llm_call_count: int | None
    tool_call_count: int | None
    message_count: int | None
    error_count: int | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    calls_without_usage: int | None
    cost_usd: Decimal | None
    """Sum of the calls whose price is known; None when none is."""
    unpriced_calls: int | None
    avoided_cost_usd: Decimal | None


class RunPage(Model):
    """Runs, newest first."""

    items: list[RunSummary]
    total_count: int
    """How many runs fit the query, on all pages."""
    next_cursor: str | None
    """Ask with it for the next page; None on the last."""


class RunFacts(RunSummary):
    """A run with its texts."""

    writer_id: str | None
    workflow_hash: str | None
    config: Json
    inputs: Json
    output: Json
    error_traceback: str | None
    replayable_reason: str | None
    environment: Json
    extra: Json


class RunDetail(Model):
    """A run and every row of it, each list in the order in which it happened."""

    summary: RunFacts
    messages: list[MessageRow]
    tool_calls: list[ToolCallRow]
    llm_calls: list[LlmCallRow]
    node_timings: list[NodeTiming]
    memory: list[MemoryRow]
    evaluations: list[EvaluationRow]


class TreeSpan(Model):
    """A span and its place in the tree of its run."""

    span_id: str
    parent_span_id: str | None
    """As recorded; the tree ignores a parent that the run does not have."""
    depth: int
    """0 for a root."""
    seq: int | None
    span_kind: str | None
    name: str | None
    node_path: str | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: float | None
    error_type: str | None
    error_message: str | None
    input_tokens: int | None
    """Of this span and all below it: LLM calls only, known counts only."""
    output_tokens: int | None
    cost_usd: Decimal | None
    """Of this span and all below it, known prices only; None when none is known."""
    unpriced_calls: int
    """LLM calls at or below this span whose price is unknown."""
    llm_calls: int
    tool_calls: int
    served_from: str | None


class SpanTree(Model):
    """The spans of a run in pre-order: each before its children, siblings by time."""

    run_id: UUID
    spans: list[TreeSpan]


class StateQuery(Model):
    """The state of a run after a step."""

    run: str
    """Id, unique prefix, or `last`."""
    step: Annotated[int, Field(ge=0)] | None = None
    """0 is the state before the first node; None the state at the end."""


class StateStep(Model):
    """What one node changed."""

    step: int
    span_id: str | None
    node_path: str | None
    keys: list[str]


class StateAt(Model):
    """The state of a run after a step."""

    run_id: UUID
    step: int
    steps: list[StateStep]
    """All steps of the run, the later ones too."""
    values: dict[str, Json]
    changed: list[str]
    """Keys that this step changed."""
    problems: list[str]
    """Changes that do not fit the value that they change, in words; they were left out."""
