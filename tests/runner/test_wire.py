"""Recorded answers of OpenAI, Azure and Anthropic, played over HTTP, end up as the right rows.

The whole way is real: LiteLLM's adapters, the boundary, the journal, the loader, DuckDB. What the
rows must say was counted from the recordings by a script of its own (EXPECTED.json).
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.support.cassettes import Exchange, read_cassette
from tests.support.loopback import Loopback, recorded

from secondtake.backend.loader import load_pending
from secondtake.backend.prices.snapshot import ensure_snapshot
from secondtake.backend.store.connection import open_store
from secondtake.runner.calls import LlmRequest
from secondtake.runner.journal import close_all
from secondtake.runner.providers.completion import complete
from secondtake.runner.providers.retry import CallPolicy
from secondtake.runner.run import start_run
from secondtake.runner.settings import load_settings

PROVIDERS = {
    "api.anthropic.com": "anthropic",
    "api.openai.com": "openai",
    "traceloop-stg.openai.azure.com": "azure",
}
APIS = ("anthropic.messages", "openai.chat")
NO_PARAMETERS = ("model", "messages", "tools", "stream", "stream_options", "system")


@dataclass(frozen=True, kw_only=True)
class Played:
    """One recorded exchange, what it must have become, and what it became."""

    cassette: str
    provider: str
    expected: Mapping[str, Any]
    call: Mapping[str, Any]
    """The row of `llm_calls`."""
    answers: list[dict[str, Any]]
    """The rows of `messages`, one a choice."""
    exchange: Exchange

    @property
    def name(self) -> str:
        return f"{self.cassette.rsplit('/', 1)[1]} {self.expected['request_model']}"


def request_of(exchange: Exchange, provider: str, *, stream: bool) -> LlmRequest:
    """Return the request as it was recorded; Anthropic's conversations in short."""
    body = exchange.request
    if provider == "anthropic":
        messages: list[Any] = [{"role": "user", "content": "Hello."}]
        tools = [
            {
                "type": "function",
                "function": {"name": tool["name"], "parameters": tool["input_schema"]},
            }
            for tool in body.get("tools", ())
        ]
        parameters = {"max_tokens": body["max_tokens"]}
    else:
        messages, tools = body["messages"], body.get("tools", ())
        parameters = {name: body[name] for name in body if name not in NO_PARAMETERS}
    if provider == "azure":
        parameters["api_version"] = "2024-02-01"
    model = f"{provider}/{body['model']}"
    return LlmRequest(
        model=model, messages=messages, tools=tools, parameters=parameters, stream=stream
    )


def play(cassette: Path, expected: list[Mapping[str, Any]], folder: Path) -> Iterator[Any]:
    """Ask for each exchange of a cassette in one run; yield run id, provider, both exchanges."""
    with start_run(cassette.stem, settings=load_settings({"home": folder})) as run:
        for exchange, expectation in zip(read_cassette(cassette), expected, strict=True):
            provider = PROVIDERS.get(expectation["host"])
            if provider is None or expectation["api"] not in APIS:
                continue
            with Loopback([recorded(exchange)]) as server:
                suffix = "/v1" if provider == "openai" else ""
                policy = CallPolicy(
                    api_base=server.url + suffix, api_key="k", retries=0, timeout_s=60
                )
                request = request_of(exchange, provider, stream=expectation["stream"])
                try:
                    complete(request, policy=policy)
                except Exception:
                    if expectation["status"] == 200:
                        raise
            yield run.run_id, provider, expectation, exchange


@pytest.fixture(scope="module")
def played(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Played]:
    """Every exchange with OpenAI's chat API, Azure and Anthropic, as rows of DuckDB."""
    home = tmp_path_factory.mktemp("wire")
    ensure_snapshot(home)
    documents = json.loads((shared_data / "EXPECTED.json").read_text(encoding="utf-8"))
    cases = [
        (name, case)
        for name, expected in documents["cassettes"].items()
        for case in play(shared_data / name, expected, home)
    ]
    close_all()  # a segment of this process is sealed a little after its run otherwise
    con = open_store(home)
    report = load_pending(con, home)
    assert report.rejected == 0
    calls = _rows(con, "SELECT * FROM llm_calls ORDER BY run_id, seq")
    messages = {
        row["message_id"]: row
        for row in _rows(con, "SELECT * FROM messages WHERE role = 'assistant'")
    }
    con.close()
    by_run: dict[UUID, Iterator[Mapping[str, Any]]] = {}
    for run_id in {call["run_id"] for call in calls}:
        by_run[run_id] = iter([call for call in calls if call["run_id"] == run_id])
    result: list[Played] = []
    for name, (run_id, provider, expected, exchange) in cases:
        call = next(by_run[run_id])
        played = Played(
            cassette=name,
            provider=provider,
            expected=expected,
            call=call,
            answers=[messages[message_id] for message_id in call["output_message_ids"] or ()],
            exchange=exchange,
        )
        result.append(played)
    return result


def _rows(con: Any, query: str) -> list[dict[str, Any]]:
    cursor = con.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_every_recorded_exchange_was_played(played: list[Played]) -> None:
    by_provider = [case.provider for case in played]
    assert {name: by_provider.count(name) for name in set(by_provider)} == {
        "anthropic": 18,
        "azure": 4,
        "openai": 45,
    }


def test_text_and_tool_calls_are_those_of_the_wire(
    played: list[Played], subtests: pytest.Subtests
) -> None:
    for case in played:
        with subtests.test(case.name):
            text = "".join(answer["content"] or "" for answer in case.answers)
            calls = [
                call for answer in case.answers for call in json.loads(answer["tool_calls"] or "[]")
            ]
            assert len(text) == case.expected["text_chars"]
            assert [call["function"]["name"] for call in calls] == case.expected["tool_calls"]
            arguments = [json.loads(call["function"]["arguments"]) for call in calls]
            assert all(isinstance(item, dict) for item in arguments)


def test_finish_reason_and_served_model_are_those_of_the_wire(
    played: list[Played], subtests: pytest.Subtests
) -> None:
    for case in played:
        with subtests.test(case.name):
            finish = ",".join(dict.fromkeys(case.expected["finish"])) or None
            assert case.call["finish_reason"] == finish
            assert case.call["served_model"] == case.expected["response_model"]
            assert case.call["provider"] == case.provider
            assert case.call["stream"] == case.expected["stream"]


def test_the_buckets_are_those_of_the_wire_and_add_up(
    played: list[Played], subtests: pytest.Subtests
) -> None:
    for case in played:
        usage = case.expected["usage"]
        if usage is None:
            continue
        with subtests.test(case.name):
            call, cached = case.call, usage.get("cached")
            assert call["output_tokens"] == usage["output"]
            assert call["cache_read_tokens"] == cached
            assert call["reasoning_output_tokens"] == usage.get("reasoning")
            if case.provider == "anthropic":
                written = usage.get("cache_write")
                parts = (call["cache_write_5m_tokens"], call["cache_write_1h_tokens"])
                assert (None if parts == (None, None) else sum(p or 0 for p in parts)) == written
                assert call["uncached_input_tokens"] == usage["input"]
                assert call["usage_convention"] == "cached_excluded"
            else:
                assert call["input_tokens"] == usage["input"]
                assert call["uncached_input_tokens"] == usage["input"] - (cached or 0)
                assert call["usage_convention"] == "cached_included"
            assert _sum(call, "input") == call["input_tokens"]
            assert _sum(call, "output") == call["output_tokens"]
            assert call["usage_note"] is None


INPUT = ("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h", "audio_input")
OUTPUT = ("text_output", "reasoning_output", "audio_output")


def _sum(call: Mapping[str, Any], side: str) -> int:
    buckets = INPUT if side == "input" else OUTPUT
    return sum(call[f"{bucket}_tokens"] or 0 for bucket in buckets)


def recorded_usage(exchange: Exchange) -> Any:
    """Return the usage of a recorded body, read without any code of ours."""
    body = exchange.body
    text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    if not exchange.is_stream:
        return json.loads(text)["usage"]
    lines = [line[5:].strip() for line in text.splitlines() if line.startswith(b"data:")]
    events = [json.loads(line) for line in lines if line != b"[DONE]"]
    if "anthropic" in exchange.host:
        start = next(event["message"]["usage"] for event in events if "message" in event)
        delta = [event["usage"] for event in events if event["type"] == "message_delta"][-1]
        return start | delta
    return [event["usage"] for event in events if event.get("usage")][-1]


def test_the_usage_is_kept_as_the_provider_wrote_it(
    played: list[Played], subtests: pytest.Subtests
) -> None:
    reported = [case for case in played if case.expected["usage"]]
    assert len(reported) == 63
    for case in reported:
        with subtests.test(case.name):
            assert json.loads(case.call["usage"]) == recorded_usage(case.exchange)


def test_a_wire_without_usage_gives_null(played: list[Played]) -> None:
    without = [case for case in played if case.expected["usage"] is None]
    assert len(without) == 4
    for case in without:
        for name in ("usage", "input_tokens", "output_tokens", "cost_usd", "usage_convention"):
            assert case.call[name] is None, (case.name, name)
        assert _sum(case.call, "input") == _sum(case.call, "output") == 0


def test_a_known_cost_is_the_sum_of_its_rounded_buckets(played: list[Played]) -> None:
    priced = [case for case in played if case.call["cost_usd"] is not None]
    assert len(priced) > 40
    for case in priced:
        details = json.loads(case.call["cost_details"])
        assert sum(Decimal(amount) for _, _, amount in details.values()) == case.call["cost_usd"]


def test_streams_have_a_time_to_first_token_and_plain_answers_have_none(
    played: list[Played],
) -> None:
    for case in played:
        first_ms = case.call["time_to_first_token_ms"]
        if case.expected["stream"]:
            assert 0 < first_ms <= case.call["duration_ms"]
        else:
            assert first_ms is None


def test_two_choices_that_interleave_are_two_messages(played: list[Played]) -> None:
    (case,) = [case for case in played if "multiple_choices_streaming" in case.cassette]
    texts = [answer["content"] for answer in case.answers]
    assert [text.split(". ")[1][:20] for text in texts] == [
        "To get the latest we",
        "However, you can eas",
    ]


def test_parallel_tool_calls_that_interleave_keep_their_arguments(played: list[Played]) -> None:
    (case,) = [case for case in played if "multiple_tools_streaming_with_content" in case.cassette]
    calls = json.loads(case.answers[0]["tool_calls"])
    cities = [json.loads(call["function"]["arguments"])["location"] for call in calls]
    assert cities == ["Seattle, WA", "San Francisco, CA"]
    assert len({call["id"] for call in calls}) == 2


def test_a_refusal_is_kept(played: list[Played]) -> None:
    cases = [case for case in played if "test_parsed_refused_completion" in case.cassette]
    for case in cases:
        refusal = json.loads(case.answers[0]["extra"])["refusal"]
        assert refusal.startswith("I'm very sorry, but I can't assist")
    assert len(cases) == 3


def test_thinking_is_kept_with_its_signature(played: list[Played]) -> None:
    cases = [case for case in played if "thinking_part_stream" in case.cassette]
    cases += [case for case in played if "tool_with_thinking" in case.cassette][:1]
    for case in cases:
        (block,) = json.loads(case.answers[0]["extra"])["thinking_blocks"]
        assert block["thinking"]
        assert len(block["signature"]) > 100


def test_an_answer_that_a_filter_cut_is_an_answer_without_text(played: list[Played]) -> None:
    (case,) = [case for case in played if case.expected["finish"] == ["content_filter"]]
    assert case.call["error_type"] is None
    assert case.answers[0]["content"] is None
    assert (case.call["input_tokens"], case.call["output_tokens"]) == (15, 19)


def test_a_404_is_a_failed_call_with_the_status_of_the_wire(played: list[Played]) -> None:
    (case,) = [case for case in played if case.expected["status"] == 404]
    assert (case.call["error_class"], case.call["http_status"]) == ("not_found", 404)
    assert case.answers == []
