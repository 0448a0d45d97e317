"""What each kind of node does: from its values to its result."""

import asyncio
import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from secondtake.runner.calls import LlmResponse
from secondtake.runner.narrow import is_object
from secondtake.runner.workflows.agent import run_agent
from secondtake.runner.workflows.answers import (
    AnswerError,
    read_answer,
    repair_request,
    response_format,
)
from secondtake.runner.workflows.execution import Execution
from secondtake.runner.workflows.failures import NodeError
from secondtake.runner.workflows.messages import (
    assistant_message,
    opening_messages,
    text_of,
    to_plain,
)
from secondtake.runner.workflows.schema import (
    AgentNode,
    BaseNode,
    LlmNode,
    PythonNode,
    ToolNode,
)
from secondtake.runner.workflows.templates import render_value
from secondtake.runner.workflows.value_types import change_for
from secondtake.runner.workflows.waiting import wait_for

Values = Mapping[str, Any]


def execute_node(execution: Execution, name: str, node: BaseNode, values: Values) -> Any:
    """Execute one attempt of a node and return its result.

    Raises:
        NodeError: it cannot give a result.
        Exception: what a model, tool or function raised.
    """
    if isinstance(node, LlmNode):
        return run_llm(execution, name, node, values)
    if isinstance(node, AgentNode):
        return run_agent(execution, name, node, values)
    if isinstance(node, ToolNode):
        return run_tool(execution, name, node, values)
    if isinstance(node, PythonNode):
        return run_python(execution, name, node, values)
    raise NodeError(f"Node `{name}` has no kind that can be executed.")


def run_llm(execution: Execution, name: str, node: LlmNode, values: Values) -> Any:
    """Ask the model once; an answer that must fit a schema may be repaired once."""
    messages = opening_messages(node, values)
    schema = node.answer_schema
    if schema is None:
        return _answer_text(name, execution.ask(node, messages))
    parameters = {"response_format": response_format(name, schema)}
    response = execution.ask(node, messages, parameters=parameters)
    try:
        return read_answer(text_of(response.message), schema)
    except AnswerError as error:
        if not node.repair:
            raise NodeError(_misfit(name, error, response, repaired=False)) from None
        messages.append(assistant_message(response.message))
        messages.append({"role": "user", "content": repair_request(error, schema)})
    response = execution.ask(node, messages, parameters=parameters)
    try:
        return read_answer(text_of(response.message), schema)
    except AnswerError as error:
        raise NodeError(_misfit(name, error, response, repaired=True)) from None


def _answer_text(name: str, response: LlmResponse) -> str:
    text = text_of(response.message)
    if not text:
        raise NodeError(
            f"Node `{name}`: the model answered nothing (finish reason "
            f"{response.finish_reason or 'unknown'}); change the prompt or raise max_tokens."
        )
    return text


def _misfit(name: str, error: AnswerError, response: LlmResponse, *, repaired: bool) -> str:
    cure = "simplify the schema, or use a stronger model"
    if response.finish_reason == "length":
        cure = "it was cut off at the token limit: raise parameters.max_tokens"
    after = " after one repair attempt" if repaired else ""
    return f"Node `{name}`{after}: {error.message}; {cure}."


def run_tool(execution: Execution, name: str, node: ToolNode, values: Values) -> Any:
    """Execute the node's tool with its arguments filled in."""
    tools = execution.prepared.tools[name]
    arguments = render_value(node.arguments, values)
    check = execution.recorder.check_interrupt

    def guard(call: Callable[[], Any]) -> Any:
        what = f"Tool `{tools.names()[0]}`"
        # Plain before it is recorded, so that a replay gives the very same.
        return to_plain(wait_for(call, check=check, timeout_s=node.timeout_s, what=what))

    return tools.call(tools.names()[0], arguments, guard=guard)


def run_python(execution: Execution, name: str, node: PythonNode, values: Values) -> Any:
    """Call the node's function; it gets copies, so that it cannot change the state unseen."""
    function = execution.prepared.functions[name]
    missing = [key for key in node.inputs if key not in values]
    if missing:
        raise NodeError(f"Node `{name}`: `{missing[0]}` has no value yet; give it a default.")
    given = {key: copy.deepcopy(values[key]) for key in node.inputs}

    def call() -> Any:
        result = function(**given)
        return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result

    return wait_for(
        call,
        check=execution.recorder.check_interrupt,
        timeout_s=node.timeout_s,
        what=f"`{node.function}`",
    )


async def _awaited(value: Any) -> Any:
    return await value


def changes_of(execution: Execution, name: str, node: BaseNode, result: Any) -> dict[str, Any]:
    """Return what a result changes: for each state key what its reducer takes.

    Raises:
        NodeError: the result does not fit the types of the state.
    """
    if node.output is None:
        return {}
    if isinstance(node.output, str):
        wanted = {node.output: result}
    elif is_object(result):
        wanted = {key: result[part] for key, part in node.output.items() if part in result}
        _require_fields(name, node, result)
    else:
        text = f"Node `{name}`: the result is not an object, so it has no fields for `output`."
        raise NodeError(text)
    return {key: _change(execution, name, key, value) for key, value in wanted.items()}


def _require_fields(name: str, node: BaseNode, result: Mapping[str, Any]) -> None:
    """A field may be missing only where an answer schema does not require it."""
    assert isinstance(node.output, dict)
    schema = node.answer_schema if isinstance(node, LlmNode) else None
    needed = node.output.values() if schema is None else schema.get("required", [])
    missing = [part for part in node.output.values() if part in needed and part not in result]
    if missing:
        has = ", ".join(sorted(map(str, result))) or "none"
        raise NodeError(f"Node `{name}`: the result has no field `{missing[0]}`; it has: {has}.")


def _change(execution: Execution, name: str, key: str, value: Any) -> Any:
    reducer = execution.prepared.definition.state[key].reducer
    if value is None and reducer == "replace":
        return None
    try:
        return change_for(value, execution.types[key], reducer)
    except ValueError as error:
        kind = execution.prepared.definition.state[key].type
        raise NodeError(
            f"Node `{name}` does not fit `{key}` ({kind}): {error}; change the node or the type."
        ) from None
