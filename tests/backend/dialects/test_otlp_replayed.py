"""The four dialects as published instrumentation speaks them, against counted figures."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from secondtake.backend.dialects import leaves, read_span
from secondtake.backend.dialects.otlp_json import spans_of, with_logs
from secondtake.backend.dialects.shapes import ReadSpan

FOLDER: Final = "traces/otlp-replayed/"


def figures(shared_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data / "EXPECTED.json").read_text())["otlp_replayed"]
    return found


def read_all(shared_data: Path, name: str) -> list[ReadSpan]:
    path = shared_data / name
    spans = spans_of(json.loads(path.read_text()))
    logs = path.with_name(path.name.replace(".traces.", ".logs."))
    if logs.is_file():
        spans = with_logs(spans, json.loads(logs.read_text()))
    return [read_span(span) for span in spans]


def counted(spans: Sequence[ReadSpan]) -> list[list[Any]]:
    found = [
        [
            span.raw.scope,
            span.raw.name,
            span.served_model or span.model,
            span.tokens.input_tokens,
            span.tokens.output_tokens,
        ]
        for span in spans
        if span.kind == "llm"
    ]
    return sorted(found, key=str)


def test_every_model_span_is_read_with_its_model_and_its_counts(shared_data: Path) -> None:
    expected = figures(shared_data)
    assert expected
    for name, told in expected.items():
        spans = read_all(shared_data, name)
        assert len(spans) == told["spans"], name
        assert counted(spans) == sorted(told["model_spans"], key=str), name
        assert sum(span.error_type is not None for span in spans) == told["error_spans"], name


def test_a_call_that_wrapper_and_client_report_is_one_and_has_what_both_say(
    shared_data: Path,
) -> None:
    for name, told in figures(shared_data).items():
        spans = leaves(read_all(shared_data, name))
        calls = [span for span in spans if span.kind == "llm"]
        scopes = {scope for scope, *_ in told["model_spans"]}
        assert len(calls) == len(told["model_spans"]) // len(scopes), name
        assert len(spans) == told["spans"]
        for call in calls:
            assert call.sent, name
            assert call.answers or call.error_type, name
            assert bool(call.same_call) == ("com.anthropic.sdk.python" in scopes)


@pytest.mark.parametrize("dialect", ["openinference", "openllmetry", "otel-semconv"])
def test_one_prompt_with_one_tool_reads_the_same_in_every_dialect(
    shared_data: Path, dialect: str
) -> None:
    provider = "anthropic" if dialect == "openllmetry" else "openai"
    name = f"{FOLDER}{dialect}/test_tool_choice_matrix[auto-{provider}].traces.json"
    first, second = [s for s in read_all(shared_data, name) if s.kind == "llm"]

    assert first.sent == [{"role": "user", "content": "What's the weather in Paris?"}]
    [asked] = first.answers[0]["tool_calls"]
    assert asked["function"]["name"] == "get_weather"
    assert json.loads(asked["function"]["arguments"]) == {"city": "Paris"}
    assert second.sent is not None
    assert [message["role"] for message in second.sent] == ["user", "assistant", "tool"]
    assert second.sent[1] == first.answers[0]
    assert second.sent[2]["tool_call_id"] == asked["id"]
    assert second.sent[2]["content"] == "Sunny, 22C in Paris"
    assert "Paris" in second.answers[0]["content"]
    assert first.finish_reasons in (["tool_calls"], ["tool_call"])
    assert second.finish_reasons == ["stop"]
    if dialect != "otel-semconv":
        assert first.tools is not None
        [tool] = first.tools
        assert tool["function"]["name"] == "get_weather"
        assert tool["function"]["parameters"]["required"] == ["city"]


@pytest.mark.parametrize("dialect", ["openinference", "openllmetry"])
def test_cached_tokens_are_within_the_input_of_both_dialects(
    shared_data: Path, dialect: str
) -> None:
    name = f"{FOLDER}{dialect}/test_anthropic_prompt_caching_stream_legacy.traces.json"
    spans = leaves(read_all(shared_data, name))
    written, cached = [span.tokens for span in spans if span.kind == "llm"]

    assert (written.input_tokens, written.cache_write_5m_tokens) == (1169, 1165)
    assert (cached.input_tokens, cached.cache_read_tokens) == (1169, 1165)
    assert (written.uncached_input_tokens, cached.uncached_input_tokens) == (4, 4)
    assert {written.convention, cached.convention} == {"cached_included"}
    assert (written.note, cached.note) == (None, None)


def test_a_failed_request_says_how(shared_data: Path) -> None:
    name = f"{FOLDER}otel-semconv/test_chat_completion_404.traces.json"
    [call] = [span for span in read_all(shared_data, name) if span.kind == "llm"]

    assert call.error_type == "NotFoundError"
    assert call.error_message is not None
    assert call.error_message.startswith("Error code: 404")
    assert call.tokens.input_tokens is None
    assert call.sent is not None
    assert call.answers == []
