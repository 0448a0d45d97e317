"""How each recorded request came about: from which answer, which results, and what from outside.

The messages of a run form a forest. A call continues the call whose answer is the last one among
its messages; what follows that answer are results of tools and messages from outside: a user's,
a harness's. A call that continues none begins a conversation, and its messages are from outside.
A request that came about in another way cannot be rebuilt; `why` says what is in the way.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from secondtake.runner.events import LlmCall, Message, ToolCall
from secondtake.runner.hashing import tool_request_hash, value_hash
from secondtake.runner.replay.recording import Recording, as_message
from secondtake.runner.replay.said import said_hash
from secondtake.runner.replay.tool_messages import (
    Outcome,
    ResultForms,
    argument_forms,
    arguments_in,
    calls_in,
    is_tool_message,
    pair_results,
    tool_of,
)

Plain = Mapping[str, Any]
Clean = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Tail:
    """A message between an answer and the next request."""

    message: Plain
    """As it was recorded; of a tool message only the form counts."""
    answers: int | None = None
    """The tool call of the answer that it brings the result of, by its place; None for a message
    from outside."""


@dataclass(kw_only=True, eq=False)
class Decision:
    """A recorded LLM call, and how its request came about."""

    number: int
    """From 1, as the Run page counts LLM calls."""
    call: LlmCall
    path: tuple[UUID, ...] = ()
    """The messages from the answer that it continues on, or from the beginning."""
    why: str | None = None
    """Why its request cannot be rebuilt; None when it can, or when it is from outside."""
    given: tuple[Plain, ...] | None = None
    """Its messages, where they are not rebuilt; None where they are, or are not recorded."""
    previous: "Decision | None" = None
    choice: int = 0
    """Which answer of the previous call it continues; a call may have several."""
    answer_form: Plain | None = None
    """The previous answer as it was sent on."""
    tail: tuple[Tail, ...] = ()
    next: list["Decision"] = field(default_factory=list["Decision"])

    @property
    def is_opening(self) -> bool:
        """Whether it begins a conversation."""
        return self.previous is None and self.why is None

    @property
    def brings_results(self) -> bool:
        """Whether the answer before it called tools."""
        return any(each.answers is not None for each in self.tail)

    @property
    def outside(self) -> list[Plain]:
        """The messages from outside that came after the answer before it."""
        return [each.message for each in self.tail if each.answers is None]

    def next_said(self) -> "Decision | None":
        """Return the next request, this or a later one, that follows no result of a tool."""
        found: Decision | None = self
        while found is not None and found.brings_results:
            found = found.next[0] if found.next else None
        return found

    def send_on(self, answer: Plain) -> dict[str, Any]:
        """Return an answer as the program of the source sends one on."""
        form = self.answer_form or {}
        kept = {name: value for name, value in answer.items() if name in form or not value}
        own = ("role", "content", "tool_calls")
        added = {
            name: value for name, value in form.items() if name not in own and name not in answer
        }
        return {**kept, **added}


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """All decisions of a run, in order."""

    all: tuple[Decision, ...]
    forms: ResultForms

    @property
    def result_form(self) -> Plain:
        """A tool message as the program of the source writes them."""
        for decision in self.all:
            for each in decision.tail:
                if each.answers is not None:
                    own = ("role", "tool_call_id", "name")
                    return {name: each.message[name] for name in own if name in each.message}
        return {"role": "tool", "tool_call_id": None}


def read_decisions(recording: Recording, *, clean: Clean) -> Decisions:
    """Find out how each request of a run came about.

    Args:
        recording: of the run.
        clean: makes a value as it is recorded.
    """
    reader = _Reader(recording, clean)
    found = [reader.read(number, call) for number, call in enumerate(recording.llm_calls, start=1)]
    return Decisions(all=tuple(found), forms=ResultForms(reader.seen))


class _Reader:
    """Reads the calls in order."""

    def __init__(self, recording: Recording, clean: Clean) -> None:
        self._clean = clean
        self._recording = recording
        self._by_answer: dict[UUID, tuple[Decision, int]] = {}
        self._by_input: dict[UUID | None, list[Decision]] = defaultdict(list)
        self._tools: dict[str, list[ToolCall]] = defaultdict(list)
        for call in recording.tool_calls:
            self._tools[call.request_hash or ""].append(call)
        self._asked = {(call.tool, call.tool_call_id) for call in recording.tool_calls}
        self.seen: list[tuple[Outcome, Any]] = []
        """What tools came to, and the content of the messages that said so."""

    def read(self, number: int, call: LlmCall) -> Decision:
        made = self._made(number, call)
        if made.previous is not None:
            made.previous.next.append(made)
        for choice, message_id in enumerate(call.output_message_ids or ()):
            self._by_answer[message_id] = (made, choice)
        self._by_input[call.input_message_id].append(made)
        return made

    def _made(self, number: int, call: LlmCall) -> Decision:
        """Walk up from the last message until an answer."""
        path: list[Message] = []
        stranger: Message | None = None
        place = call.input_message_id
        while place is not None:
            message = self._recording.messages.get(place)
            if message is None:
                return Decision(number=number, call=call, why="its messages were not all recorded")
            before = self._answer(message)
            if before is not None and stranger is None:
                return self._continued(number, call, message, before, path[::-1])
            if before is None and message.role == "assistant":
                stranger = message
            path.append(message)
            place = message.parent_id
        return self._from_outside(number, call, path[::-1], stranger)

    def _answer(self, message: Message) -> tuple[Decision, int] | None:
        """Return the call that answered with this message, maybe in another form of it."""
        found = self._by_answer.get(message.message_id)
        if found is not None or message.role != "assistant":
            return found
        core = _core(as_message(message))
        for decision in reversed(self._by_input[message.parent_id]):
            for choice, each in enumerate(decision.call.output_message_ids or ()):
                known = self._recording.messages.get(each)
                if known is not None and _core(as_message(known)) == core:
                    return decision, choice
        return None

    def _from_outside(
        self, number: int, call: LlmCall, path: list[Message], stranger: Message | None
    ) -> Decision:
        why = None
        if not path:
            why = "its messages were not recorded"
        elif stranger is not None and number > 1:
            why = (
                f"message {stranger.depth} that it was sent is no answer of a recorded call: the "
                "history was edited, shortened, or began elsewhere"
            )
        return Decision(
            number=number,
            call=call,
            path=tuple(message.message_id for message in path),
            why=why,
            given=tuple(as_message(message) for message in path) or None,
        )

    def _continued(
        self,
        number: int,
        call: LlmCall,
        answer: Message,
        before: tuple[Decision, int],
        path: list[Message],
    ) -> Decision:
        previous, choice = before
        if previous.why is not None and previous.given is None:
            return Decision(number=number, call=call, why=previous.why)
        said = self._recording.response_of(previous.call).messages[choice]
        # As they were sent on: a program may give calls other ids, which its results refer to.
        calls = calls_in(as_message(answer))
        messages = [as_message(message) for message in path]
        results = [message for message in messages if is_tool_message(message)]
        paired = pair_results(calls, results)
        places = {id(result): place for place, result in enumerate(paired) if result is not None}
        made = Decision(
            number=number,
            call=call,
            path=tuple(message.message_id for message in (answer, *path)),
            previous=previous,
            choice=choice,
            answer_form=as_message(answer),
            tail=tuple(Tail(message=each, answers=places.get(id(each))) for each in messages),
        )
        why = self._problem(made, said, calls, paired)
        if why is None:
            return made
        prompt = tuple(self._recording.prompt_of(call))
        return Decision(number=number, call=call, path=made.path, why=why, given=prompt)

    def _problem(
        self, made: Decision, said: Plain, calls: list[Plain], paired: list[Plain | None]
    ) -> str | None:
        """Return what keeps a request from being rebuilt."""
        if said_hash([made.send_on(said)]) != said_hash([made.answer_form or {}]):
            return "the answer before it was changed before it was sent on"
        for each in made.tail:
            if each.answers is None and is_tool_message(each.message):
                return "a tool result that it was sent answers no call of the answer before it"
        for call, result in zip(calls, paired, strict=True):
            if result is None:
                continue
            row = self._row(call)
            if row is not None:
                self.seen.append((Outcome.of(row), result.get("content")))
            elif (tool_of(call), call.get("id")) not in self._asked:
                return f"the result of `{tool_of(call)}` that it was sent is not recorded"
            # Else the arguments differ: no request is missing, the recording contradicts itself.
        return None

    def _row(self, call: Plain) -> ToolCall | None:
        """Return the recorded execution of a tool call: by its arguments, of several by its id."""
        for form in argument_forms(arguments_in(call)):
            rows = self._tools.get(tool_request_hash(tool_of(call), self._clean(form)), [])
            same = [row for row in rows if row.tool_call_id == call.get("id")]
            if rows:
                return same[0] if same else rows[0]
        return None


def _core(message: Plain) -> str:
    """Return the hash of what an answer says: its text and its tool calls without their ids."""
    calls = [[tool_of(call), arguments_in(call)] for call in calls_in(message)]
    return value_hash([message.get("content") or None, calls])
