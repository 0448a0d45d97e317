"""The difference of two runs, as data: made by this room, shown by the command line and the studio."""

from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Json = Any
StepKind = Literal["llm", "tool", "retriever", "other"]
Operation = Literal["same", "edited", "moved", "inserted", "deleted"]
Field = Literal[
    "node", "name", "model", "messages", "tools", "parameters", "arguments", "answer", "error"
]
"""What of a step can differ; `name` is the tool's, `answer` a model's answer or a tool's result."""


class DiffModel(BaseModel):
    """Immutable, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Step(DiffModel):
    """One LLM call or tool call of a run."""

    span_id: str
    kind: StepKind
    number: int
    """Of the LLM call among the LLM calls, of the tool call among the tool calls, from 1."""
    node: str | None = None
    """Where it was made, without visits: `research_topic/search`."""
    node_path: str | None = None
    name: str
    """The model, or the tool."""
    sent: list[Json] = []
    """Of a model: the messages `{"role", "content"}` that no call before this one was sent, but
    for the results of tools that are steps themselves."""
    arguments: Json = None
    """Of a tool."""
    answer: Json = None
    """A tool's result; of a model its text."""
    asked_for: list[Json] = []
    """Of a model's answer: the tools that it calls, `{"name", "arguments"}`, without ids."""
    error: str | None = None
    request_hash: str | None = None
    model_hash: str | None = None
    messages_hash: str | None = None
    tools_hash: str | None = None
    parameters_hash: str | None = None
    served_from: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    """What was paid; None when unknown."""
    avoided_cost_usd: Decimal | None = None
    duration_ms: float | None = None


class StepEdit(DiffModel):
    """A pair of steps, or one that the other side has no counterpart of."""

    operation: Operation
    a: int | None = None
    """Index into the steps of A; None when inserted."""
    b: int | None = None
    """Index into the steps of B; None when deleted."""
    fields: list[Field] = []
    """What differs, in the order of `Field`."""
    why: str | None = None
    """What differs, in words; None when nothing does."""
    delta_cost_usd: Decimal | None = None
    """B minus A; an absent step counts as 0, an unknown amount makes this None."""
    delta_duration_ms: float | None = None
    delta_input_tokens: int | None = None
    delta_output_tokens: int | None = None


class Change(DiffModel):
    """One place of a JSON value that differs."""

    path: str
    """As `state.facts[2].title`; empty for the value itself."""
    kind: Literal["changed", "added", "removed"]
    a: Json = None
    b: Json = None


class WordPiece(DiffModel):
    """A stretch of a text compared by word."""

    operation: Literal["same", "removed", "added"]
    text: str


class TextDiff(DiffModel):
    """Two texts compared."""

    is_same: bool
    pieces: list[WordPiece] = []
    """By word; the `same` and `removed` ones make up A, the `same` and `added` ones B."""
    unified: str = ""
    """By line, as `diff -u` writes it."""
    too_long: bool = False
    """True when the texts, or parts of them, were compared by line alone."""


class DiffSide(DiffModel):
    """One of the two runs."""

    run_id: UUID
    short_id: str
    name: str | None = None
    status: str
    models: list[str] = []
    how: str | None = None
    """How the run came about, in words: `replay of 01a1feea-9cf2 with model=sim/weak`."""
    scores: dict[str, float] = {}
    cost_usd: Decimal | None = None
    """None when no price is known."""
    unpriced_calls: int = 0
    duration_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    llm_calls: int = 0
    tool_calls: int = 0
    simulated: bool = False


class DiffInput(DiffModel):
    """What is compared of one run."""

    side: DiffSide
    steps: list[Step]
    """In the order in which they began."""
    inputs: Json = None
    output: Json = None
    state: Json = None
    """At the end; None where no state was recorded."""
    configuration: Json = None
    """Workflow, models, parameters, prompts, tools: what a replay can override."""


class RunDiff(DiffModel):
    """Two runs, A the baseline and B the candidate, and all that differs."""

    a: DiffSide
    b: DiffSide
    verdict: str
    """One sentence that answers what changed: `B is 42 % cheaper; it leaves A at ...`."""
    steps_a: list[Step]
    steps_b: list[Step]
    edits: list[StepEdit]
    """Along both runs; every step of A and of B is in exactly one."""
    first_divergence: int | None = None
    """Index into `edits` of the first that is not `same`; None when all are."""
    divergence_reason: str | None = None
    """Why, in one sentence that names the step of both sides."""
    counts: dict[Operation, int]
    output: TextDiff
    """Of the outputs: texts as they are, other values as indented JSON."""
    output_changes: list[Change] = []
    """Of outputs that are no texts."""
    inputs: list[Change] = []
    configuration: list[Change] = []
    state: list[Change] = []
    delta_cost_usd: Decimal | None = None
    delta_duration_ms: float | None = None
    delta_input_tokens: int | None = None
    delta_output_tokens: int | None = None
