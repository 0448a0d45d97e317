"""What a workflow file may say: the pydantic models, which are also its published JSON Schema.

Conditional edges, loops, nested workflows and human nodes have no words here yet.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from secondtake.runner.workflows.value_types import Reducer

START: Final = "START"
END: Final = "END"

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
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Output = Annotated[
    str | dict[str, str],
    Field(
        description="State key that takes the result; or `{state key: field of the result}` "
        "when the result is an object."
    ),
]


class Section(BaseModel):
    """Base of all parts of a workflow file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Input(Section):
    """Something that a run is given."""

    type: TypeName = "string"
    description: str | None = None
    default: Any = Field(None, description="Value when none is given; without it one must be.")

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return "default" not in self.model_fields_set


class StateKey(Section):
    """Something that nodes read and write."""

    type: TypeName = "any"
    description: str | None = None
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

    usd: Annotated[float, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None
    calls: Annotated[int, Field(ge=0)] | None = Field(None, description="Calls of models.")


class BaseNode(Section):
    """What every node may say."""

    description: str | None = None
    output: Output | None = None
    retry: Retry | None = None
    timeout_s: Seconds | None = Field(
        None,
        description="llm, agent: seconds that one request may take. tool, python: seconds that "
        "one attempt may take; the node then fails, though a function that blocks is only left "
        "behind, it cannot be killed.",
    )


class ModelNode(BaseNode):
    """What nodes that ask a model may say."""

    system: Template | None = None
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

    kind: Literal["llm"]
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

    kind: Literal["agent"]
    tools: list[Annotated[str, Field(min_length=1)]] = Field(
        [], description="Built-in tools by name; own ones as `module:function`."
    )
    max_steps: int = Field(10, ge=1, le=200, description="How often the model may be asked.")
    at_limit: Literal["answer", "error"] = Field(
        "answer",
        description="At the last step: forbid tools, so that the model must answer (answer), or "
        "fail when it calls tools once more (error).",
    )


class ToolNode(BaseNode):
    """Executes one tool."""

    kind: Literal["tool"]
    tool: str = Field(min_length=1)
    arguments: dict[str, Any] = Field(
        {}, description="Texts are templates; one that is only `{{ name }}` keeps its type."
    )


class PythonNode(BaseNode):
    """Calls a Python function of a trusted module."""

    kind: Literal["python"]
    function: str = Field(min_length=1, description="`module:function`.")
    inputs: list[str] = Field([], description="Inputs and state keys, given by name.")


Node = Annotated[LlmNode | AgentNode | ToolNode | PythonNode, Field(discriminator="kind")]


class Edge(Section):
    """From one node to the next, once or once for each item of a list."""

    start: str = Field(alias="from", description="A node, or START.")
    to: str = Field(description="A node, or END.")
    each: str | None = Field(
        None, description="A list in the state: `to` runs once for each item, in parallel."
    )
    item_name: str | None = Field(
        None, alias="as", description="What a branch calls its item. Only with `each`."
    )


class Definition(Section):
    """A whole workflow."""

    name: str = Field(min_length=1, max_length=100)
    description: str | None = None
    inputs: dict[str, Input] = {}
    state: dict[str, StateKey] = {}
    model: str | None = Field(None, min_length=1, description="Of nodes that name none.")
    parameters: Parameters = {}
    limits: RunLimits = Field(default_factory=lambda: RunLimits.model_validate({}))
    concurrency: int = Field(8, ge=1, le=64, description="Branches that run at the same time.")
    nodes: dict[str, Node] = Field(min_length=1)
    edges: list[Edge] = Field(min_length=1)
    output: str | list[str] | None = Field(
        None, description="State key, or keys, that are the result of the run; all when left out."
    )


NODE_KINDS: Final[dict[str, type[BaseNode]]] = {
    "llm": LlmNode,
    "agent": AgentNode,
    "tool": ToolNode,
    "python": PythonNode,
}
