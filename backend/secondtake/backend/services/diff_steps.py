"""The steps of a run as a diff compares them: its LLM calls and its tool calls."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.diffs import Step, StepKind
from secondtake.backend.models.records import LlmCallRow, MessageRow, ToolCallRow
from secondtake.backend.models.runs import RunFacts
from secondtake.backend.services.diff_messages import NewMessages
from secondtake.backend.services.diff_values import TEXT_CHARS, cut_note
from secondtake.backend.store import diffs
from secondtake.backend.store.children import list_rows
from secondtake.runner.narrow import is_list, is_object

R = TypeVar("R", LlmCallRow, ToolCallRow, MessageRow, RunFacts)

UNNAMED_MODEL: Final = "model"
UNNAMED_TOOL: Final = "tool"

_ALL_CHARS: Final = 2_000_000
"""The texts of all steps of a run have about so many characters at most."""
_FEWEST_CHARS: Final = 1000
_VALUES: Final = ("inputs", "output", "config", "environment", "error_message")
_KINDS: Final = ("tool", "retriever", "other")
_BRANCH: Final = re.compile(r"(?P<fan_out>.*?\[\d+):(?P<key>[^\]]+)\]")
"""The outermost fan-out of a node path, and the branch of it."""
_VISIT: Final = re.compile(r"\[\d+(?::[^\]/]+)?\](?=/|$)")
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What a run called, long texts cut; a text that was cut says so, and by which digest."""

    llm_calls: list[LlmCallRow]
    """The first one is LLM call 1."""
    tool_calls: list[ToolCallRow]
    """The first one is tool call 1."""
    messages: dict[UUID, MessageRow]


def read_calls(con: DuckDBPyConnection, run_id: UUID, *, call_count: int) -> Calls:
    """Return the calls of a run, the more of them the less of each text.

    Args:
        con: the store, in a transaction.
        run_id: the run.
        call_count: about as many calls it has.
    """
    chars = max(_FEWEST_CHARS, min(TEXT_CHARS, _ALL_CHARS // max(call_count, 1)))
    messages = list_rows(con, MessageRow, "messages", run_id, max_chars=chars)
    tools = list_rows(con, ToolCallRow, "tool_calls", run_id, max_chars=chars)
    models = list_rows(con, LlmCallRow, "llm_calls", run_id, max_chars=chars)
    noted = Noted(con, run_id)
    return Calls(
        llm_calls=sorted(noted.rows("llm_calls", models, ("error_message",), _span_id), key=_place),
        tool_calls=sorted(
            noted.rows("tool_calls", tools, ("arguments", "result", "error_message"), _span_id),
            key=_place,
        ),
        messages={
            row.message_id: row
            for row in noted.rows(
                "messages", messages, ("content", "parts", "tool_calls"), _message_id
            )
        },
    )


def steps_of(calls: Calls) -> list[Step]:
    """Return the calls of a run as steps, in the order in which they began.

    Those of a fan-out stand branch by branch, ordered by what the branches were sent: which of
    them was faster differs from run to run and says nothing. They are numbered as everywhere: in
    the order in which the run tells of them.
    """
    begun: list[tuple[datetime, float, int, Step]] = []
    answered = {row.tool_call_id for row in calls.tool_calls if row.tool_call_id is not None}
    # What a tool answered is a step of its own, where the run recorded it.
    told = (
        message.message_id
        for message in calls.messages.values()
        if message.role == "tool" and message.tool_call_id in answered
    )
    new = NewMessages(calls.messages, told)
    for number, llm in enumerate(calls.llm_calls, start=1):
        answers = answers_of(llm, calls.messages)
        step = _llm_step(llm, number, sent=new.of(llm), answers=answers)
        begun.append((*_beginning(llm), len(begun), step))
    for number, tool in enumerate(calls.tool_calls, start=1):
        begun.append((*_beginning(tool), len(begun), _tool_step(tool, number)))
    ordered = _by_branch([step for *_, step in sorted(begun, key=lambda each: each[:3])])
    return _as_asked_for(ordered, _places_asked(calls))


def _places_asked(calls: Calls) -> dict[str, int]:
    """Return in which order models asked for the tool calls, by the span of each."""
    ids: dict[str, int] = {}
    for llm in calls.llm_calls:
        for message in answers_of(llm, calls.messages):
            asked: list[Any] = message.tool_calls if is_list(message.tool_calls) else []
            for call in asked:
                if is_object(call):
                    ids.setdefault(str(call.get("id")), len(ids))
    return {
        tool.span_id: ids[tool.tool_call_id]
        for tool in calls.tool_calls
        if tool.tool_call_id in ids
    }


def _as_asked_for(steps: list[Step], places: Mapping[str, int]) -> list[Step]:
    """Put tool calls that one answer asked for in its order: they were made at the same time."""
    ordered: list[Step] = []
    for _, group in groupby(steps, key=lambda step: (step.kind == "llm", step.node_path)):
        together = list(group)
        if all(step.span_id in places for step in together):
            together.sort(key=lambda step: places[step.span_id])
        ordered += together
    return ordered


def _by_branch(steps: list[Step]) -> list[Step]:
    """Put the steps of each fan-out branch by branch, where its first step is."""
    groups: dict[str, list[tuple[str, Step]]] = {}
    for step in steps:
        if branch := _BRANCH.match(step.node_path or ""):
            groups.setdefault(branch["fan_out"], []).append((branch["key"], step))
    ordered: list[Step] = []
    for step in steps:
        branch = _BRANCH.match(step.node_path or "")
        if branch is None:
            ordered.append(step)
        elif group := groups.pop(branch["fan_out"], None):
            ordered += [each for _, each in sorted(group, key=lambda pair: pair[0])]
    return ordered


def node_of(node_path: str | None) -> str | None:
    """Return a node path without visits and branches.

    `research[1]/search[2:ab12]` becomes `research/search`.
    """
    return _VISIT.sub("", node_path) if node_path else None


def answers_of(call: LlmCallRow, messages: Mapping[UUID, MessageRow]) -> list[MessageRow]:
    """Return the messages that a model answered, as far as they were recorded."""
    found = (messages.get(each) for each in call.output_message_ids or ())
    return [message for message in found if message is not None]


class Noted:
    """Puts behind each text that was cut how long it is, and a digest of the whole."""

    def __init__(self, con: DuckDBPyConnection, run_id: UUID) -> None:
        self._con = con
        self._run_id = run_id

    def run(self, run: RunFacts) -> RunFacts:
        """Return the run itself."""
        [noted] = self.rows("runs", [run], _VALUES, lambda _: "")
        return noted

    def rows(
        self, name: str, rows: Sequence[R], fields: Sequence[str], key: Callable[[R], str]
    ) -> Sequence[R]:
        """Return the rows of one kind; `key` gives a row's own."""
        noted: dict[str, dict[str, Any]] = defaultdict(dict)
        clipped = [(key(row), row, row.clipped) for row in rows if row.clipped]
        if not clipped:
            return rows
        for field in fields:
            cut = {each: totals[field] for each, _, totals in clipped if field in totals}
            if not cut:
                continue
            digests = diffs.digests(self._con, name, self._run_id, field, list(cut))
            for each, row, _ in clipped:
                if each in cut:
                    text = str(getattr(row, field))
                    noted[each][field] = text + cut_note(cut[each], len(text), digests[each])
        return [
            row.model_copy(update=noted[each]) if (each := key(row)) in noted else row
            for row in rows
        ]


def _span_id(row: LlmCallRow | ToolCallRow) -> str:
    return row.span_id


def _message_id(row: MessageRow) -> str:
    return str(row.message_id)


def _place(row: LlmCallRow | ToolCallRow) -> tuple[bool, int]:
    return row.seq is None, row.seq or 0


def _beginning(row: LlmCallRow | ToolCallRow) -> tuple[datetime, float]:
    seq = float("inf") if row.seq is None else row.seq
    return row.started_at or _LAST, seq


def _llm_step(
    row: LlmCallRow, number: int, *, sent: Sequence[MessageRow], answers: Sequence[MessageRow]
) -> Step:
    said = [_said(message) for message in answers]
    return Step(
        span_id=row.span_id,
        kind="llm",
        number=number,
        node=node_of(row.node_path),
        node_path=row.node_path,
        name=row.model or row.served_model or UNNAMED_MODEL,
        sent=[{"role": message.role, "content": _said(message)} for message in sent],
        answer=said[0] if len(said) == 1 else said or None,
        asked_for=[call for message in answers for call in _asked_for(message)],
        error=_error(row),
        request_hash=row.request_hash,
        model_hash=row.model_hash,
        messages_hash=row.messages_hash,
        tools_hash=row.tools_hash,
        parameters_hash=row.parameters_hash,
        served_from=row.served_from,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_usd=row.cost_usd,
        avoided_cost_usd=row.avoided_cost_usd,
        duration_ms=row.duration_ms,
    )


def _tool_step(row: ToolCallRow, number: int) -> Step:
    return Step(
        span_id=row.span_id,
        kind=cast("StepKind", row.span_kind if row.span_kind in _KINDS else "tool"),
        number=number,
        node=node_of(row.node_path),
        node_path=row.node_path,
        name=row.tool or UNNAMED_TOOL,
        arguments=row.arguments,
        answer=row.result,
        error=_error(row),
        request_hash=row.request_hash,
        served_from=row.served_from,
        cost_usd=row.cost_usd,
        duration_ms=row.duration_ms,
    )


def _said(message: MessageRow) -> Any:
    return message.parts if message.parts is not None else message.content


def _asked_for(message: MessageRow) -> Iterable[Any]:
    """Return the tool calls of an answer without what a provider makes anew each time."""
    calls = message.tool_calls
    if not is_list(calls):
        return [] if calls is None else [calls]
    return [_wanted(call) for call in calls]


def _wanted(call: Any) -> Any:
    function = call.get("function", call) if is_object(call) else None
    if not is_object(function):
        return call
    arguments = function.get("arguments", function.get("input"))
    return {"name": function.get("name"), "arguments": _parsed(arguments)}


def _parsed(arguments: Any) -> Any:
    """Return arguments as the value that their text is, so that its spaces do not count."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def _error(row: LlmCallRow | ToolCallRow) -> str | None:
    if not row.error_type and not row.error_message:
        return None
    return ": ".join(filter(None, (row.error_type, row.error_message)))
