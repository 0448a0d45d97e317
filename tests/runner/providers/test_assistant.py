"""Assistant messages put together from LiteLLM's chunks."""

import warnings
from typing import Any

from secondtake.runner.providers.assistant import StreamedAnswer, plain_message
from secondtake.runner.providers.library import load_litellm


def answer_of(*deltas: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a stream; a delta may have the `at` of its choice."""
    load_litellm()
    from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices

    streamed = StreamedAnswer()
    for delta in deltas:
        at = delta.pop("at", 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chunk = ModelResponseStream(choices=[StreamingChoices(index=at, delta=Delta(**delta))])
        streamed.add(chunk)
    return streamed.messages()


def call(index: int, arguments: str = "", **fields: Any) -> dict[str, Any]:
    name = fields.pop("name", None)
    return {
        "tool_calls": [
            {"index": index, "type": "function", **fields,
             "function": {"name": name, "arguments": arguments}}
        ]
    }  # fmt: skip


def test_tool_calls_that_interleave_are_told_apart_by_index() -> None:
    (message,) = answer_of(
        call(0, id="a", name="search"),
        call(1, id="b", name="read"),
        call(0, '{"q":'),
        call(1, '{"path":'),
        call(0, '"heat"}'),
        call(1, '"x.md"}'),
    )
    functions = [item["function"] for item in message["tool_calls"]]
    assert functions == [
        {"name": "search", "arguments": '{"q":"heat"}'},
        {"name": "read", "arguments": '{"path":"x.md"}'},
    ]
    assert message["content"] is None


def test_calls_that_all_have_index_0_are_told_apart_by_id() -> None:
    (message,) = answer_of(
        call(0, '{"a":1}', id="a", name="f"), call(0, '{"b":2}', id="b", name="f")
    )
    assert [item["id"] for item in message["tool_calls"]] == ["a", "b"]
    assert [item["function"]["arguments"] for item in message["tool_calls"]] == [
        '{"a":1}',
        '{"b":2}',
    ]


def test_a_name_that_is_repeated_in_every_chunk_is_taken_once() -> None:
    (message,) = answer_of(call(0, "{", id="a", name="f"), call(0, "}", name="f"))
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}


def test_choices_interleave_by_their_index() -> None:
    first, second = answer_of(
        {"at": 1, "content": "B"}, {"at": 0, "content": "A"}, {"at": 1, "content": "b"}
    )
    assert (first["content"], second["content"]) == ("A", "Bb")


def test_a_function_call_of_old_becomes_a_tool_call_without_id() -> None:
    (message,) = answer_of(
        {"function_call": {"name": "f", "arguments": '{"a"'}},
        {"function_call": {"arguments": ":1}"}},
    )
    assert message["tool_calls"] == [
        {"type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]


def test_thinking_blocks_end_with_their_signature() -> None:
    def block(**fields: Any) -> dict[str, Any]:
        return {"thinking_blocks": [{"type": "thinking", **fields}]}

    (message,) = answer_of(
        block(thinking="First"),
        block(thinking=" this."),
        block(thinking="", signature="sig-1"),
        block(thinking="Then that."),
        block(thinking="", signature="sig-2"),
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "xyz"}]},
        {"content": "Done."},
    )
    assert message["thinking_blocks"] == [
        {"type": "thinking", "thinking": "First this.", "signature": "sig-1"},
        {"type": "thinking", "thinking": "Then that.", "signature": "sig-2"},
        {"type": "redacted_thinking", "data": "xyz"},
    ]
    assert message["content"] == "Done."


def test_an_empty_chunk_is_not_the_first_token() -> None:
    load_litellm()
    from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices

    streamed = StreamedAnswer()
    for content, is_first in (("", False), (None, False), ("H", True)):
        delta = Delta(role="assistant", content=content)
        streamed.add(ModelResponseStream(choices=[StreamingChoices(index=0, delta=delta)]))
        assert (streamed.first_token_s is not None) is is_first


def test_a_plain_message_keeps_refusal_reasoning_and_calls() -> None:
    load_litellm()
    from litellm.types.utils import Message

    message = plain_message(
        Message(
            content=None,
            tool_calls=[
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
            reasoning_content="hm",
            provider_specific_fields={"refusal": "No."},
        )
    )
    assert message == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ],
        "refusal": "No.",
        "reasoning_content": "hm",
    }
