"""From a workflow to a LangGraph `StateGraph`.

Each state key is a channel of its own with our reducer. A fan-out is a conditional edge that
sends the node each item of the list; a hidden node gathers the branches, so that what follows
runs once, after all of them, also when the list was empty. A node with several edges to it waits
for all of them. Channels and hidden nodes have names that no state key or node can have.
"""

import importlib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, TypedDict

from secondtake.runner import context
from secondtake.runner.context import RunContext
from secondtake.runner.hashing import value_hash
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.narrow import is_list
from secondtake.runner.workflows.execution import Execution
from secondtake.runner.workflows.failures import NodeError
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.ledger import order_of
from secondtake.runner.workflows.nodes import changes_of, execute_node
from secondtake.runner.workflows.schema import (
    END,
    START,
    BaseNode,
    Definition,
    Edge,
    PythonNode,
    Retry,
    ToolNode,
)
from secondtake.runner.workflows.value_types import Reducer, reduce
from secondtake.runner.workflows.waiting import pause

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

PREFIX: Final = "state."
BEGUN: Final = "begun"
"""A channel that is always written: LangGraph refuses to begin with no input at all."""
BRANCH: Final = "branch."
"""Key of what a branch is sent, beside the state."""

ONCE: Final = Retry(attempts=1, backoff_s=0)


def run_graph(execution: Execution) -> dict[str, Any]:
    """Execute all nodes and return the final state; keys that hold nothing are absent.

    Raises:
        BaseException: what the first node that failed raised.
    """
    run_helpers: Any = importlib.import_module("langsmith.run_helpers")
    definition = execution.prepared.definition
    graph = build_graph(execution)
    state = {PREFIX + key: value for key, value in execution.ledger.begin().items()}
    config: Any = {
        "recursion_limit": 2 * len(definition.nodes) + 10,
        "max_concurrency": definition.concurrency,
    }
    # A LANGSMITH_TRACING left in the environment would send every state to another host.
    with run_helpers.tracing_context(enabled=False):
        final = graph.invoke({BEGUN: True, **state}, config)
    execution.ledger.commit()
    return visible_state(final)


def build_graph(execution: Execution) -> Any:
    """Return the compiled LangGraph graph of one execution."""
    graphs: Any = importlib.import_module("langgraph.graph")
    definition = execution.prepared.definition
    plan = Graph(definition)
    builder: Any = graphs.StateGraph(_state_type(definition))
    for name, node in definition.nodes.items():
        builder.add_node(name, _with_config(partial(_run_node, execution, name, node)))
    for name in plan.fan_outs:
        builder.add_node(gather_name(name), _nothing)
        builder.add_edge(name, gather_name(name))
    for target in [*definition.nodes, END]:
        _add_edges_to(builder, plan, target, execution)
    return builder.compile()


def gather_name(node: str) -> str:
    """Return the name of the hidden node after a fan-out."""
    return f"{node}.gather"


def visible_state(channels: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state keys of LangGraph's state."""
    return {
        key.removeprefix(PREFIX): value for key, value in channels.items() if key.startswith(PREFIX)
    }


def _state_type(definition: Definition) -> Any:
    fields: dict[str, Any] = {BEGUN: bool}
    for key, described in definition.state.items():
        fields[PREFIX + key] = Annotated[Any, _reducer(described.reducer)]
    # Built at run time: mypy wants a literal.
    return TypedDict("State", fields, total=False)  # type: ignore[operator]


def _reducer(reducer: Reducer) -> Callable[[Any, Any], Any]:
    def apply(current: Any, change: Any) -> Any:
        return reduce(current, change, reducer)

    return apply


def _add_edges_to(builder: Any, plan: Graph, target: str, execution: Execution) -> None:
    constants: Any = importlib.import_module("langgraph.constants")
    edges = plan.incoming[target]
    if edges and edges[0].each is not None:
        source = _source_name(edges[0].start, plan)
        route = _with_config(partial(_send, execution, edges[0]), routes=True)
        ends = [target, gather_name(target)]
        builder.add_conditional_edges(source if source != START else constants.START, route, ends)
        return
    sources = [_source_name(edge.start, plan) for edge in edges]
    name = constants.END if target == END else target
    waits_for = [source for source in sources if source != START]
    if target != END and len(waits_for) > 1:
        builder.add_edge(waits_for, name)
        return
    for source in waits_for or [constants.START]:
        builder.add_edge(source, name)


def _source_name(name: str, plan: Graph) -> str:
    return gather_name(name) if name in plan.fan_outs else name


def _nothing(_state: dict[str, Any]) -> dict[str, Any]:
    return {}


def _with_config(function: Callable[..., Any], *, routes: bool = False) -> Callable[..., Any]:
    """Wrap what LangGraph calls: it looks at the signature for what to give."""
    if routes:

        def route(state: dict[str, Any]) -> Any:
            return function(state)

        return route

    def call(state: dict[str, Any], config: "RunnableConfig") -> dict[str, Any]:
        changes: dict[str, Any] = function(state, config)
        return changes

    # LangGraph gives `config` by annotation, which must not be a string for it to see.
    from langchain_core.runnables import RunnableConfig as Config

    call.__annotations__["config"] = Config
    return call


def _send(execution: Execution, edge: Edge, state: dict[str, Any]) -> Any:
    """Return what a fan-out sends: the node once an item, or its gathering when there is none."""
    from langgraph.types import Send

    values = {**execution.inputs, **visible_state(state)}
    items = values.get(str(edge.each))
    if items is None:
        items = []
    if not is_list(items):
        raise NodeError(f"`{edge.each}` is not a list, so `{edge.to}` cannot run once an item.")
    if not items:
        return gather_name(edge.to)
    same: Counter[str] = Counter()
    sends: list[Any] = []
    for item in items:
        payload = {str(edge.item_name): item}
        key = value_hash(to_json_value(payload))
        branch = {"payload": payload, "ordinal": same[key]}
        same[key] += 1
        sends.append(Send(edge.to, {**state, BRANCH: branch}))
    return sends


def _run_node(
    execution: Execution,
    name: str,
    node: BaseNode,
    state: dict[str, Any],
    config: "RunnableConfig",
) -> dict[str, Any]:
    """Execute one node of the graph with its attempts, and hand its changes to LangGraph."""
    order = order_of(config.get("metadata") or {})
    execution.ledger.commit(before_step=order[0])
    branch: dict[str, Any] = state.get(BRANCH) or {"payload": None, "ordinal": 0}
    item: dict[str, Any] = branch["payload"] or {}
    values = {**execution.inputs, **visible_state(state), **item}
    try:
        execution.check()
        changes, where = _attempt(execution, name, node, values, branch)
    except BaseException as error:
        execution.fail(error)
        raise
    execution.ledger.note(order, where, changes)
    return {PREFIX + key: change for key, change in changes.items()}


def _attempt(
    execution: Execution,
    name: str,
    node: BaseNode,
    values: Mapping[str, Any],
    branch: Mapping[str, Any],
) -> tuple[dict[str, Any], RunContext | None]:
    """Execute a node until an attempt succeeds; nodes that ask a model retry each call instead."""
    retry = (node.retry or ONCE) if isinstance(node, ToolNode | PythonNode) else ONCE
    for attempt in range(1, retry.attempts + 1):
        try:
            with context.node(
                name,
                node_kind=str(getattr(node, "kind", "")),
                branch_payload=branch["payload"],
                branch_ordinal=branch["ordinal"],
                attempt=attempt,
            ) as where:
                result = execute_node(execution, name, node, values)
                return changes_of(execution, name, node, result), where
        except Exception:
            if attempt == retry.attempts:
                raise
        pause(retry.backoff_s * 2 ** (attempt - 1), check=execution.check)
    raise NodeError(f"Node `{name}` had no attempt left.")  # attempts is at least 1
