"""What is read from the bytes of the wire."""

import json
from typing import Any

import pytest

from secondtake.runner.providers.answers import read_events, read_json


def sse(*events: Any) -> bytes:
    """Return events as a stream; a text is sent as it is."""
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(f"data: {line}\n\n" for line in lines).encode()


def choice(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": None, **fields}]}


def test_the_usage_of_a_chunk_that_has_choices_counts() -> None:
    answer = read_events(
        sse(choice(), {**choice(finish_reason="stop"), "usage": {"a": 1}}, "[DONE]")
    )
    assert answer is not None
    assert answer.usage == {"a": 1}
    assert answer.complete


def test_the_last_usage_is_the_one() -> None:
    chunks = [{**choice(), "usage": {"completion_tokens": n}} for n in (1, 2, 3)]
    answer = read_events(sse(*chunks, {**choice(finish_reason="stop"), "usage": None}))
    assert answer is not None
    assert answer.usage == {"completion_tokens": 3}


def test_finish_reasons_are_kept_by_choice() -> None:
    answer = read_events(
        sse(choice(index=1, finish_reason="length"), choice(index=0, finish_reason="stop"))
    )
    assert answer is not None
    assert answer.finish_reasons == {0: "stop", 1: "length"}
    assert answer.finish_reason == "stop,length"


def test_the_refusals_of_a_stream_are_put_together() -> None:
    answer = read_events(sse(choice(delta={"refusal": "I can"}), choice(delta={"refusal": "not."})))
    assert answer is not None
    assert answer.refusals == {0: "I cannot."}
    assert not answer.complete


def test_the_running_totals_of_anthropic_replace_and_do_not_add() -> None:
    start = {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "model": "claude",
            "stop_reason": None,
            "usage": {"input_tokens": 17, "output_tokens": 5, "service_tier": "standard"},
        },
    }
    deltas = [
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 90}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 171, "input_tokens": None},
        },
    ]
    answer = read_events(sse(start, *deltas))
    assert answer is not None
    assert answer.usage == {"input_tokens": 17, "output_tokens": 171, "service_tier": "standard"}
    assert (answer.finish_reason, answer.service_tier) == ("end_turn", "standard")
    assert (answer.response_id, answer.served_model) == ("msg_1", "claude")


def test_a_stream_of_anthropic_that_breaks_off_is_not_complete() -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 17}}}
    answer = read_events(sse(start, {"type": "content_block_delta", "delta": {"text": "Hel"}}))
    assert answer is not None
    assert not answer.complete
    assert answer.usage == {"input_tokens": 17}


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"error": {"type": "overloaded_error", "message": "Overloaded"}},
    ],
)
def test_an_error_event_is_found(event: dict[str, Any]) -> None:
    answer = read_events(sse(choice(), event))
    assert answer is not None
    assert answer.error == {"type": "overloaded_error", "message": "Overloaded"}


def test_the_responses_api_ends_with_the_whole_response() -> None:
    response = {
        "object": "response",
        "id": "resp_1",
        "model": "gpt-5",
        "status": "completed",
        "service_tier": "flex",
        "usage": {"input_tokens": 58},
    }
    answer = read_events(
        sse({"type": "response.created"}, {"type": "response.completed", "response": response})
    )
    assert answer is not None
    assert (answer.usage, answer.finish_reason) == ({"input_tokens": 58}, "completed")
    assert (answer.service_tier, answer.complete) == ("flex", True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"text"', b'{"a": '])
def test_what_is_no_json_object_is_no_answer(body: bytes) -> None:
    assert read_json(body) is None


@pytest.mark.parametrize("body", [b"", b"data: {broken\n\n", b": ping\n\n", b'data: {"x": 1}\n\n'])
def test_what_has_no_known_event_is_no_answer(body: bytes) -> None:
    assert read_events(body) is None


def test_choices_without_a_message_are_noticed() -> None:
    cut = {"choices": [{"index": 0, "finish_reason": "content_filter"}]}
    whole = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "x"}}]}
    assert read_json(json.dumps(cut).encode()).message_missing  # type: ignore[union-attr]
    assert not read_json(json.dumps(whole).encode()).message_missing  # type: ignore[union-attr]


def test_an_answer_of_another_api_keeps_its_usage() -> None:
    answer = read_json(b'{"usage": {"billed_units": {"input_tokens": 3}}, "model": "command-r"}')
    assert answer is not None
    assert answer.usage == {"billed_units": {"input_tokens": 3}}
    assert answer.finish_reason is None
