"""The lists of a run: its messages, tool calls, spans and state."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from secondtake.backend import formats
from secondtake.backend.cli.tables import Column, table
from secondtake.backend.cli.values import clip, indented, one_line_value, text_of
from secondtake.backend.models.records import MessageRow, ToolCallRow
from secondtake.backend.models.runs import SpanTree, StateAt
from secondtake.runner.narrow import is_list, is_object

SPAN_COLUMNS: Final = (
    Column(title="SPAN"),
    Column(title="PARENT"),
    Column(title="KIND"),
    Column(title="NAME"),
    Column(title="PATH"),
    Column(title="STARTED (UTC)"),
    Column(title="TIME", right=True),
    Column(title="COST", right=True),
    Column(title="SERVED"),
    Column(title="ERROR"),
)
VALUE_CHARACTERS: Final = 2000


def message_lines(messages: Sequence[MessageRow]) -> list[str]:
    """Return the conversation. A message says which one it follows where it is not the last."""
    if not messages:
        return ["The run has no messages."]
    lines: list[str] = []
    numbers: dict[UUID, int] = {}
    for number, message in enumerate(messages, start=1):
        numbers[message.message_id] = number
        lines += [_message_head(message, number, numbers), *_message_body(message), ""]
    return lines[:-1]


def _message_head(message: MessageRow, number: int, numbers: dict[UUID, int]) -> str:
    head = f"[{number}] {formats.one_line(message.role or 'message')}"
    if message.name:
        head += f" {formats.one_line(message.name)}"
    if message.tool_call_id:
        head += f" ({formats.one_line(message.tool_call_id)})"
    if message.parent_id is None:
        return head + ("" if number == 1 else " · begins a conversation")
    parent = numbers.get(message.parent_id)
    return head if parent == number - 1 else f"{head} · follows [{parent or '?'}]"


def _message_body(message: MessageRow) -> list[str]:
    lines = indented(message.content) if message.content is not None else []
    if message.parts is not None:
        lines += indented(f"parts: {clip(one_line_value(message.parts), VALUE_CHARACTERS)}")
    for call in _called(message.tool_calls):
        lines += indented(f"calls {call}")
    return lines or ["  (empty)"]


def _called(tool_calls: Any) -> list[str]:
    if not is_list(tool_calls):
        return [] if tool_calls is None else [one_line_value(tool_calls)]
    return [_called_one(call) for call in tool_calls]


def _called_one(call: Any) -> str:
    function = call.get("function") if is_object(call) else None
    if not is_object(function):
        return one_line_value(call)
    return f"{function.get('name')}({one_line_value(function.get('arguments', ''))})"


def tool_lines(tool_calls: Sequence[ToolCallRow]) -> list[str]:
    """Return each tool call with what went in and what came out."""
    if not tool_calls:
        return ["The run has no tool calls."]
    lines: list[str] = []
    for number, call in enumerate(tool_calls, start=1):
        lines += [_tool_head(call, number), f"  arguments  {_shown(call.arguments)}"]
        if call.error_type or call.error_message:
            error = f"{call.error_type or 'error'}: {call.error_message or ''}"
            lines.append(f"  error      {clip(formats.one_line(error), VALUE_CHARACTERS)}")
        if call.result is not None:
            lines += ["  result", *indented(text_of(call.result), "    ")]
        lines.append("")
    return lines[:-1]


def _tool_head(call: ToolCallRow, number: int) -> str:
    parts = [
        f"[{number}] {formats.one_line(call.tool or 'tool')}",
        "failed" if call.error_type or call.error_message else "ok",
        formats.duration(call.duration_ms),
    ]
    if call.cost_usd is not None:
        parts.append(formats.money(call.cost_usd))
    if call.served_from not in (None, "live"):
        parts.append(str(call.served_from))
    if call.node_path:
        parts.append(formats.one_line(call.node_path))
    return " · ".join(parts)


def span_lines(tree: SpanTree, *, width: int | None) -> list[str]:
    """Return a table of all spans, ids in full."""
    if not tree.spans:
        return ["The run has no spans."]
    costs = formats.money_column((span.cost_usd for span in tree.spans), places=formats.CALL_PLACES)
    rows = [
        [
            formats.one_line(span.span_id),
            formats.one_line(span.parent_span_id or ""),
            span.span_kind or "",
            formats.one_line(span.name or ""),
            formats.one_line(span.node_path or ""),
            formats.utc(span.started_at).removesuffix(" UTC"),
            formats.duration(span.duration_ms),
            cost,
            span.served_from or "",
            formats.one_line(span.error_type or ""),
        ]
        for span, cost in zip(tree.spans, costs, strict=True)
    ]
    return table(SPAN_COLUMNS, rows, width=width)


def state_lines(state: StateAt) -> list[str]:
    """Return the state after a step, what that step changed first, and the list of steps."""
    last = len(state.steps) - 1
    lines = [f"state after step {state.step} of {last}"]
    if not state.values:
        lines.append("  (empty)")
    ordered = [*state.changed, *(key for key in state.values if key not in state.changed)]
    for key in ordered:
        mark = "*" if key in state.changed and state.step > 0 else " "
        lines.append(f"{mark} {formats.one_line(key)} = {_shown(state.values.get(key))}")
    lines += [f"! {formats.one_line(problem)}" for problem in state.problems]
    lines += ["", "steps (`--step N` shows the state after one)"]
    for step in state.steps:
        where = (
            step.node_path or step.span_id or ("before the first node" if step.step == 0 else "")
        )
        keys = ", ".join(step.keys)
        lines.append(
            f"  {step.step:>3}  {formats.one_line(where)}  {formats.one_line(keys)}".rstrip()
        )
    return lines


def _shown(value: Any) -> str:
    return clip(one_line_value(value), VALUE_CHARACTERS)
