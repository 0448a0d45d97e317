"""The event vocabulary: everything that can happen in a run.

A journal segment holds one of these a line, as a JSON object. The loader turns each kind
into rows of the table named in `TABLES`. A field name means the same, with the same type,
in every kind: a segment is read as one wide relation.

None means unknown. It is never replaced by 0 or "".
"""

from functools import cache
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from secondtake.runner.event_scalars import Amount, Count, Milliseconds, Small, Time

Json = Any
"""Any JSON value, already through `jsonable.to_json_value` and redacted."""

RunStatus = Literal["ok", "error", "interrupted", "cancelled", "budget_exceeded"]
"""How a run ended. A run that has not ended is `running`, a status that no event carries."""

Replayable = Literal["full", "stepwise", "no"]

ServedFrom = Literal["live", "recorded", "cache"]

SpanKind = Literal["agent", "node", "llm", "tool", "retriever", "other"]

ReplayKind = Literal["full", "stepwise", "loop"]
"""The program was executed again; each call by itself; a tool loop rebuilt the requests."""

Policy = Literal["auto", "recorded", "live"]
"""Who answers a call of a replay: the recording where it can, it alone, or the world."""

Verdict = Literal["exact", "same_output", "diverged"]

SCHEMA_VERSION: Final = 1
"""Version of this vocabulary, written into the first line of every segment."""


class BaseEvent(BaseModel):
    """What every event carries."""

    # Built at first use: building all validators at import would cost 60 ms.
    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), defer_build=True
    )

    run_id: UUID
    """The run that this event belongs to; equals the OpenTelemetry trace id."""
    seq: Count | None = None
    """Place in the run: 0, 1, 2, ... with no gaps. None when the source has no order."""
    recorded_at: Time
    """When the event was written, UTC."""
    extra: dict[str, Json] | None = None
    """What the source said and this vocabulary has no field for."""


class ErrorFields(BaseModel):
    """What went wrong, on every event that can fail."""

    error_type: str | None = None
    """Class of the exception, e.g. `ValueError`. None when nothing failed."""
    error_message: str | None = None
    error_traceback: str | None = None


class SpanFields(ErrorFields):
    """A timed interval in the tree of a run."""

    span_id: str
    """16 hexadecimal digits, as in OpenTelemetry; imported runs may use other ids."""
    parent_span_id: str | None = None
    node_path: str | None = None
    """Where in the workflow this happened: `plan[1]/search[2:9f3a]`, see `context.NodePath`."""
    started_at: Time | None = None
    """UTC. None when the source does not say."""
    ended_at: Time | None = None
    duration_ms: Milliseconds | None = None
    """By the monotonic clock, so a wall clock that jumps does not bend it."""


class RunStarted(BaseEvent):
    """A run begins."""

    kind: Literal["run_started"] = "run_started"
    name: str
    """What a person calls it: the workflow's name, else the function's."""
    source: str = "native"
    """`native`, `otlp`, `wrap` or `import:<format>`."""
    writer_id: str | None = None
    """The recording process; the run is `interrupted` when that process is gone."""
    workflow: str | None = None
    workflow_hash: str | None = None
    config: Json = None
    """The resolved configuration: workflow text, overrides, defaults. Secrets are out."""
    inputs: Json = None
    session_id: str | None = None
    user_id: str | None = None
    agent: str | None = None
    tags: dict[str, str] | None = None
    source_run_id: UUID | None = None
    """The run that this one replays."""
    experiment_id: str | None = None
    variant: str | None = None
    case_id: str | None = None
    repeat: Small | None = None
    environment: Json = None
    """Git commit, python, packages, argv."""
    started_at: Time | None = None


class RunFinished(BaseEvent, ErrorFields):
    """A run ends, whatever way."""

    kind: Literal["run_finished"] = "run_finished"
    status: RunStatus
    output: Json = None
    replayable: Replayable | None = None
    replayable_reason: str | None = None
    """Why not `full`: the call that could only be watched."""
    recording_faults: Count = 0
    """Events of this run that could not be written."""
    ended_at: Time | None = None
    duration_ms: Milliseconds | None = None


class NodeFields(SpanFields):
    """One execution of a node of the workflow graph."""

    span_kind: SpanKind = "node"
    node: str
    node_kind: str | None = None
    """`llm`, `agent`, `tool`, `python`, `workflow`, `human` for our workflows; None for a user's
    own code."""
    visit: Small | None = None
    """1 for the first time that this node runs in its path, 2 for the second, ..."""
    branch_key: str | None = None
    """Which branch of a fan-out: hash of what the branch was sent."""
    attempt: Small | None = None
    entered_from: list[str] | None = None
    """The nodes whose edges led here, `START` for the first; None where there is no graph."""
    question: Json = None
    """What a `human` node asks: `{"question": text, "choices": [text, ...] | null}`. The run
    waits for the answer as long as such a node has begun and not ended."""


class NodeStarted(BaseEvent, NodeFields):
    """A node begins. Written first, so that a killed run shows where it was."""

    kind: Literal["node_started"] = "node_started"


class NodeFinished(BaseEvent, NodeFields):
    """A node ends; completes the row that `node_started` began."""

    kind: Literal["node_finished"] = "node_finished"
    self_ms: Milliseconds | None = None
    """Duration minus the time that at least one child span covers."""


class Message(BaseEvent):
    """One chat turn, linked to the turn before it.

    Messages are content-addressed: `message_id` is the hash of the run, the parent's id, role,
    content and tool calls, so a prefix that many calls share is stored once.
    """

    kind: Literal["message"] = "message"
    message_id: UUID
    parent_id: UUID | None = None
    depth: Small
    """0 for the first turn of a conversation."""
    role: str
    content: str | None = None
    """The text; the joined text parts when `parts` is set. None when there is none."""
    parts: Json = None
    """The content as it was sent when it is a list: images, audio, reasoning."""
    tool_calls: Json = None
    """OpenAI form: `[{"id", "type", "function": {"name", "arguments"}}]`."""
    tool_call_id: str | None = None
    """Which tool call a `tool` message answers."""
    name: str | None = None
    span_id: str | None = None
    """The LLM call that first sent or produced this message; None when none did."""
    node_path: str | None = None


class ToolDefinitions(BaseEvent):
    """The tool definitions that LLM calls of this run refer to by `tools_hash`."""

    kind: Literal["tool_definitions"] = "tool_definitions"
    tools_hash: str
    definitions: Json


class TokenFields(BaseModel):
    """Token counts. The nine buckets exclude each other; None is unknown, not zero."""

    input_tokens: Count | None = None
    """All input, cached included: the sum of the input buckets where these are known."""
    output_tokens: Count | None = None
    """All output, reasoning included: the sum of the output buckets where these are known."""
    uncached_input_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    cache_write_5m_tokens: Count | None = None
    cache_write_1h_tokens: Count | None = None
    audio_input_tokens: Count | None = None
    image_input_tokens: Count | None = None
    text_output_tokens: Count | None = None
    reasoning_output_tokens: Count | None = None
    audio_output_tokens: Count | None = None


class LlmCall(BaseEvent, SpanFields, TokenFields):
    """One request to a model: one attempt, with its usage and its price."""

    kind: Literal["llm_call"] = "llm_call"
    provider: str | None = None
    model: str | None = None
    """The model that was asked for. None when the source does not say."""
    served_model: str | None = None
    """The model that the provider says it used."""
    parameters: Json = None
    """Temperature, seed, response format, ...: all but model, messages and tools."""
    input_message_id: UUID | None = None
    """The last message that was sent; its ancestors are the whole prompt."""
    output_message_ids: list[UUID] | None = None
    """The answers, one a choice."""
    finish_reason: str | None = None
    response_id: str | None = None
    stream: bool | None = None
    time_to_first_token_ms: Milliseconds | None = None
    usage: Json = None
    """What the provider reported, untouched."""
    usage_convention: str | None = None
    """What the reported input count means: `cached_included` or `cached_excluded`."""
    usage_note: str | None = None
    """Set when the reported counts contradict each other."""
    service_tier: str | None = None
    cost_usd: Amount | None = None
    """None when the model or the usage is unknown. Never 0 for unknown."""
    cost_basis: str | None = None
    """`price_book`, `recorded` (an import brought it), `recording` (answered for free)."""
    cost_details: Json = None
    """`{bucket: [tokens, usd_per_token, usd]}`, rates and amounts as strings."""
    reported_cost_usd: Amount | None = None
    """What the provider itself says the call cost."""
    avoided_cost_usd: Amount | None = None
    """What the call would have cost had it not been answered from a recording or cache."""
    price_snapshot: str | None = None
    """Id of the immutable price snapshot that `cost_usd` was computed from."""
    request_hash: str | None = None
    model_hash: str | None = None
    messages_hash: str | None = None
    tools_hash: str | None = None
    parameters_hash: str | None = None
    served_from: ServedFrom = "live"
    attempt: Small = 1
    error_class: str | None = None
    """`rate_limit`, `timeout`, `server`, `auth`, `bad_request`, `context_length`, ..."""
    http_status: Small | None = None
    retry_after_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """What the provider's Retry-After header asked for."""
    simulated: bool = False


class ToolCall(BaseEvent, SpanFields):
    """One tool invocation."""

    kind: Literal["tool_call"] = "tool_call"
    span_kind: SpanKind = "tool"
    """`tool`; `retriever` for a search; `other` for a person's answer to an interrupt."""
    tool: str
    tool_call_id: str | None = None
    """The id that the model gave to its request."""
    arguments: Json = None
    result: Json = None
    request_hash: str | None = None
    """Hash of the name and the canonical arguments."""
    served_from: ServedFrom = "live"
    attempt: Small = 1
    cost_usd: Amount | None = None
    """Price of the call where the tool has one."""
    simulated: bool = False


class MemoryChange(BaseEvent):
    """One key of the state or of long-term memory, as it was read or changed.

    Folding the rows of scope `state` in order of `seq` gives the state at any point:
    `init` and `set` replace the key, `append` extends a list, `add` sums, `merge` updates a map.
    The state of a nested workflow folds alike, in scope `node`: its keys begin with the path of
    the node that it runs in, `triage[1]/category`.
    """

    kind: Literal["memory"] = "memory"
    scope: Literal["state", "node", "agent", "workflow"]
    operation: Literal["init", "set", "append", "add", "merge", "read", "write"]
    key: str
    value: Json = None
    span_id: str | None = None
    """The node that changed it; None for the state before the first node."""
    node_path: str | None = None


class AmbientRead(BaseEvent):
    """Something of the world that differs each time: the clock, random numbers, uuids."""

    kind: Literal["ambient_read"] = "ambient_read"
    ambient_kind: Literal["clock", "random", "uuid"]
    value: Json
    span_id: str | None = None
    node_path: str | None = None


class ReplayFinished(BaseEvent):
    """What the replay that this run is came to, compared with its source; before `run_finished`."""

    kind: Literal["replay_finished"] = "replay_finished"
    source_run_id: UUID
    replay_kind: ReplayKind
    overrides: dict[str, Json] | None = None
    from_node: str | None = None
    llm_policy: Policy
    tool_policy: Policy
    verdict: Verdict | None = None
    """None when the replay was stopped before it could be judged."""
    verdict_reason: str | None = None
    diverged_node_path: str | None = None
    diverged_span_id: str | None = None
    """The first span that was not as recorded; None when one is missing."""
    diverged_source_span_id: str | None = None
    diverged_call: Small | None = None
    """Its number in the source, as the Run page counts."""
    diverged_field: str | None = None
    """As `replay.verdict.IN_WORDS` lists them."""
    live_calls: Count
    recorded_calls: Count
    """LLM and tool calls that the recording answered; `live_calls` were executed."""
    live_by_node: dict[str, Count] | None = None
    cost_usd: Amount | None = None
    avoided_cost_usd: Amount | None = None


class Score(BaseEvent):
    """A verdict about a run or one of its spans."""

    kind: Literal["score"] = "score"
    evaluation_id: UUID
    name: str
    score_value: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """None when the scorer could not judge."""
    label: str | None = None
    reason: str | None = None
    scorer: str | None = None
    scorer_kind: Literal["code", "llm", "human", "recorded"] | None = None
    span_id: str | None = None
    """The span that was judged; None for the whole run."""


Event = Annotated[
    RunStarted
    | RunFinished
    | NodeStarted
    | NodeFinished
    | Message
    | ToolDefinitions
    | LlmCall
    | ToolCall
    | MemoryChange
    | AmbientRead
    | ReplayFinished
    | Score,
    Field(discriminator="kind"),
]


@cache
def event_adapter() -> TypeAdapter[Event]:
    """Return the validator of any event; built once, at first use."""
    return TypeAdapter(Event)


TABLES: Final[dict[str, str]] = {
    "run_started": "runs",
    "run_finished": "runs",
    "node_started": "node_timings",
    "node_finished": "node_timings",
    "message": "messages",
    "tool_definitions": "tool_definitions",
    "llm_call": "llm_calls",
    "tool_call": "tool_calls",
    "memory": "memory_snapshots",
    "ambient_read": "ambient_reads",
    "replay_finished": "replays",
    "score": "evaluations",
}
"""The table that each kind of event fills. Two kinds of one table complete the same row."""
