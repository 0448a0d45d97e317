"""What calls were sent, told in one visit of each message, against the plain definition of it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondtake.backend.models.records import LlmCallRow, MessageRow, ToolDefinitionsRow
from secondtake.backend.models.runs import RunFacts
from secondtake.backend.services.diff_messages import PROMPTS_CHARS, NewMessages, Prompts
from secondtake.backend.services.diff_sides import configuration_of
from secondtake.backend.services.diff_steps import Calls
from secondtake.evals.diffs.changes import list_changes

RUN = UUID(int=1)
ROLES = ("system", "developer", "user", "assistant", "tool")
Messages = Mapping[UUID, MessageRow]


def said(number: int, parent: int | None, role: str = "user", text: str = "Go on.") -> MessageRow:
    parent_id = None if parent is None else UUID(int=parent)
    return MessageRow(
        run_id=RUN, message_id=UUID(int=number), parent_id=parent_id, role=role, content=text
    )


def asked(last: int | None, *answers: int, **more: Any) -> LlmCallRow:
    return LlmCallRow(
        run_id=RUN,
        span_id=f"call {last}",
        input_message_id=None if last is None else UUID(int=last),
        output_message_ids=[UUID(int=each) for each in answers],
        **more,
    )


def by_id(*messages: MessageRow) -> Messages:
    return {message.message_id: message for message in messages}


def path_of(call: LlmCallRow, messages: Messages) -> list[MessageRow]:
    """Return all that a call was sent, walking from its last message to the first."""
    path: dict[UUID, MessageRow] = {}
    last = call.input_message_id
    while last is not None and last in messages and last not in path:
        path[last] = messages[last]
        last = messages[last].parent_id
    return list(path.values())[::-1]


@st.composite
def conversations(draw: st.DrawFn, *, with_rounds: bool) -> tuple[Messages, list[LlmCallRow]]:
    """Return messages with branches and gaps, maybe circles, and calls anywhere on them."""
    count = draw(st.integers(1, 9))
    rows = []
    for number in range(1, count + 1):
        highest = count + 1 if with_rounds else number - 1  # count + 1 was not recorded
        parent = draw(st.none() | st.integers(0, highest))
        role, text = draw(st.sampled_from(ROLES)), draw(st.sampled_from(("", "Be brief.", "Go.")))
        rows.append(said(number, parent, role, text))
    numbers = st.integers(0, count + 1)
    calls = draw(st.lists(st.builds(asked, st.none() | numbers, numbers), max_size=6))
    return by_id(*rows), calls


@given(conversations(with_rounds=True), st.sets(st.integers(1, 9), max_size=3))
def test_what_is_new_in_a_call_is_what_no_call_before_was_sent(
    made: tuple[Messages, list[LlmCallRow]], told_elsewhere: set[int]
) -> None:
    messages, calls = made
    known = {UUID(int=number) for number in told_elsewhere}
    new = NewMessages(messages, known)
    for call in calls:
        expected = [each for each in path_of(call, messages) if each.message_id not in known]
        assert new.of(call) == expected
        known |= {each.message_id for each in expected} | set(call.output_message_ids or ())


@given(conversations(with_rounds=False))
def test_the_instructions_of_a_call_are_those_on_its_path(
    made: tuple[Messages, list[LlmCallRow]],
) -> None:
    messages, calls = made
    prompts = Prompts(messages)
    for call in calls:
        texts = [
            message.content
            for message in path_of(call, messages)
            if message.role in ("system", "developer") and message.content
        ]
        assert prompts.of(call) == ("\n\n".join(texts) or None)


def test_a_conversation_that_goes_round_in_circles_is_told_once() -> None:
    messages = by_id(said(1, 2, "system", "Be brief."), said(2, 1), said(3, 2))
    new, prompts = NewMessages(messages, ()), Prompts(messages)
    assert [[each.message_id.int for each in new.of(asked(last))] for last in (3, 1, 2)] == [
        [1, 2, 3], [], []
    ]  # fmt: skip
    assert [prompts.of(asked(last)) for last in (3, 1, 2)] == ["Be brief."] * 3


class Counted(dict[UUID, MessageRow]):
    """Messages that count how often one is looked up."""

    looked_up = 0

    def get(self, key: UUID, default: Any = None) -> Any:
        """Return a message, and count it."""
        self.looked_up += 1
        return super().get(key, default)


@pytest.mark.parametrize("kind", [lambda rows: NewMessages(rows, ()), Prompts])
def test_each_message_of_a_long_conversation_is_visited_once(kind: Any) -> None:
    turns = 2500
    messages = Counted(by_id(*(said(number, number - 1 or None) for number in range(1, turns + 1))))
    teller = kind(messages)
    for last in range(1, turns + 1):
        teller.of(asked(last))
    assert messages.looked_up <= 2 * turns


def growing(turns: int, end: str) -> tuple[Messages, list[LlmCallRow]]:
    """Return a conversation that is given one more instruction of 1,000 characters each turn."""
    rule = "Be kind. ".ljust(1000, ".")
    rows = [said(n, n - 1 or None, "system", f"{n} {rule}") for n in range(1, turns)]
    messages = by_id(*rows, said(turns, turns - 1, "system", end))
    return messages, [asked(n, model="gpt-4o") for n in range(1, turns + 1)]


def configuration(messages: Messages, calls: list[LlmCallRow]) -> Any:
    facts = {**dict.fromkeys(RunFacts.model_fields), "run_id": RUN, "status": "ok"}
    run = RunFacts(**{**facts, "short_id": "1", "recording_faults": 0})
    told = Calls(llm_calls=calls, tool_calls=[], messages=dict(messages))
    return configuration_of(run, told, list[ToolDefinitionsRow](), None)


def test_instructions_that_grow_with_each_turn_stay_small_and_still_differ() -> None:
    one, other = (configuration(*growing(500, end)) for end in ("This is all.", "That is all."))
    assert len(one["system"]) == 500
    assert sum(map(len, one["system"])) < PROMPTS_CHARS + 500 * 200
    assert [change.path for change in list_changes(one, other)] == ["system[499]"]
    assert list_changes(one, configuration(*growing(500, "This is all."))) == []


def test_what_calls_were_told_is_told_once_and_numbers_are_equal_as_python_has_them() -> None:
    parameters = ({"temperature": 1}, {"temperature": 1.0}, {"temperature": [1]}, None)
    calls = [asked(None, model="gpt-4o", parameters=each) for each in parameters * 2]
    assert configuration({}, calls) == {
        "model": "gpt-4o", "parameters": [{"temperature": 1}, {"temperature": [1]}]
    }  # fmt: skip
