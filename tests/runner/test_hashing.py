from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from secondtake.runner.conversation import Conversation
from secondtake.runner.hashing import derived_uuid, message_id, new_run_id, request_hashes

RUN = UUID(int=7)


def chain(*messages: dict[str, Any]) -> bytes:
    last, _ = Conversation(RUN, lambda message: message).add(messages)
    assert last is not None
    return last.chain


def tool_turns(call_id: str) -> tuple[dict[str, Any], ...]:
    call = {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return (
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": "1"},
    )


def test_run_ids_are_version_7_and_ascend() -> None:
    ids = [new_run_id() for _ in range(20_000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {run_id.version for run_id in ids} == {7}


def test_the_same_parts_give_the_same_id() -> None:
    assert derived_uuid("tau", 1) == derived_uuid("tau", 1) != derived_uuid("tau", 2)
    assert derived_uuid("tau").version == 8


def test_yes_said_twice_is_two_messages() -> None:
    yes = {"role": "user", "content": "yes"}
    first = message_id(RUN, None, yes)

    assert message_id(RUN, first, yes) != first
    assert message_id(UUID(int=8), None, yes) != first


def test_no_content_is_the_same_as_empty_content() -> None:
    assert message_id(RUN, None, {"role": "user", "content": ""}) == message_id(
        RUN, None, {"role": "user", "content": None}
    )


def test_tool_call_ids_that_a_provider_makes_anew_do_not_change_the_request() -> None:
    assert chain(*tool_turns("call_a")) == chain(*tool_turns("call_b"))


def test_an_answer_to_another_call_changes_the_request() -> None:
    turns = tool_turns("call_a")
    stray = {**turns[2], "tool_call_id": "call_z"}

    assert chain(*turns) != chain(*turns[:2], stray)


def test_each_field_group_has_a_hash_of_its_own() -> None:
    base = {"model": "m", "messages_hash": "1", "tools_hash": "2", "parameters": {"seed": 1}}
    hashes = request_hashes(**base)  # type: ignore[arg-type]
    warmer = request_hashes(**{**base, "parameters": {"seed": 2}})  # type: ignore[arg-type]

    assert warmer.request != hashes.request
    assert warmer.parameters != hashes.parameters
    assert (warmer.model, warmer.messages, warmer.tools) == (
        hashes.model, hashes.messages, hashes.tools,
    )  # fmt: skip


TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.text()}),
    max_size=8,
)


@given(TURNS, TURNS)
def test_conversations_have_equal_hashes_only_when_they_are_equal(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    both = Conversation(RUN, lambda message: message)
    last_of_one, _ = both.add(one)
    last_of_other, _ = both.add(other)

    assert (last_of_one == last_of_other) == (one == other)


@given(TURNS)
def test_what_was_said_before_is_not_new(turns: list[dict[str, Any]]) -> None:
    conversation = Conversation(RUN, lambda message: message)
    _, first = conversation.add(turns)
    _, again = conversation.add(turns)
    _, longer = conversation.add([*turns, {"role": "user", "content": "more"}])

    assert len(first) == len(turns)
    assert again == []
    assert [turn.turn.depth for turn in longer] == [len(turns)]
