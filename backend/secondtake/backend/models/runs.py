"""Questions about runs, and their answers."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, get_args
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
    ToolDefinitionsRow,
)
from secondtake.runner.events import Json

Status = Literal["running", "ok", "error", "interrupted", "cancelled", "budget_exceeded"]


class RunFilter(Model):
    """Which runs are meant. Filters that are empty or None do not filter."""

    status: tuple[Status, ...] = ()
    """Any of these."""
    workflow: tuple[str, ...] = ()
    """Any of these; matches the workflow's name, or the run's when it has no workflow."""
    model: tuple[str, ...] = ()
    """A run that asked or was served by any of these; `gpt-4o` also finds `openai/gpt-4o`."""
    tags: dict[str, str] = Field(default_factory=dict)
    """All of these must be there."""
    session_id: str | None = None
    user_id: str | None = None
    since: datetime | None = None
    """Started at or after, with a time zone."""
    until: datetime | None = None
    """Started before, with a time zone."""
    min_cost_usd: Decimal | None = None
    max_cost_usd: Decimal | None = None
    min_duration_ms: float | None = None
    max_duration_ms: float | None = None
    text: Annotated[str, Field(max_length=1000)] | None = None
    """Is somewhere in name, inputs, output, error or tags, or the id begins with it; in any case
    of letters."""
    simulated: bool | None = None
    unpriced: bool = False
    """Only runs with a call whose price is unknown."""
    waiting: bool = False
    """Only runs that wait for a person's answer."""


class RunQuery(RunFilter):
    """Which runs to list, newest first."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    cursor: str | None = None
    """`next_cursor` of the page before."""


class RunSummary(Model):
    """A run without its texts. In a list names and tags are cut after 300 characters."""

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
    current_node: str | None = None
    """Of a run that is running: the node that began last and has not ended."""
    question: str | None = None
    """What a person is asked right now, its first 200 characters; None when nobody is."""
    scores: dict[str, float] | None = None
    """Scores of the whole run by name, the newest of each; None when there are none."""


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
    clipped: dict[str, int] | None = None
    """As in the rows: fields of which only the first characters are here, with their lengths."""


RunPart = Literal[
    "messages",
    "tool_calls",
    "llm_calls",
    "node_timings",
    "memory",
    "evaluations",
    "tool_definitions",
]
"""A list of a run's rows."""
RUN_PARTS: Final[tuple[RunPart, ...]] = get_args(RunPart)


class RunDetail(Model):
    """A run and every row of it, each list in the order in which it happened.

    Where long values are clipped, a row's `clipped` names the fields with their whole lengths:
    texts and JSON after as many characters as were asked for; names, paths and tags after 300, and
    ids too, with a digest at their end by which they still differ, the same wherever they appear.
    """

    summary: RunFacts
    messages: list[MessageRow]
    tool_calls: list[ToolCallRow]
    llm_calls: list[LlmCallRow]
    node_timings: list[NodeTiming]
    memory: list[MemoryRow]
    evaluations: list[EvaluationRow]
    tool_definitions: list[ToolDefinitionsRow]
    parts: list[RunPart] = Field(default_factory=lambda: list(RUN_PARTS))
    """The lists that were asked for; the others are empty here, whatever the run has."""


class TextQuery(Model):
    """A piece of a text that is too long to be sent whole."""

    run: str
    """Id, unique prefix, or `last`."""
    table: Literal[
        "runs",
        "messages",
        "llm_calls",
        "tool_calls",
        "node_timings",
        "memory",
        "evaluations",
        "tool_definitions",
    ]
    row: str
    """`message_id` of messages, `span_id` of calls and nodes, `seq` of memory, `evaluation_id`,
    `tools_hash` of tool definitions; anything for the run itself."""
    field: str
    """A column that `clipped` can name."""
    offset: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000


class TextPiece(Model):
    """A piece of a text, also of a JSON string; of other values the piece is one of their JSON."""

    text: str
    offset: int
    total_chars: int
    next_offset: int | None
    """None at the end."""


class TreeSpan(Model):
    """A span and its place in the tree of its run."""

    span_id: str
    parent_span_id: str | None
    """As recorded; the tree ignores a parent that the run does not have. Ids are cut as in rows
    that are clipped."""
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
    """Its first 300 characters, as of every name."""
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
    node_kind: str | None = None
    visit: int | None = None
    attempt: int | None = None
    time_to_first_token_ms: float | None = None
    simulated: bool | None = None
    preview: str | None = None
    """The first 120 characters of a tool's arguments as JSON, or of a human node's question."""
    is_critical: bool = False
    """On the critical path: shortening it would have shortened the run."""


class CriticalPiece(Model):
    """A stretch of the run's time and the span that the run waited for meanwhile."""

    span_id: str
    span_kind: str | None
    started_ms: float
    """Since the run began."""
    ended_ms: float


class SpanTree(Model):
    """The spans of a run in pre-order: each before its children, siblings by time."""

    run_id: UUID
    spans: list[TreeSpan]
    started_at: datetime | None = None
    """Where the time axis begins: the run's start, else that of its first span."""
    ended_at: datetime | None = None
    """Where the time axis ends; of a run that is running, now."""
    critical_path: list[CriticalPiece] = Field(default_factory=list["CriticalPiece"])
    """In order of time, without overlap: the deepest span that the run waited for. Empty when
    times are unknown."""


class StateQuery(Model):
    """The state of a run after a step."""

    run: str
    """Id, unique prefix, or `last`."""
    max_chars: Annotated[int, Field(ge=100)] | None = None
    """Clip longer values, see `StateAt.clipped`, and keys and paths as in rows that are clipped."""
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
    changed_at: dict[str, int] = Field(default_factory=dict)
    """For each key the last step, up to this one, that changed it."""
    clipped: dict[str, int] = Field(default_factory=dict)
    """Keys whose value is only the beginning of its JSON, with the whole length."""
    problems: list[str]
    """Changes that do not fit the value that they change, in words; they were left out."""
