"""Conversations in OpenAI's chat form: what is wrong with one, and what it becomes in a run."""

from collections.abc import Mapping, Sequence
from typing import Any

from secondtake.backend.importers.builder import RunBuilder
from secondtake.backend.importers.files import shape_of
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.replay.tool_messages import pair_results, parse_arguments

Message = Mapping[str, Any]


def problem_of_messages(messages: Any) -> str | None:
    """Say why a value is no list of chat messages, as a clause; None when it is."""
    if not is_list(messages):
        return f"it is {shape_of(messages)}, not a list of messages"
    for place, message in enumerate(messages):
        problem = problem_of_message(message)
        if problem is not None:
            return f"message {place} {problem}"
    return None


def add_conversation(
    messages: Sequence[Message],
    builder: RunBuilder,
    *,
    model: str | None,
    tools: Sequence[Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    **of_the_last: Any,
) -> None:
    """Add messages, an LLM call for each assistant message, and the tool calls it asked for.

    Args:
        messages: in order; `problem_of_messages` has nothing against them.
        builder: takes them.
        model: that answered.
        tools: that it was offered.
        parameters: that it was asked with.
        of_the_last: arguments of `RunBuilder.llm_call` that are true of the last call alone, as
            the usage of the answer.
    """
    answers = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
    for place, message in enumerate(messages):
        if message["role"] != "assistant":
            builder.message(message)
            continue
        columns = of_the_last if place == answers[-1] else {}
        builder.llm_call(message, model=model, tools=tools, parameters=parameters, **columns)
        calls: list[Message] = message.get("tool_calls") or []
        for call, answer in zip(
            calls, pair_results(calls, answers_after(messages, place)), strict=True
        ):
            _add_tool_call(call, answer, builder)


def answers_after(messages: Sequence[Message], place: int) -> list[Message]:
    """Return the tool messages between an assistant message and the next one."""
    answers: list[Message] = []
    for message in messages[place + 1 :]:
        if message["role"] == "assistant":
            break
        if message["role"] == "tool":
            answers.append(message)
    return answers


def _add_tool_call(call: Message, answer: Message | None, builder: RunBuilder) -> None:
    function = call["function"]
    call_id = call.get("id")
    builder.tool_call(
        tool=function["name"],
        call_id=call_id if call_id is None else str(call_id),
        arguments=parse_arguments(function.get("arguments")),
        result=answer.get("content") if answer is not None else None,
        extra=None if answer is not None else {"unanswered": True},
    )


def problem_of_message(message: Any) -> str | None:
    """Say what is wrong with a message in OpenAI's chat form; None when it can be taken."""
    if not is_object(message) or not isinstance(message.get("role"), str):
        return "has no role"
    content = message.get("content")
    if content is not None and not isinstance(content, str) and not is_list(content):
        return f"has a content that is {shape_of(content)}, not a text or a list of parts"
    calls: Any = message.get("tool_calls") or []
    if not is_list(calls):
        return "has tool_calls that are not a list"
    for call in calls:
        function: Any = call.get("function") if is_object(call) else None
        if not is_object(function) or not isinstance(function.get("name"), str):
            return "has a tool call without a function's name"
    return None
