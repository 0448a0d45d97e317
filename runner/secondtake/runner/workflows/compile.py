"""From a workflow to a LangGraph `StateGraph`.

Each state key is a channel of its own with our reducer. All nodes lead to one hidden node, which
runs when a step has ended: it records the step's changes, asks the scheduler what is next, and
sends each of these nodes the state, a fan-out once for each item. So the branches of a step run
in parallel and their changes are applied together, by LangGraph; which edges are taken, and what
a join waits for, is decided in one place (see `scheduling`).
"""

import importlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, TypedDict

from secondtake.runner.errors import RunStopped, UsageError
from secondtake.runner.hashing import value_hash
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.workflows.execution import Execution
from secondtake.runner.workflows.failures import NodeError
from secondtake.runner.workflows.node_visit import Visit, run_visit
from secondtake.runner.workflows.overrides import convert_inputs
from secondtake.runner.workflows.scheduling import Entry
from secondtake.runner.workflows.schema import VISITS, Definition, WorkflowNode
from secondtake.runner.workflows.templates import render_value
from secondtake.runner.workflows.value_types import Reducer, reduce

PREFIX: Final = "state."
BEGUN: Final = "begun"
"""A channel that is always written: LangGraph refuses to begin with no input at all."""
VISIT: Final = "visit."
"""Key of what a node is sent beside the state."""
ROUTER: Final = "next."
"""The hidden node; no node can have a dot in its name."""
STEPS_MAX: Final = 1_000_000_000
"""LangGraph's own limit is out of the way: every loop has its `max_visits`."""


@dataclass(frozen=True)
class Replaced:
    """Takes the place of what a channel holds, whatever its reducer."""

    value: Any


def run_graph(execution: Execution) -> dict[str, Any]:
    """Execute all nodes and return the final state; keys that hold nothing are absent.

    Raises:
        BaseException: what the first node that failed raised.
    """
    run_helpers: Any = importlib.import_module("langsmith.run_helpers")
    graph = build_graph(execution)
    state = {PREFIX + key: value for key, value in execution.ledger.begin().items()}
    config: Any = {
        "recursion_limit": STEPS_MAX,
        "max_concurrency": execution.prepared.definition.concurrency,
    }

    def invoke() -> Any:
        # A nested graph must not take itself for a subgraph of the one whose node it runs in.
        runnables: Any = importlib.import_module("langchain_core.runnables.config")
        runnables.var_child_runnable_config.set(None)
        # A LANGSMITH_TRACING left in the environment would send every state to another host.
        with run_helpers.tracing_context(enabled=False):
            return graph.invoke({BEGUN: True, **state}, config)

    return visible_state(copy_context().run(invoke))


def build_graph(execution: Execution) -> Any:
    """Return the compiled LangGraph graph of one execution."""
    graphs: Any = importlib.import_module("langgraph.graph")
    builder: Any = graphs.StateGraph(_state_type(execution.prepared.definition))
    builder.add_node(ROUTER, _plain(partial(_route, execution)))
    builder.add_edge(graphs.START, ROUTER)
    for name in execution.prepared.definition.nodes:
        builder.add_node(name, _plain(partial(_run_node, execution)))
        builder.add_edge(name, ROUTER)
    return builder.compile()


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
        if isinstance(change, Replaced):
            return change.value
        return reduce(current, change, reducer)

    return apply


def _plain(function: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Wrap what LangGraph calls: it looks at the signature for what to give."""

    def call(state: dict[str, Any]) -> Any:
        return function(state)

    return call


def _route(execution: Execution, state: dict[str, Any]) -> Any:
    """End a step: record what it changed, and send the state to the nodes of the next."""
    from langgraph.types import Command, Send

    try:
        if problem := execution.ledger.commit():
            raise NodeError(problem)
        execution.check()
        known = visible_state(state)
        empty = dict.fromkeys(execution.prepared.definition.state)
        entries = execution.scheduler.advance({**empty, **execution.inputs, **known})
        names = [entry.node for entry in entries]
    except BaseException as error:
        execution.fail(error)
        raise
    edits = {PREFIX + key: value for key, value in execution.fork(names).items()}
    visits = dict(execution.scheduler.visits)
    sends: list[Any] = []
    going = list(_visits(entries))
    execution.begin_step(len(going))
    for order, visit in enumerate(going):
        sends.append(Send(visit.node, {**state, **edits, VISIT: (order, visit, visits)}))
    return Command(goto=sends, update={key: Replaced(value) for key, value in edits.items()})


def _visits(entries: list[Entry]) -> Iterator[Visit]:
    """Yield a visit for each node, for a fan-out one for each item."""
    for entry in entries:
        if entry.items is None:
            yield Visit(node=entry.node, entered_from=entry.entered_from)
            continue
        same: Counter[str] = Counter()
        for item in entry.items:
            payload = {entry.item_name: item}
            key = value_hash(to_json_value(payload))
            yield Visit(
                node=entry.node,
                entered_from=entry.entered_from,
                payload=payload,
                ordinal=same[key],
            )
            same[key] += 1


def _run_node(execution: Execution, state: dict[str, Any]) -> dict[str, Any]:
    """Execute one node of a step, and hand its changes to LangGraph."""
    sent: tuple[int, Visit, dict[str, int]] = state[VISIT]
    order, visit, visits = sent
    item: Mapping[str, Any] = visit.payload or {}
    values = {**execution.inputs, **visible_state(state), VISITS: visits, **item}
    with execution.branch():
        try:
            execution.check()
            changes, where = run_visit(execution, visit, values, run_nested)
        except BaseException as error:
            execution.fail(error)
            raise
    execution.ledger.note(order, visit.node, where, changes)
    return {PREFIX + key: change for key, change in changes.items()}


def run_nested(
    execution: Execution, name: str, node: WorkflowNode, values: Mapping[str, Any]
) -> Any:
    """Execute a nested workflow inside this run, in the node that is open, and return its output.

    Raises:
        NodeError: an input does not fit.
        BaseException: what the first node that failed raised.
    """
    prepared = execution.prepared.nested[name]
    given = {key: render_value(template, values) for key, template in node.inputs.items()}
    try:
        inputs = convert_inputs(prepared.definition, given, {}, where=f"add it to `{name}`")
    except UsageError as error:
        raise NodeError(f"Node `{name}`: {error.message}") from None
    nested = execution.nested(name, prepared, inputs)
    try:
        final = run_graph(nested)
    except (Exception, RunStopped):
        nested.ledger.commit()
        if nested.failure is None:
            raise
        # Of several branches that failed, LangGraph raises any; this is the one that was first.
        raise nested.failure from None
    return prepared.definition.result_of(final)
