"""The messages of a run as conversations. Pure: no page, no client.

A run's messages form a forest. Each way down from a root is a thread; where a message has several
answers the first goes on in the same thread, the others begin threads of their own, which say how
much they share: the branches of a fan-out, a history that was edited, or only the same beginning.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from secondtake.backend.models.records import LlmCallRow, MessageRow, NodeTiming, ToolCallRow
from secondtake.backend.models.runs import RunDetail
from secondtake.studio.run_page.node_names import name_of_path, number_branches
from secondtake.studio.run_page.tool_rows import ToolRows, ToolUse, order_of

Origin = Literal["start", "shared", "branch", "again", "edited"]
"""How a thread begins: alone, after the same instructions, beside its siblings, because the same
was asked again, or because what was said before was changed."""

INSTRUCTIONS: Final = frozenset({"system", "developer"})


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberedCall:
    """An LLM call and its number in the run, from 1."""

    number: int
    row: LlmCallRow


@dataclass(kw_only=True, slots=True)
class Turn:
    """Something that was said, or tried."""

    key: str
    kind: Literal["message", "failed", "unrecorded", "tools", "person"]
    order: float
    """Place in the run."""
    node_path: str | None = None
    message: MessageRow | None = None
    calls: list[NumberedCall] = field(default_factory=list[NumberedCall])
    """That produced it; of a turn that was tried, the one that failed."""
    tools: list[ToolUse] = field(default_factory=list[ToolUse])
    choice: tuple[int, int] | None = None
    """Of several answers to one call: which one, of how many."""


@dataclass(kw_only=True, slots=True)
class Thread:
    """A conversation."""

    key: str
    title: str
    node_path: str | None
    origin: Origin
    shared: list[MessageRow]
    """The messages that it begins with and that another thread shows."""
    turns: list[Turn]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversations:
    """Every thread of a run, in the order in which they began."""

    threads: list[Thread]
    calls: list[NumberedCall]
    places: dict[str, tuple[str, str | None]]
    """Of each span: the key of the turn that shows it, and of the tool call inside."""
    calls_of_turn: dict[str, list[NumberedCall]]
    """The LLM calls by the key of the turn that they produced."""


def number_calls(rows: Iterable[LlmCallRow]) -> list[NumberedCall]:
    """Return the LLM calls with their numbers, in the order in which a run lists them."""
    ordered = sorted(rows, key=lambda row: (row.seq is None, row.seq or 0))
    return [NumberedCall(number=number, row=row) for number, row in enumerate(ordered, start=1)]


def path_to(messages: Mapping[UUID, MessageRow], last: UUID | None) -> list[MessageRow]:
    """Return the messages from a root down to `last`."""
    path: list[MessageRow] = []
    seen: set[UUID] = set()
    while last is not None and last in messages and last not in seen:
        seen.add(last)  # a foreign recording may go round in circles
        path.append(messages[last])
        last = messages[last].parent_id
    return path[::-1]


def conversations(detail: RunDetail) -> Conversations:
    """Return the threads of a run."""
    calls = number_calls(detail.llm_calls)
    weaver = _Weaver(detail, calls)
    threads = weaver.threads()
    loose = weaver.loose_turns()
    _insert_loose(threads, loose, weaver.titles)
    threads.sort(key=lambda thread: thread.turns[0].order)
    return Conversations(
        threads=threads,
        calls=calls,
        places=_places(threads, detail.node_timings),
        calls_of_turn={
            turn.key: turn.calls for thread in threads for turn in thread.turns if turn.calls
        },
    )


class _Weaver:
    """Follows the forest down from its roots."""

    def __init__(self, detail: RunDetail, calls: Sequence[NumberedCall]) -> None:
        self._messages = sorted(detail.messages, key=order_of)
        self._by_id = {message.message_id: message for message in self._messages}
        self._children: dict[UUID | None, list[MessageRow]] = defaultdict(list)
        for message in self._messages:
            parent = message.parent_id if message.parent_id in self._by_id else None
            self._children[parent].append(message)
        self._tools = ToolRows(detail.tool_calls)
        self._of_output: dict[UUID, list[NumberedCall]] = defaultdict(list)
        self._failed: dict[UUID | None, list[NumberedCall]] = defaultdict(list)
        for call in calls:
            outputs = [each for each in call.row.output_message_ids or () if each in self._by_id]
            for each in outputs:
                self._of_output[each].append(call)
            if not outputs:
                known = call.row.input_message_id in self._by_id
                self._failed[call.row.input_message_id if known else None].append(call)
        self.titles = number_branches(detail.node_timings)

    def threads(self) -> list[Thread]:
        """Return the threads of messages."""
        waiting: list[tuple[MessageRow, Origin]] = []
        waiting.extend((root, "start") for root in reversed(self._children[None]))
        threads: list[Thread] = []
        while waiting:
            first, origin = waiting.pop()
            thread, others = self._follow(first, origin)
            threads.append(thread)
            waiting.extend(reversed(others))
        return threads

    def loose_turns(self) -> list[Turn]:
        """Return what no thread has: failed and unrecorded calls, tools that no model asked for."""
        turns = [_tried(call) for call in self._failed[None]]
        turns += [_of_tool(row) for row in self._tools.unused()]
        return sorted(turns, key=lambda turn: turn.order)

    def _follow(
        self, start: MessageRow, origin: Origin
    ) -> tuple[Thread, list[tuple[MessageRow, Origin]]]:
        shared = path_to(self._by_id, start.parent_id) if origin != "start" else []
        node_path = start.node_path
        thread = Thread(
            key=f"thread-{start.message_id}",
            title=name_of_path(node_path, self.titles),
            node_path=node_path,
            origin=origin,
            shared=shared,
            turns=[],
        )
        others: list[tuple[MessageRow, Origin]] = []
        told = list(shared)
        message: MessageRow | None = start
        while message is not None:
            self._say(thread, message)
            told.append(message)
            message, aside = self._next(thread, message)
            for each in aside:
                others.append((each, self._origin(each, message, told)))
        return thread, others

    def _say(self, thread: Thread, message: MessageRow) -> None:
        if message.role == "tool" and _answer(thread, message):
            pass
        else:
            thread.turns.append(self._turn(message))
        thread.turns += [_tried(call) for call in self._failed.pop(message.message_id, ())]

    def _turn(self, message: MessageRow) -> Turn:
        calls = self._of_output.get(message.message_id, [])
        asked = message.tool_calls if isinstance(message.tool_calls, list) else []
        return Turn(
            key=str(message.message_id),
            kind="message",
            order=order_of(message),
            node_path=message.node_path,
            message=message,
            calls=calls,
            tools=[
                self._tools.take(each, message, place, is_news=bool(calls))
                for place, each in enumerate(asked)
            ],
        )

    def _next(
        self, thread: Thread, message: MessageRow
    ) -> tuple[MessageRow | None, list[MessageRow]]:
        """Return the message that goes on, and those that begin threads of their own."""
        children = self._children.get(message.message_id, [])
        if len(children) < 2:
            return (children[0] if children else None), []
        choices = self._choices(children)
        going_on = next((c for c in children if self._children.get(c.message_id)), children[0])
        aside: list[MessageRow] = []
        for child in children:
            if child is going_on:
                continue
            if child.message_id in choices and not self._children.get(child.message_id):
                turn = self._turn(child)
                turn.choice = choices[child.message_id]
                thread.turns.append(turn)
            else:
                aside.append(child)
        return going_on, aside

    def _origin(
        self, child: MessageRow, main: MessageRow | None, told: Sequence[MessageRow]
    ) -> Origin:
        if all(each.role in INSTRUCTIONS for each in told):
            return "shared"
        if main is not None and child.node_path != main.node_path:
            return "branch"
        outputs = self._of_output.keys()
        is_again = main is not None and outputs >= {child.message_id, main.message_id}
        return "again" if is_again else "edited"

    def _choices(self, children: Sequence[MessageRow]) -> dict[UUID, tuple[int, int]]:
        """Return those that are answers to the same call, with their numbers."""
        there = {child.message_id for child in children}
        numbered: dict[UUID, tuple[int, int]] = {}
        for child in children:
            for call in self._of_output.get(child.message_id, ()):
                outputs = [each for each in call.row.output_message_ids or () if each in there]
                if len(outputs) > 1:
                    place = outputs.index(child.message_id) + 1
                    numbered[child.message_id] = (place, len(outputs))
        return numbered


def _answer(thread: Thread, message: MessageRow) -> bool:
    """Give a tool's answer to the call that asked for it; say whether there is one."""
    for turn in reversed(thread.turns):
        if turn.kind != "message" or turn.message is None:
            continue
        if turn.message.role != "assistant":
            return False
        free = [use for use in turn.tools if use.answer is None]
        same = [use for use in free if _asked_id(turn.message, use) == message.tool_call_id]
        for use in same or free:
            use.answer = message
            return True
        return False
    return False


def _asked_id(message: MessageRow, use: ToolUse) -> str | None:
    place = int(use.key.rpartition("-")[2])
    asked: Any = message.tool_calls[place]
    return asked.get("id") if isinstance(asked, dict) else None


def _tried(call: NumberedCall) -> Turn:
    failed = bool(call.row.error_type or call.row.error_message or call.row.error_class)
    return Turn(
        key=f"call-{call.row.span_id}",
        kind="failed" if failed else "unrecorded",
        order=order_of(call.row),
        node_path=call.row.node_path,
        calls=[call],
    )


def _of_tool(row: ToolCallRow) -> Turn:
    return Turn(
        key=f"tool-{row.span_id}",
        kind="person" if row.span_kind == "other" else "tools",
        order=order_of(row),
        node_path=row.node_path,
        tools=[ToolUse(key=f"use-{row.span_id}", name=row.tool, asked=row.arguments, row=row)],
    )


def _insert_loose(threads: list[Thread], loose: Sequence[Turn], titles: Mapping[str, str]) -> None:
    """Put each turn that no message asked for into the thread of its node, else into a new one."""
    homes: dict[str | None, Thread] = {}
    for thread in reversed(threads):
        for turn in thread.turns:
            homes[turn.node_path] = thread
    for turn in loose:
        home = homes.get(turn.node_path) if turn.node_path is not None else None
        if home is None:
            home = Thread(
                key=f"thread-{turn.key}",
                title=name_of_path(turn.node_path, titles),
                node_path=turn.node_path,
                origin="start",
                shared=[],
                turns=[],
            )
            threads.append(home)
            if turn.node_path is not None or turn.kind == "unrecorded":
                homes[turn.node_path] = home
        place = len(home.turns)
        while place and home.turns[place - 1].order > turn.order:
            place -= 1
        home.turns.insert(place, turn)


def _places(
    threads: Iterable[Thread], nodes: Sequence[NodeTiming]
) -> dict[str, tuple[str, str | None]]:
    places: dict[str, tuple[str, str | None]] = {}
    at_path: dict[str, tuple[str, str | None]] = {}
    for turn in (turn for thread in threads for turn in thread.turns):
        for call in turn.calls:
            places.setdefault(call.row.span_id, (turn.key, None))
        for use in turn.tools:
            if use.row is not None:
                places.setdefault(use.row.span_id, (turn.key, use.key))
        for path in _paths_above(turn.node_path):
            at_path.setdefault(path, (turn.key, None))
    for node in nodes:
        if node.node_path in at_path:
            places.setdefault(node.span_id, at_path[node.node_path])
    return places


def _paths_above(node_path: str | None) -> Iterator[str]:
    while node_path:
        yield node_path
        node_path = node_path.rpartition("/")[0]
