"""What a workflow file may say: the pydantic models, which are also its published JSON Schema."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from secondtake.runner.narrow import is_object
from secondtake.runner.workflows.value_types import Reducer

START: Final = "START"
END: Final = "END"
VISITS: Final = "visits"
"""What templates and conditions call the counters: `visits.draft`."""
ERRORS: Final = "errors"
"""The state key that collects errors where a node names no other."""

TypeName = Annotated[
    str,
    Field(
        description="string, integer, number, boolean, object, list, any, or list[TYPE].",
        examples=["string", "list[string]", "object"],
    ),
]
Parameters = Annotated[
    dict[str, Any],
    Field(description="Sent to the model as they are: temperature, seed, max_tokens, ..."),
]
Template = Annotated[
    str, Field(min_length=1, description="Jinja2 text over inputs and state: `{{ topic }}`.")
]
ConditionText = Annotated[
    str,
    Field(
        min_length=1,
        description="Condition over inputs, state and `visits`: `score < 8 and visits.draft < 3`.",
        examples=["category == 'billing'", "not approved", "len(errors) > 0"],
    ),
]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Output = str | dict[str, str]
Description = Annotated[str | None, Field(description="What it is for, for people.")]


class Section(BaseModel):
    """Base of all parts of a workflow file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Input(Section):
    """Something that a run is given."""

    type: TypeName = "string"
    description: Description = None
    default: Any = Field(None, description="Value when none is given; without it one must be.")

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return "default" not in self.model_fields_set


class StateKey(Section):
    """Something that nodes read and write."""

    type: TypeName = "any"
    description: Description = None
    reducer: Reducer = Field(
        "replace",
        description="How a node's value joins the key: replace it, append to a list, add to a "
        "number, merge into an object.",
    )
    default: Any = Field(None, description="Value before the first node.")

    @property
    def has_default(self) -> bool:
        """Whether the key holds something before the first node."""
        return "default" in self.model_fields_set and self.default is not None


class Retry(Section):
    """Trying again after a failure."""

    attempts: int = Field(3, ge=1, le=20, description="Including the first.")
    backoff_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        0.5, description="Wait before the second attempt; doubles each time, with jitter."
    )


class RunLimits(Section):
    """What one run may use; it stops with `budget_exceeded` and keeps what was done."""

    usd: Annotated[float, Field(ge=0)] | None = Field(None, description="US dollars.")
    tokens: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Tokens, input and output together."
    )
    seconds: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Seconds; those in which it waits for a person do not count."
    )
    calls: Annotated[int, Field(ge=0)] | None = Field(None, description="Calls of models.")


class BaseNode(Section):
    """What every node may say."""

    description: Description = None
    output: Output | None = Field(
        None,
        description="State key that takes the result; or `{state key: field of the result}` "
        "when the result is an object.",
    )
    max_visits: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="How often the node may be entered; every loop needs a node that says so. "
        "When it is used up, no edge to the node is taken any more: the `otherwise` edge is.",
    )
    on_error: Literal["fail", "collect"] = Field(
        "fail",
        description="When the node, or one branch of it, fails: end the run (fail), or add the "
        "error to `errors_to` and go on (collect). Limits and cancelling always end the run.",
    )
    errors_to: str = Field(
        ERRORS,
        description="State key that collected errors are appended to; `errors` needs no "
        "declaration.",
    )


class WorkNode(BaseNode):
    """What nodes that call something may say."""

    retry: Retry | None = Field(None, description="Try again after a failure.")
    timeout_s: Seconds | None = Field(
        None,
        description="llm, agent: seconds that one request may take. tool, python: seconds that "
        "one attempt may take; the node then fails, though a function that blocks is only left "
        "behind, it cannot be killed.",
    )


class ModelNode(WorkNode):
    """What nodes that ask a model may say."""

    system: Template | None = Field(None, description="The system message; a template.")
    prompt: Template
    model: str | None = Field(None, min_length=1, description="As LiteLLM names it.")
    parameters: Parameters = {}
    stream: bool = Field(
        False, description="Ask for the answer in pieces, and record the time to the first."
    )
    fallback_models: list[Annotated[str, Field(min_length=1)]] = Field(
        [], description="Asked in this order when the model fails for good."
    )


class LlmNode(ModelNode):
    """Asks a model once; free text, or an answer that fits a JSON Schema."""

    kind: Literal["llm"] = Field(description="Asks a model once.")
    answer_schema: dict[str, Any] | None = Field(
        None, alias="schema", description="JSON Schema of the answer; without it, free text."
    )
    repair: bool = Field(
        True,
        description="Give an answer that does not fit the schema back to the model, once, with "
        "what is wrong.",
    )


class AgentNode(ModelNode):
    """Asks a model in a loop and executes the tools that it calls."""

    kind: Literal["agent"] = Field(description="Asks a model in a loop with tools.")
    tools: list[Annotated[str, Field(min_length=1)]] = Field(
        [], description="Built-in tools by name; own ones as `module:function`."
    )
    max_steps: int = Field(10, ge=1, le=200, description="How often the model may be asked.")
    at_limit: Literal["answer", "error"] = Field(
        "answer",
        description="At the last step: forbid tools, so that the model must answer (answer), or "
        "fail when it calls tools once more (error).",
    )


class ToolNode(WorkNode):
    """Executes one tool."""

    kind: Literal["tool"] = Field(description="Executes one tool.")
    tool: str = Field(
        min_length=1, description="A built-in tool by name, or an own one as `module:function`."
    )
    arguments: dict[str, Any] = Field(
        {}, description="Texts are templates; one that is only `{{ name }}` keeps its type."
    )


class PythonNode(WorkNode):
    """Calls a Python function of a trusted module."""

    kind: Literal["python"] = Field(description="Calls a function.")
    function: str = Field(min_length=1, description="`module:function`.")
    inputs: list[str] = Field([], description="Inputs and state keys, given by name.")


class WorkflowNode(BaseNode):
    """Executes another workflow inside this run; the result is that workflow's output."""

    kind: Literal["workflow"] = Field(description="Executes another workflow.")
    workflow: str = Field(
        min_length=1,
        description="Name of a workflow beside this file or in the workflows root, or a file "
        "relative to this one.",
    )
    inputs: dict[str, Any] = Field(
        {},
        description="Inputs of the nested workflow. Texts are templates; one that is only "
        "`{{ name }}` keeps its type.",
    )


class HumanNode(BaseNode):
    """Asks a person and waits for the answer; the result is the answer."""

    kind: Literal["human"] = Field(description="Asks a person.")
    question: Template
    choices: list[Annotated[str, Field(min_length=1)]] | Template | None = Field(
        None,
        description="The answers that are allowed: a list, or `{{ name }}` of a list of texts. "
        "Any answer of the type when left out.",
    )
    type: TypeName = "string"
    timeout_s: Seconds | None = Field(
        None,
        description="Seconds to wait; then the default is the answer, or the node fails when "
        "there is none. Waiting does not count for the run's `limits.seconds`.",
    )
    default: Any = Field(None, description="The answer when `timeout_s` is over.")

    @property
    def has_default(self) -> bool:
        """Whether there is an answer when nobody gives one."""
        return "default" in self.model_fields_set


Node = Annotated[
    LlmNode | AgentNode | ToolNode | PythonNode | WorkflowNode | HumanNode,
    Field(discriminator="kind"),
]


class Edge(Section):
    """From one node to the next, once or once for each item of a list, always or on a condition."""

    start: str = Field(alias="from", description="A node, or START.")
    to: str = Field(description="A node, or END.")
    when: ConditionText | None = Field(
        None,
        description="Take the edge only when this holds, after the node it leaves: over inputs, "
        "state and `visits`, e.g. `score < 8 and visits.draft < 3`. Every edge whose condition "
        "holds is taken.",
    )
    otherwise: bool = Field(
        False, description="Take the edge when no conditional edge of the same node is taken."
    )
    each: str | None = Field(
        None, description="A list in the state: `to` runs once for each item, in parallel."
    )
    item_name: str | None = Field(
        None, alias="as", description="What a branch calls its item. Only with `each`."
    )


class Definition(Section):
    """A whole workflow."""

    name: str = Field(min_length=1, max_length=100, description="What runs of it are called.")
    description: Description = None
    inputs: dict[str, Input] = Field({}, description="What a run is given, by name; see Input.")
    state: dict[str, StateKey] = Field(
        {}, description="What nodes read and write, by name; see StateKey."
    )
    model: str | None = Field(None, min_length=1, description="Of nodes that name none.")
    parameters: Parameters = {}
    limits: RunLimits = Field(
        default_factory=lambda: RunLimits.model_validate({}),
        description="What one run may use; see RunLimits. Those of a nested workflow do not "
        "count, the run's own hold inside it.",
    )
    concurrency: int = Field(8, ge=1, le=64, description="Branches that run at the same time.")
    nodes: dict[str, Node] = Field(
        min_length=1,
        description="The steps, by name: LlmNode, AgentNode, ToolNode, PythonNode, WorkflowNode "
        "or HumanNode.",
    )
    edges: list[Edge] = Field(min_length=1, description="Which node follows which; see Edge.")
    output: str | list[str] | None = Field(
        None, description="State key, or keys, that are the result of the run; all when left out."
    )

    @model_validator(mode="before")
    @classmethod
    def _declare_errors(cls, data: Any) -> Any:
        """Declare the key of collected errors where a node uses it and the file does not."""
        if not (is_object(data) and is_object(data.get("nodes"))):
            return data
        nodes = [node for node in data["nodes"].values() if is_object(node)]
        collects = any(
            node.get("on_error") == "collect" and node.get("errors_to", ERRORS) == ERRORS
            for node in nodes
        )
        state = data.get("state", {})
        if not collects or not is_object(state) or ERRORS in state:
            return data
        key = {"type": "list[object]", "reducer": "append", "description": "What failed."}
        # A new mapping: the file's own is recorded and hashed as it is.
        return {**data, "state": {**state, ERRORS: key}}

    def result_of(self, state: Mapping[str, Any]) -> Any:
        """Return what a run comes to from its state: one value, or an object of several."""
        if isinstance(self.output, str):
            return state.get(self.output)
        return {key: state.get(key) for key in self.output or self.state}


NODE_KINDS: Final[dict[str, type[BaseNode]]] = {
    "llm": LlmNode,
    "agent": AgentNode,
    "tool": ToolNode,
    "python": PythonNode,
    "workflow": WorkflowNode,
    "human": HumanNode,
}
