"""The samples have the shape of promptfoo's `EvaluateSummaryV3` and `V2`; all of it is made up."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.importing import imported, of_kind, skipped_in, write_json, write_lines

from secondtake.backend.importers.promptfoo import IMPORTER, problem_of
from secondtake.backend.importers.promptfoo_calls import provider_and_model
from secondtake.runner import events
from secondtake.runner.errors import UsageError
from secondtake.runner.events import BaseEvent

pytestmark = pytest.mark.usefixtures("home")

RESULT: Final[dict[str, Any]] = {
    "id": "6f1a", "promptIdx": 0, "testIdx": 3, "promptId": "ab12", "failureReason": 0,
    "provider": {"id": "openai:chat:gpt-4o-mini", "label": "mini"},
    "prompt": {"raw": "Name a tea for Ann.", "label": "short"},
    "vars": {"who": "Ann"},
    "response": {
        "output": "Sencha", "cached": False, "cost": 0.0000123456, "finishReason": "stop",
        "tokenUsage": {"total": 15, "prompt": 12, "completion": 3, "numRequests": 1,
                       "completionDetails": {"reasoning": 1, "acceptedPrediction": 0}},
        "metadata": {"http": {"status": 200}},
    },
    "success": True, "score": 0.75, "latencyMs": 412, "cost": 0.0000123456,
    "namedScores": {"taste": 1},
    "gradingResult": {
        "pass": True, "score": 0.75, "reason": "All assertions passed",
        "tokensUsed": {"total": 9, "prompt": 6, "completion": 3},
        "componentResults": [
            {"pass": True, "score": 1, "reason": "ok",
             "assertion": {"type": "contains", "value": "Sen", "metric": "taste"}},
            {"pass": False, "score": 0.5, "reason": "meh", "assertion": {"type": "llm-rubric"}},
            {"pass": True, "score": 1, "reason": "ok", "assertion": None},
        ],
    },
    "testCase": {"description": "a tea for Ann", "vars": {"who": "Ann"}, "assert": []},
    "metadata": {},
}  # fmt: skip


def summary(*results: Any, version: int = 3) -> dict[str, Any]:
    more: dict[str, Any] = {"prompts": []} if version == 3 else {"table": {"head": {}, "body": []}}
    stats = {"successes": 1, "failures": 0, "errors": 0, "tokenUsage": {}}
    at = "2026-10-04T00:00:00.000Z"
    return {"version": version, "timestamp": at, "results": list(results), "stats": stats, **more}


def whole(*results: Any, version: int = 3) -> dict[str, Any]:
    return {
        "evalId": "eval-abc-2026-10-04T00:00:00",
        "results": summary(*results, version=version),
        "config": {"description": "tea suite", "providers": ["openai:chat:gpt-4o-mini"]},
        "shareableUrl": None,
        "metadata": {"promptfooVersion": "0.123.1"},
    }


def events_of(tmp_path: Path, result: dict[str, Any]) -> list[BaseEvent]:
    [made] = imported(IMPORTER, write_json(tmp_path, whole(result)))
    return made


def the_call(tmp_path: Path, **response: Any) -> events.LlmCall:
    given = {**RESULT, "cost": 0, "response": {"output": "Sencha", **response}}
    [call] = of_kind(events_of(tmp_path, given), events.LlmCall)
    return call


def test_a_result_is_a_run_with_one_call(tmp_path: Path) -> None:
    made = events_of(tmp_path, RESULT)
    [started], [call] = of_kind(made, events.RunStarted), of_kind(made, events.LlmCall)
    [finished] = of_kind(made, events.RunFinished)

    assert (started.name, started.case_id, started.inputs) == ("tea suite", "3", {"who": "Ann"})
    assert started.tags == {
        "prompt": "short", "provider": "mini", "test": "a tea for Ann",
        "eval": "eval-abc-2026-10-04T00:00:00", "result": "pass",
    }  # fmt: skip
    assert started.started_at is None
    assert (call.provider, call.model) == ("openai", "gpt-4o-mini")
    assert (call.duration_ms, call.finish_reason, call.served_from) == (412.0, "stop", "live")
    assert (call.cost_usd, call.cost_basis) == (Decimal("0.000012346"), "recorded")
    assert (call.input_tokens, call.output_tokens) == (12, 3)
    assert (call.reasoning_output_tokens, call.text_output_tokens) == (1, 2)
    assert (call.cache_read_tokens, call.uncached_input_tokens) == (None, None)
    assert call.usage_convention == "cached_included"
    assert call.usage == RESULT["response"]["tokenUsage"]
    assert [m.content for m in of_kind(made, events.Message)] == ["Name a tea for Ann.", "Sencha"]
    assert (finished.status, finished.output, finished.error_type) == ("ok", "Sencha", None)


def test_every_assertion_is_a_score_of_its_own(tmp_path: Path) -> None:
    scores = of_kind(events_of(tmp_path, RESULT), events.Score)
    assert [(s.name, s.score_value, s.label, s.reason) for s in scores] == [
        ("score", 0.75, "pass", "All assertions passed"),
        ("taste", 1.0, None, None),
        ("taste", 1.0, "pass", "ok"),
        ("llm-rubric", 0.5, "fail", "meh"),
        ("assertion", 1.0, "pass", "ok"),
    ]
    assert len({score.evaluation_id for score in scores}) == len(scores)


def test_what_has_no_column_is_kept(tmp_path: Path) -> None:
    made = events_of(tmp_path, RESULT)
    extra = of_kind(made, events.RunStarted)[0].extra
    assert extra is not None
    assert extra["eval"]["metadata"] == {"promptfooVersion": "0.123.1"}
    assert extra["eval"]["timestamp"] == "2026-10-04T00:00:00.000Z"
    assert extra["gradingResult"]["tokensUsed"]["total"] == 9
    assert of_kind(made, events.LlmCall)[0].extra == {"metadata": {"http": {"status": 200}}}


@pytest.mark.parametrize("version", [2, 3])
def test_both_versions_a_bare_summary_and_lines_give_the_same_rows(
    tmp_path: Path, version: int
) -> None:
    expected = [type(event) for event in events_of(tmp_path, RESULT)]
    paths = (
        write_json(tmp_path, whole(RESULT, version=version)),
        write_json(tmp_path, summary(RESULT, version=version), "bare.json"),
        write_lines(tmp_path, [RESULT]),
        write_lines(tmp_path, [RESULT, RESULT], "two.jsonl"),
    )
    for path in paths:
        for made in imported(IMPORTER, path):
            assert [type(event) for event in made] == expected


def test_zeros_that_promptfoo_writes_for_unknown_are_unknown(tmp_path: Path) -> None:
    usage = {"total": 15, "prompt": 0, "completion": 0}
    result = {**RESULT, "cost": 0, "latencyMs": 0, "response": {"output": "x", "tokenUsage": usage}}
    [call] = of_kind(events_of(tmp_path, result), events.LlmCall)
    assert (call.cost_usd, call.cost_basis, call.duration_ms) == (None, None, None)
    assert (call.input_tokens, call.output_tokens) == (None, None)


def test_a_cost_of_0_that_the_provider_said_is_0(tmp_path: Path) -> None:
    assert the_call(tmp_path, cost=0).cost_usd == 0


def test_an_answer_from_promptfoos_cache_has_no_token_counts(tmp_path: Path) -> None:
    call = the_call(tmp_path, cached=True, tokenUsage={"cached": 15, "total": 15})
    assert call.served_from == "cache"
    assert (call.input_tokens, call.cache_read_tokens) == (None, None)
    assert call.usage == {"cached": 15, "total": 15}


def test_cache_reads_that_were_reported_make_exclusive_buckets(tmp_path: Path) -> None:
    details = {"cacheReadInputTokens": 8, "cacheCreationInputTokens": 1}
    usage = {"total": 15, "prompt": 12, "completion": 3, "completionDetails": details}
    call = the_call(tmp_path, tokenUsage=usage)
    assert (call.uncached_input_tokens, call.cache_read_tokens) == (3, 8)
    assert (call.cache_write_5m_tokens, call.input_tokens) == (1, 12)


def test_a_failed_assertion_is_no_failed_run(tmp_path: Path) -> None:
    result = {**RESULT, "success": False, "failureReason": 1, "error": "Expected more tea"}
    made = events_of(tmp_path, result)
    assert of_kind(made, events.RunFinished)[0].status == "ok"
    tags = of_kind(made, events.RunStarted)[0].tags
    assert tags is not None
    assert tags["result"] == "fail"


@pytest.mark.parametrize(
    "more",
    [
        {"failureReason": 2, "response": {"error": "API error: 429"}},
        {"failureReason": 2, "response": None, "error": "API error: 429"},
        {"failureReason": None, "response": None, "gradingResult": None, "error": "API error: 429"},
    ],
    ids=["of the response", "of the result", "without a reason"],
)
def test_a_call_that_failed_is_a_failed_run(tmp_path: Path, more: dict[str, Any]) -> None:
    made = events_of(tmp_path, {**RESULT, "success": False, **more})
    [finished], [call] = of_kind(made, events.RunFinished), of_kind(made, events.LlmCall)
    assert (finished.status, finished.error_message) == ("error", "API error: 429")
    assert (call.error_message, call.output_message_ids) == ("API error: 429", None)


def test_a_chat_prompt_and_an_answer_of_tool_calls_are_messages(tmp_path: Path) -> None:
    prompt = [{"role": "system", "content": "Sell tea."}, {"role": "user", "content": "Hi"}]
    calls = [{"id": "c", "type": "function", "function": {"name": "price", "arguments": "{}"}}]
    result = {**RESULT, "prompt": {"raw": json.dumps(prompt)}, "response": {"output": calls}}
    made = events_of(tmp_path, result)
    messages = of_kind(made, events.Message)
    assert [(m.role, m.content) for m in messages[:2]] == [("system", "Sell tea."), ("user", "Hi")]
    assert messages[2].tool_calls == calls
    assert of_kind(made, events.RunFinished)[0].output == calls


def test_an_answer_that_is_an_object_is_its_json(tmp_path: Path) -> None:
    result = {**RESULT, "response": {"output": {"tea": "Sencha"}}}
    assert of_kind(events_of(tmp_path, result), events.Message)[1].content == '{"tea": "Sencha"}'


@pytest.mark.parametrize(
    ("provider_id", "expected"),
    [
        ("openai:gpt-4o", ("openai", "gpt-4o")),
        ("openai:responses:gpt-5", ("openai", "gpt-5")),
        ("anthropic:messages:claude-sonnet-4", ("anthropic", "claude-sonnet-4")),
        ("bedrock:anthropic.claude-v2:1", ("bedrock", "anthropic.claude-v2:1")),
        ("ollama:chat:llama3:8b", ("ollama", "llama3:8b")),
        ("openrouter:meta/llama", ("openrouter", "meta/llama")),
        ("openai", ("openai", None)),
        ("file://ask.py", (None, None)),
        ("python:ask.py", (None, None)),
        ("echo", (None, None)),
        (None, (None, None)),
    ],
)
def test_a_providers_id_is_vendor_and_model(
    provider_id: str | None, expected: tuple[str | None, str | None]
) -> None:
    assert provider_and_model(provider_id) == expected


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (None, "it is the value 'None', not an object"),
        ({"success": True}, "it is an object with the keys success, without prompt or vars and success"),
        ({**RESULT, "response": "x"}, "its response is the value 'x', not an object"),
        ({**RESULT, "provider": 7}, "its provider is the value '7', not an object"),
        ({**RESULT, "testCase": []}, "its testCase is an empty list, not an object"),
    ],
)  # fmt: skip
def test_each_malformed_record_has_its_sentence(result: Any, problem: str) -> None:
    assert problem_of({"result": result, "eval": {}}) == problem


def test_a_bad_result_among_good_ones_is_skipped(tmp_path: Path) -> None:
    path = write_json(tmp_path, whole(RESULT, None))
    assert skipped_in(IMPORTER, path) == ["it is the value 'None', not an object"]


def test_nulls_where_objects_are_expected_are_unknown(tmp_path: Path) -> None:
    names = ("response", "gradingResult", "testCase", "namedScores", "provider", "prompt", "score")
    made = events_of(tmp_path, {**RESULT, **dict.fromkeys(names)})
    assert of_kind(made, events.Score) == []
    assert of_kind(made, events.LlmCall)[0].model is None


@pytest.mark.parametrize("value", [{}, [], {"results": {}}, {"results": {"results": []}}, 7])
def test_a_file_without_a_result_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UsageError, match="is no result of promptfoo: it holds"):
        IMPORTER.read_file(write_json(tmp_path, value))


def test_the_importer_that_fits_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path, [{"messages": []}, {"messages": []}])
    with pytest.raises(UsageError, match="secondtake import chat-jsonl"):
        IMPORTER.read_file(path)
