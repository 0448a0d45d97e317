"""Dumps of spans: real ones against counted figures, made-up ones for what goes wrong."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.imported import events_of, of_kind, written

from secondtake.backend.importers.span_dump import IMPORTER, problem_of, read_file
from secondtake.runner import events
from secondtake.runner.errors import UsageError
from secondtake.runner.events import BaseEvent

SPANS: Final = "traces/openinference-spans/"
VERCEL: Final = SPANS + "openinference-vercel/test/__fixtures__/v6-spans/all-spans.json"
FLAT: Final = SPANS + "openinference-genai/test/__fixtures__/"
SCHEMAS: Final = "python/openinference-instrumentation/tests/fixtures/genai_schemas/"


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    """Every test has an empty home."""


def span(name: str = "tea", **more: Any) -> dict[str, Any]:
    context = {"traceId": "t", "spanId": name}
    return {"name": name, "spanContext": context, "attributes": {}} | more


def run_of(tmp_path: Path, *spans: dict[str, Any]) -> list[BaseEvent]:
    [made] = events_of(IMPORTER, written(tmp_path, list(spans), "spans.json"))
    return made


def test_the_real_dump_reaches_the_counted_figures(shared_data: Path) -> None:
    figures = json.loads((shared_data / "EXPECTED.json").read_text())["spans"][VERCEL]
    runs = events_of(IMPORTER, shared_data / VERCEL)
    made = [event for run in runs for event in run]
    calls, steps = of_kind(made, events.LlmCall), of_kind(made, events.NodeFinished)
    names = [run.name for run in of_kind(made, events.RunStarted)]

    assert len(runs) == figures["traces"]
    assert len(calls) + len(steps) == figures["spans"]
    assert Counter(names) == figures["names"]
    assert sum(call.input_tokens or 0 for call in calls) == figures["input_tokens"]
    assert sum(call.output_tokens or 0 for call in calls) == figures["output_tokens"]
    asked = Counter(call.model for call in calls)
    # `model` is what was asked for; a step says what it reports of the calls that it holds.
    reported = Counter(_asked_by(step) for step in steps)
    assert asked + reported == Counter(figures["models"])


def _asked_by(step: events.NodeFinished) -> Any:
    assert step.extra is not None
    return step.extra["model"]


def test_only_the_requests_of_the_real_dump_are_calls(shared_data: Path) -> None:
    runs = events_of(IMPORTER, shared_data / VERCEL)
    starts = [(run[0], of_kind(run, events.LlmCall)) for run in runs]

    for start, calls in starts:
        assert isinstance(start, events.RunStarted)
        assert bool(calls) == start.name.endswith(("doGenerate", "doStream"))
    [stream] = [call for _, calls in starts for call in calls if call.stream]
    assert stream.time_to_first_token_ms == pytest.approx(426.8535)
    assert (stream.provider, stream.served_model) == ("openai", "gpt-4o-mini-2024-07-18")
    assert stream.usage_convention == "cached_included"
    assert (stream.cache_read_tokens, stream.reasoning_output_tokens) == (0, 0)
    assert stream.started_at is not None
    assert stream.started_at.isoformat() == "2026-02-03T15:20:00.598000+00:00"
    assert stream.duration_ms == pytest.approx(5386.307)


@pytest.mark.parametrize("dialect", ["otel_genai", "openinference"])
def test_a_flat_map_of_attributes_is_one_call_without_times(
    shared_data: Path, dialect: str
) -> None:
    name = f"{FLAT}{dialect}_client_span_tool_calls.json"
    keys = json.loads((shared_data / "EXPECTED.json").read_text())["spans"][name]["keys"]
    [made] = events_of(IMPORTER, shared_data / name)
    [call] = of_kind(made, events.LlmCall)

    assert [m.role for m in of_kind(made, events.Message)] == [
        "user", "assistant", "tool", "assistant",
    ]  # fmt: skip
    assert of_kind(made, events.RunStarted)[0].inputs == "Weather in Paris?"
    assert (call.input_tokens, call.output_tokens) == (97, 52)
    assert (call.model, call.served_model) == ("gpt-4", "gpt-4-0613")
    assert call.parameters is not None
    assert call.parameters["temperature"] == 0.5
    assert (call.started_at, call.duration_ms) == (None, None)
    assert call.extra is not None
    assert set(call.extra["attributes"]) <= set(keys) | {"llm.system"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "openinference-vercel/test/__fixtures__/v6-spans/capture-results.json",
            "an object with the keys attributeSummary",
        ),
        (f"{SCHEMAS}gen-ai-input-messages.json", "a JSON schema, which describes spans"),
        (f"{SCHEMAS}gen-ai-output-messages.json", "a JSON schema, which describes spans"),
    ],
)
def test_what_is_no_run_is_refused_in_a_sentence(
    shared_data: Path, name: str, sentence: str
) -> None:
    with pytest.raises(UsageError, match="is no dump of spans: it holds") as refused:
        read_file(shared_data / SPANS / name)
    assert sentence in str(refused.value)


def test_a_trace_of_langfuse_is_sent_to_its_importer(shared_data: Path) -> None:
    trace = "traces/langfuse-framework-traces/crewai-2025-07-11.trace.json"
    with pytest.raises(UsageError, match="secondtake import langfuse"):
        read_file(shared_data / trace)


@pytest.mark.parametrize("folder", ["openinference", "openllmetry", "otel-semconv"])
def test_otlp_json_counts_each_call_once(shared_data: Path, folder: str) -> None:
    figures = json.loads((shared_data / "EXPECTED.json").read_text())["otlp_replayed"]
    paths = sorted((shared_data / "traces/otlp-replayed" / folder).glob("*.traces.json"))
    assert paths
    for path in paths:
        counted = figures[f"traces/otlp-replayed/{folder}/{path.name}"]
        runs = events_of(IMPORTER, path)
        calls = of_kind([event for run in runs for event in run], events.LlmCall)
        rows = len(calls) + len(of_kind(runs[0], events.NodeFinished))
        model_spans = {tuple(each[2:]) for each in counted["model_spans"]}

        assert (len(runs), rows) == (counted["traces"], counted["spans"])
        found = {
            (call.served_model or call.model, call.input_tokens, call.output_tokens)
            for call in calls
        }
        assert found == model_spans
        by_scope = Counter(scope for scope, *_ in counted["model_spans"])
        assert len(calls) == max(by_scope.values())
        failed = [call for call in calls if call.error_type is not None]
        assert len(failed) == counted["error_spans"]


def test_spans_as_python_prints_them_are_read(tmp_path: Path) -> None:
    printed: dict[str, Any] = {
        "name": "chat gpt-x",
        "context": {"trace_id": "0xabc", "span_id": "0x01", "trace_state": "[]"},
        "kind": "SpanKind.CLIENT",
        "parent_id": None,
        "start_time": "2025-01-01T00:00:00.000000Z",
        "end_time": "2025-01-01T00:00:01.500000Z",
        "status": {"status_code": "ERROR", "description": "too hot"},
        "attributes": {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-x"},
        "events": [],
    }
    path = tmp_path / "spans.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in (printed, printed)), encoding="utf-8")
    [made] = events_of(IMPORTER, path)
    first, second = of_kind(made, events.LlmCall)

    assert (first.span_id, first.duration_ms, first.model) == ("01", 1500.0, "gpt-x")
    assert (first.error_type, first.error_message) == ("Error", "too hot")
    assert second.span_id != "01"
    assert of_kind(made, events.RunFinished)[0].status == "error"


@pytest.mark.parametrize(
    "time", [None, [], [1], [1, 2, 3], ["a", "b"], [2**62, 0], [-1, 0], "soon", {"a": 1}, 2**63, 0]
)
def test_a_time_that_is_none_is_unknown(tmp_path: Path, time: Any) -> None:
    made = run_of(tmp_path, span(startTime=time, endTime=time))
    [step] = of_kind(made, events.NodeFinished)
    assert (step.started_at, step.ended_at, step.duration_ms) == (None, None, None)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (span(attributes="x"), "span 0 of its trace has attributes that are the value 'x'"),
        (span(events={}), "span 0 of its trace has events that are an empty object"),
    ],
)
def test_a_span_that_cannot_be_read_says_why(
    tmp_path: Path, wrong: dict[str, Any], reason: str
) -> None:
    other = span(spanContext={"traceId": "u", "spanId": "1"})
    source = read_file(written(tmp_path, [wrong, None, other], "spans.json"))
    assert [problem_of(record) for record in source.records] == [
        reason, "it is the value 'None', not a span", None,
    ]  # fmt: skip


def test_hostile_attributes_do_no_harm(tmp_path: Path) -> None:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "\ud800';--",
        "gen_ai.usage.input_tokens": 2**63,
        "gen_ai.usage.output_tokens": "-5",
        "gen_ai.input.messages": "[" * 10_000,
        "gen_ai.output.messages": {"role": None},
        "gen_ai.response.finish_reasons": {"a": 1},
        "gen_ai.response.time_to_first_chunk": float("nan"),
        "gen_ai.prompt.9999999.role": "user",
        "gen_ai.completion." + "0." * 5_000 + "x": 1,
        "gen_ai.tool.definitions": "null",
    }
    [call] = of_kind(run_of(tmp_path, span(attributes=attributes)), events.LlmCall)

    assert (call.input_tokens, call.output_tokens) == (None, None)
    assert (call.finish_reason, call.time_to_first_token_ms) == (None, None)
    assert call.model == "\\ud800';--"


def test_a_retriever_is_a_search_and_a_guardrail_a_step(tmp_path: Path) -> None:
    search = {
        "openinference.span.kind": "RETRIEVER",
        "input.value": "tea",
        "retrieval.documents.0.document.content": "Tea is hot.",
        "retrieval.documents.0.document.score": 0.5,
    }
    guard = {"openinference.span.kind": "GUARDRAIL", "input.value": "tea"}
    made = run_of(tmp_path, span("search", attributes=search), span("guard", attributes=guard))
    [found] = of_kind(made, events.ToolCall)
    [step] = of_kind(made, events.NodeFinished)

    assert (found.tool, found.span_kind, found.arguments) == ("search", "retriever", "tea")
    assert found.result == [{"content": "Tea is hot.", "score": 0.5}]
    assert (step.node, step.span_kind) == ("guard", "other")
