"""The tool loop of `agent` nodes.

The model is asked; the tools that it calls are executed, those of one turn in parallel; it is
asked again with their results. What goes wrong with a tool (no such tool, arguments that are not
JSON or do not fit, an error inside the tool) is told to the model as the tool's result, and
recorded as an error of the call. At the last of `max_steps` the model may call no more tools.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from secondtake.runner.errors import ToolError
from secondtake.runner.narrow import is_object
from secondtake.runner.tools.registry import ToolRegistry
from secondtake.runner.workflows.execution import Execution
from secondtake.runner.workflows.failures import NodeError
from secondtake.runner.workflows.messages import (
    Message,
    assistant_message,
    opening_messages,
    text_of,
    to_plain,
)
from secondtake.runner.workflows.schema import AgentNode
from secondtake.runner.workflows.waiting import run_parallel, wait_for

PARALLEL_TOOLS: Final = 8
MAX_RESULT_CHARACTERS: Final = 100_000
NO_TOOLS: Final[Mapping[str, Any]] = {"tool_choice": "none"}
"""The definitions stay in the request: some providers refuse a history of tool calls without."""


def run_agent(execution: Execution, name: str, node: AgentNode, values: Mapping[str, Any]) -> str:
    """Execute the loop and return the model's last text.

    Raises:
        NodeError: the model called tools at the last step, or answered nothing.
    """
    tools = execution.prepared.tools[name]
    definitions = tools.definitions()
    messages = opening_messages(node, values)
    for step in range(1, node.max_steps + 1):
        must_answer = step == node.max_steps and node.at_limit == "answer" and step > 1
        parameters = NO_TOOLS if must_answer and definitions else {}
        response = execution.ask(node, messages, tools=definitions, parameters=parameters)
        calls = _with_ids(response.message.get("tool_calls") or [], step)
        if not calls:
            return _final_text(name, text_of(response.message), response.finish_reason)
        if step == node.max_steps:
            break
        messages.append({**assistant_message(response.message), "tool_calls": calls})
        messages.extend(_execute_calls(execution, tools, calls))
    raise NodeError(
        f"Node `{name}` did not finish within {node.max_steps} steps; raise `max_steps`, or ask "
        "for less in the prompt."
    )


def _final_text(name: str, text: str, finish_reason: str | None) -> str:
    if text:
        return text
    raise NodeError(
        f"Node `{name}`: the model answered nothing (finish reason {finish_reason or 'unknown'}); "
        "change the prompt or raise max_tokens."
    )


def _with_ids(calls: Any, step: int) -> list[dict[str, Any]]:
    """Return the calls in OpenAI's form, each with an id: the results must refer to it."""
    found: list[dict[str, Any]] = []
    for index, call in enumerate(calls):
        function = dict(call.get("function") or {})
        function["arguments"] = _as_text(function.get("arguments"))
        call_id = call.get("id") or f"call_{step}_{index + 1}"
        found.append({**call, "id": call_id, "type": "function", "function": function})
    return found


def _as_text(arguments: Any) -> str:
    if arguments is None or arguments == "":
        return "{}"
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _execute_calls(
    execution: Execution, tools: ToolRegistry, calls: list[dict[str, Any]]
) -> list[Message]:
    """Execute the calls of one turn and return their results in the order of the calls."""
    execution.check()

    def job(call: dict[str, Any]) -> Callable[[], Message]:
        return lambda: _execute_call(execution, tools, call)

    return run_parallel([job(call) for call in calls], at_once=PARALLEL_TOOLS)


def _execute_call(execution: Execution, tools: ToolRegistry, call: dict[str, Any]) -> Message:
    name, raw, call_id = (
        str(call["function"].get("name")),
        call["function"]["arguments"],
        call["id"],
    )

    def guard(execute: Callable[[], Any]) -> Any:
        # Plain before it is recorded, so that a replay gives the very same.
        return to_plain(wait_for(execute, check=execution.recorder.check_interrupt))

    try:
        arguments, problem = parse_arguments(raw)
        if problem:
            tools.refuse(name, raw, problem, tool_call_id=call_id)
        content = to_text(tools.call(name, arguments, tool_call_id=call_id, guard=guard))
    except ToolError as error:
        content = f"Error: {error.message}"
    except Exception as error:  # noqa: BLE001 - recorded by the boundary; the model may mend it
        content = f"Error: the tool failed with {type(error).__name__}: {error}"
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def parse_arguments(raw: str) -> tuple[dict[str, Any], str | None]:
    """Return the object that a model sent, or a text that tells it what is wrong."""
    cure = 'send one JSON object, for example {"name": "value"}'
    try:
        arguments = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return {}, f"the arguments are not JSON ({error}); {cure}."
    if not is_object(arguments):
        return {}, f"the arguments are not an object; {cure}."
    return arguments, None


def to_text(result: Any) -> str:
    """Return a tool's result as a model reads it: a text as it is, all else as JSON."""
    text = result if isinstance(result, str) else json.dumps(to_plain(result), ensure_ascii=False)
    if len(text) <= MAX_RESULT_CHARACTERS:
        return text
    left_out = len(text) - MAX_RESULT_CHARACTERS
    return f"{text[:MAX_RESULT_CHARACTERS]}\n[{left_out} more characters left out]"
