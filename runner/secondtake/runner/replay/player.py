"""Holds the conversations of a recording again, each request made of what was said before it.

Conversations go on in the order in which the calls of the source were made. While a model answers
as recorded, the next request is that of the source. When it answers otherwise the conversation
goes on with what it asks for: the results of tools, or, where it calls none, the next message from
outside. It ends where the source has no further one.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NoReturn

from secondtake.runner import boundary
from secondtake.runner.calls import LlmResponse, ToolRequest
from secondtake.runner.context import RunContext, entered
from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.events import ToolCall
from secondtake.runner.hashing import content_digest, tool_request_hash
from secondtake.runner.providers.retry import CallPolicy
from secondtake.runner.replay.decisions import Decision
from secondtake.runner.replay.failures import is_recorded, recorded_call_of
from secondtake.runner.replay.loop_session import How, LoopSession, main_conversation
from secondtake.runner.replay.requests import ask
from secondtake.runner.replay.said import said_hash
from secondtake.runner.replay.tool_messages import (
    Outcome,
    argument_forms,
    arguments_in,
    calls_in,
    tool_message,
    tool_of,
)
from secondtake.runner.run import RunRecorder

Message = Mapping[str, Any]

BEYOND_MAX: Final = 30
"""How many requests a conversation may make that the source has not."""
POLICY: Final = CallPolicy(repeats_recorded=False)


@dataclass(kw_only=True)
class _Turn:
    """A request that is to be made."""

    messages: list[Message]
    how: How
    decision: Decision | None
    """What it stands for; None beyond the source."""
    like: Decision
    """Whose parameters, tools and place it has."""
    then: Sequence[Decision]
    """What follows it in the source."""
    root: Decision
    shift: int
    """How many messages were put before those of the source."""
    beyond: int = 0
    is_changed: bool = False
    """Whether something was answered in another way before."""


@dataclass(kw_only=True)
class _Answered:
    """A request with its answer, and the results of its tool calls."""

    turn: _Turn
    response: LlmResponse
    is_same: bool
    results: dict[tuple[Any, ...], dict[int, Any]] = field(
        default_factory=dict[tuple[Any, ...], dict[int, Any]]
    )
    """The contents by the place of the call; for each set of tool messages of the source."""


class Player:
    """Holds the conversations of one recording."""

    def __init__(self, run: RunRecorder, session: LoopSession) -> None:
        self._run = run
        self._session = session
        self._recording = session.recording
        self._decisions = session.decisions
        self._plain = session.plain
        self._main = main_conversation(session.decisions)
        self._waiting: list[tuple[int, int, int, _Turn]] = []
        self._count = 0
        self._failure: Exception | None = None

    def play(self) -> None:
        """Make all requests.

        Raises:
            ReplayDiverged: the recording has no answer and nobody else can be asked.
            Exception: that of the last request, when it failed.
        """
        try:
            self._begin()
            while self._waiting:
                turn = heapq.heappop(self._waiting)[-1]
                if turn.how == "given" and self._session.divergences:
                    continue  # what was said before is another thing, so it cannot be said again
                self._make(turn)
        finally:
            self._session.extra["loop"] = self._session.summary()
        end = self._recording.end
        if self._failure is not None and (
            not is_recorded(self._failure) or (end is not None and end.status == "error")
        ):
            raise self._failure

    def _begin(self) -> None:
        for decision in self._decisions.all:
            if decision.previous is not None:
                continue
            if decision.given is None:
                self._session.calls.use(decision.call)
                continue
            messages, shift = self._plain.opened(decision.given)
            self._push(
                _Turn(
                    messages=messages,
                    how="opened" if decision.why is None else "given",
                    decision=decision,
                    like=decision,
                    then=decision.next,
                    root=decision,
                    shift=shift,
                )
            )

    def _push(self, turn: _Turn) -> None:
        if turn.decision is not None:
            turn.messages = self._edited(turn, turn.decision)
        self._count += 1
        heapq.heappush(self._waiting, (turn.like.number, turn.beyond, self._count, turn))

    def _edited(self, turn: _Turn, decision: Decision) -> list[Message]:
        """Return the messages with those that are to be other ones from some call on."""
        messages = list(turn.messages)
        for edit in self._session.options.messages:
            if decision.number < edit.call or edit.index + turn.shift >= len(messages):
                continue
            told = self._recording.prompt_of(self._recording.llm_calls[edit.call - 1])[edit.index]
            there = messages[edit.index + turn.shift]
            if content_digest(there) == content_digest(told):
                messages[edit.index + turn.shift] = {**there, "content": edit.content}
        return messages

    # One request.

    def _make(self, turn: _Turn) -> None:
        request = self._plain.request(turn.like.call, turn.messages, self._recording)
        self._session.expect(turn.decision.call if turn.decision else None, turn.how)
        place = RunContext(run=self._run, node_path=turn.like.call.node_path)
        self._failure = self._failure if self._failure_is_live() else None
        try:
            with entered(place):
                response = ask(request, policy=POLICY)
        except Exception as error:  # noqa: BLE001 - recorded; the conversation ends here
            self._failure = error
            return
        answered = _Answered(turn=turn, response=response, is_same=self._is_same(turn, response))
        self._note_output(turn, response.message.get("content"))
        if turn.then:
            for place_of, decision in enumerate(turn.then):
                self._go_on(answered, decision, is_first=place_of == 0)
        else:
            self._go_beyond(answered)

    def _failure_is_live(self) -> bool:
        return self._failure is not None and not is_recorded(self._failure)

    def _is_same(self, turn: _Turn, response: LlmResponse) -> bool:
        if turn.decision is None or turn.decision.call.error_type is not None:
            return False
        said = [self._run.sink.clean_message(message) for message in response.messages]
        recorded = self._recording.response_of(turn.decision.call).messages
        return said_hash(said) == said_hash(recorded)

    def _note_output(self, turn: _Turn, content: Any) -> None:
        kind = self._session.output_of
        if (kind == "last" and turn.root is self._main) or (
            kind in ("said", "program") and content
        ):
            self._run.set_output(content)

    # What follows an answer.

    def _go_on(self, answered: _Answered, decision: Decision, *, is_first: bool) -> None:
        """Continue a conversation towards a request of the source."""
        turn = answered.turn
        messages = answered.response.messages
        answer = messages[decision.choice] if decision.choice < len(messages) else messages[0]
        calls = calls_in(answer)
        if not answered.is_same and not is_first and (calls or decision.brings_results):
            return  # the other ways to go on from here were ways of the recorded answer
        if calls and decision.brings_results:
            tail = self._tail(answered, decision, calls)
            self._follow(answered, decision, answer, tail)
        elif calls and not answered.is_same:
            contents = self._results(answered, calls, None)
            tail = [self._told(calls[place], text, None) for place, text in contents.items()]
            self._invent(answered, [decision], decision.send_on(answer), tail)
        else:
            if answered.is_same:
                self._results(answered, calls, decision)
            found = decision if answered.is_same else decision.next_said()
            if found is not None:
                self._note_user_turns(turn, found, is_changed=not answered.is_same)
                self._follow(answered, found, answer, found.outside)

    def _go_beyond(self, answered: _Answered) -> None:
        """Continue a conversation where the source has no further request of it."""
        turn = answered.turn
        answer = answered.response.message
        calls = calls_in(answer)
        if answered.is_same:
            self._results(answered, calls, None)
        elif calls:
            contents = self._results(answered, calls, None)
            tail = [self._told(calls[place], text, None) for place, text in contents.items()]
            form = turn.like.send_on(answer) if turn.like.answer_form else answer
            self._invent(answered, [], form, tail)

    def _tail(self, answered: _Answered, decision: Decision, calls: list[Message]) -> list[Message]:
        """Return the results and the messages from outside, in the order of the source."""
        contents = self._results(answered, calls, decision)
        if not answered.is_same:
            told = [self._told(calls[place], text, None) for place, text in contents.items()]
            self._note_user_turns(answered.turn, decision, is_changed=True)
            return [*told, *decision.outside]
        self._note_user_turns(answered.turn, decision, is_changed=False)
        return [
            each.message
            if each.answers is None
            else self._told(calls[each.answers], contents[each.answers], each.message)
            for each in decision.tail
        ]

    def _told(self, call: Message, content: Any, form: Message | None) -> Message:
        return tool_message(call, content, form or self._decisions.result_form)

    def _follow(
        self, answered: _Answered, decision: Decision, answer: Message, tail: Sequence[Message]
    ) -> None:
        turn = answered.turn
        self._push(
            replace(
                turn,
                messages=[*turn.messages, decision.send_on(answer), *tail],
                how="rebuilt",
                decision=decision,
                like=decision,
                then=decision.next,
                beyond=0,
                is_changed=turn.is_changed or not answered.is_same,
            )
        )

    def _invent(
        self,
        answered: _Answered,
        then: Sequence[Decision],
        answer: Message,
        tail: Sequence[Message],
    ) -> None:
        """Make a request that the source has not."""
        turn = answered.turn
        if turn.beyond >= BEYOND_MAX:
            raise ReplayDiverged(
                f"The model goes on calling tools: {BEYOND_MAX} requests were made that the source "
                "has not, and the replay ends here."
            )
        self._push(
            replace(
                turn,
                messages=[*turn.messages, answer, *tail],
                how="new",
                decision=None,
                then=then,
                beyond=turn.beyond + 1,
                is_changed=True,
            )
        )

    def _note_user_turns(self, turn: _Turn, decision: Decision, *, is_changed: bool) -> None:
        for message in decision.outside:
            if message.get("role") == "user":
                self._session.note_user_turn(is_changed=is_changed or turn.is_changed)

    # Tools.

    def _results(
        self, answered: _Answered, calls: list[Message], decision: Decision | None
    ) -> dict[int, Any]:
        """Return what the tools came to, each content by the place of its call.

        Conversations that go on from the same results share them.
        """
        tail = decision.tail if decision is not None else ()
        paired = {each.answers for each in tail if each.answers is not None}
        ids = decision.path[1:] if decision is not None else ()
        known = tuple(ids[place] for place, each in enumerate(tail) if each.answers is not None)
        if known not in answered.results:
            found: dict[int, Any] = {}
            for place, call in enumerate(calls):
                is_needed = not answered.is_same or place in paired
                row, arguments = self._recorded(call)
                if is_needed or row is not None:
                    found[place] = self._call(answered.turn, call, row, arguments)
            answered.results[known] = found
        return answered.results[known]

    def _recorded(self, call: Message) -> tuple[ToolCall | None, Any]:
        """Return the recorded execution of a tool call, and its arguments as recorded there."""
        forms = argument_forms(arguments_in(call))
        tool = self._run.label(tool_of(call))
        hashes = [tool_request_hash(tool, self._run.clean(form)) for form in forms]
        call_id = call.get("id")
        row = self._session.calls.find("tool_call", hashes, tool_call_id=call_id)
        if not isinstance(row, ToolCall):
            return None, forms[0]
        return row, forms[hashes.index(row.request_hash or "")]

    def _call(self, turn: _Turn, call: Message, row: ToolCall | None, arguments: Any) -> Any:
        """Have a tool call answered; return the content of the message that says so."""
        request = ToolRequest(
            tool=tool_of(call),
            arguments=arguments,
            tool_call_id=call.get("id"),
            span_kind=row.span_kind if row else "tool",
        )
        self._session.expect(row)
        path = row.node_path if row else turn.like.call.node_path
        try:
            with entered(RunContext(run=self._run, node_path=path)):
                result: Any = boundary.call(request, _never)
        except Exception as error:
            recorded = recorded_call_of(error)
            if not isinstance(recorded, ToolCall):
                raise
            return self._decisions.forms.content(Outcome.of(recorded))
        return self._decisions.forms.content(Outcome(result=result))


def _never() -> NoReturn:
    raise AssertionError("a tool of a replay without a program was to be executed")
