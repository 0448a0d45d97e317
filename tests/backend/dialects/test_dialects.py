"""Spans made up for the tests: what each dialect says, generation by generation."""

import json
from decimal import Decimal
from typing import Any

import pytest

from secondtake.backend.dialects import leaves, read_span
from secondtake.backend.dialects.shapes import RawSpan, ReadSpan, SpanEvent

HELLO: Any = [{"role": "user", "content": "Hello"}]
HI: Any = [{"role": "assistant", "content": "Hi"}]


def read(name: str = "span", /, **fields: Any) -> ReadSpan:
    attributes = fields.pop("attributes", {})
    return read_span(RawSpan(name=name, attributes=attributes, **fields))


GENERATIONS: dict[str, dict[str, Any]] = {
    "attributes of the first": {
        "attributes": {
            "gen_ai.system": "openai",
            "gen_ai.request.model": "m",
            "gen_ai.prompt": json.dumps(HELLO),
            "gen_ai.completion": json.dumps(HI),
            "gen_ai.usage.prompt_tokens": "3",
            "gen_ai.usage.completion_tokens": 1,
        }
    },
    "events of the second": {
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 1,
        },
        "events": [
            SpanEvent(name="gen_ai.user.message", attributes={"content": "Hello"}),
            SpanEvent(
                name="gen_ai.choice",
                attributes={"index": 0, "message": json.dumps({"content": "Hi"})},
            ),
        ],
    },
    "parts of the third": {
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.input.messages": [
                {"role": "user", "parts": [{"type": "text", "content": "Hello"}]}
            ],
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}]
            ),
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 1,
        }
    },
    "Traceloop of old": {
        "attributes": {
            "llm.request.type": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "Hello",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Hi",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.usage.prompt_tokens": 3,
            "gen_ai.usage.completion_tokens": 1,
            "llm.usage.total_tokens": 4,
        }
    },
    "OpenInference": {
        "attributes": {
            "openinference.span.kind": "LLM",
            "llm.model_name": "m",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "Hello",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.contents.0.message_content.type": "text",
            "llm.output_messages.0.message.contents.0.message_content.text": "Hi",
            "llm.token_count.prompt": 3,
            "llm.token_count.completion": 1,
        }
    },
    "Vercel": {
        "attributes": {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.model.id": "m",
            "ai.prompt.messages": '[{"role":"user","content":[{"type":"text","text":"Hello"}]}]',
            "ai.response.text": "Hi",
            "ai.usage.promptTokens": 3,
            "ai.usage.completionTokens": 1,
        }
    },
}


@pytest.mark.parametrize("fields", GENERATIONS.values(), ids=GENERATIONS)
def test_a_call_is_the_same_in_whatever_words(fields: dict[str, Any]) -> None:
    call = read(**fields)

    assert (call.kind, call.model) == ("llm", "m")
    assert (call.sent, call.answers) == (HELLO, HI)
    assert (call.tokens.input_tokens, call.tokens.output_tokens) == (3, 1)
    assert call.tokens.convention == "cached_included"


@pytest.mark.parametrize(
    ("attributes", "kind", "name"),
    [
        ({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}, "tool", "t"),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}, "agent", "a"),
        ({"gen_ai.operation.name": "embeddings"}, "embedding", "span"),
        ({"gen_ai.operation.name": "retrieval"}, "retriever", "span"),
        ({"gen_ai.operation.name": "invoke_workflow"}, "chain", "span"),
        ({"gen_ai.operation.name": "search_memory"}, "other", "span"),
        ({"gen_ai.system": "gcp.vertex.agent"}, "other", "span"),
        ({"traceloop.span.kind": "workflow", "traceloop.entity.name": "w"}, "chain", "w"),
        ({"traceloop.span.kind": "tool", "traceloop.entity.name": "t"}, "tool", "t"),
        ({"openinference.span.kind": "AGENT", "agent.name": "a"}, "agent", "a"),
        ({"openinference.span.kind": "RERANKER"}, "other", "span"),
        ({"ai.operationId": "ai.toolCall", "ai.toolCall.name": "t"}, "tool", "t"),
        ({"ai.operationId": "ai.streamText"}, "chain", "ai.streamText"),
        ({"ai.operationId": "ai.embed.doEmbed"}, "embedding", "ai.embed.doEmbed"),
        ({"http.method": "POST"}, "other", "span"),
    ],
)
def test_every_kind_of_span_is_told(attributes: dict[str, Any], kind: str, name: str) -> None:
    found = read(attributes=attributes)
    assert (found.kind, found.name) == (kind, name)


def test_what_no_field_holds_is_left_and_what_one_holds_is_not() -> None:
    call = read(
        attributes={
            "gen_ai.request.model": "m",
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.encoding_formats": ["base64"],
            "gen_ai.usage.input_tokens": "many",
            "server.port": 443,
        }
    )
    assert call.parameters == {"temperature": 0.5}
    assert call.rest == {
        "gen_ai.request.encoding_formats": ["base64"],
        "gen_ai.usage.input_tokens": "many",
        "server.port": 443,
    }


def test_system_instructions_tools_and_results_come_in_openai_form() -> None:
    call = read(
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.system_instructions": '[{"type": "text", "content": "Be kind."}]',
            "gen_ai.input.messages": [
                {"role": "assistant", "parts": [
                    {"type": "reasoning", "content": "hm"},
                    {"type": "tool_call", "id": "1", "name": "t", "arguments": {"a": 1}},
                ]},
                {"role": "tool", "parts": [
                    {"type": "tool_call_response", "id": "1", "result": {"b": 2}}
                ]},
                {"role": "user", "parts": [
                    {"type": "blob", "modality": "image", "mime_type": "image/png",
                     "content": "AA=="}
                ]},
            ],
            "gen_ai.tool.definitions": [
                {"type": "function", "name": "t", "parameters": {"type": "object"}}
            ],
        }
    )  # fmt: skip
    asked = {"type": "function", "function": {"name": "t", "arguments": '{"a":1}'}}
    assert call.sent == [
        {"role": "system", "content": "Be kind."},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", **asked}],
         "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "1", "content": '{"b":2}'},
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
        ]},
    ]  # fmt: skip
    assert call.tools == [
        {"type": "function", "function": {"name": "t", "parameters": {"type": "object"}}}
    ]


@pytest.mark.parametrize(
    ("attributes", "cost"),
    [
        ({"gen_ai.usage.cost.amount": 0.1, "gen_ai.usage.cost.currency": "USD"}, "0.1"),
        ({"gen_ai.usage.cost.amount": 0.1, "gen_ai.usage.cost.currency": "EUR"}, None),
        ({"gen_ai.usage.cost": "1e-12"}, "0"),
        ({"gen_ai.usage.cost": -1}, None),
    ],
)
def test_a_cost_is_dollars_or_unknown(attributes: dict[str, Any], cost: str | None) -> None:
    assert read(attributes=attributes).cost_usd == (None if cost is None else Decimal(cost))


VERCEL_CALL = {
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.provider": "anthropic.messages",
    "ai.usage.inputTokens": 10,
    "ai.usage.cachedInputTokens": 90,
}


@pytest.mark.parametrize(
    ("more", "input_tokens", "uncached", "convention"),
    [
        ({"ai.request.headers.user-agent": "ai/5.0.76"}, 100, 10, "cached_excluded"),
        ({}, 100, 10, "cached_excluded"),
        ({"ai.request.headers.user-agent": "ai/6.0.1", "ai.usage.inputTokens": 100}, 100, 10,
         "cached_included"),
        ({"ai.model.provider": "openai.responses", "ai.usage.inputTokens": 100}, 100, 10,
         "cached_included"),
        ({"ai.response.providerMetadata": json.dumps({"anthropic": {"usage": {
            "input_tokens": 4, "cache_creation_input_tokens": 6}}})}, 10, 4, "cached_excluded"),
    ],
    ids=["version 5", "no version", "version 6", "another provider", "Anthropic's own usage"],
)  # fmt: skip
def test_what_vercel_counts_depends_on_provider_and_version(
    more: dict[str, Any], input_tokens: int, uncached: int, convention: str
) -> None:
    tokens = read(attributes=VERCEL_CALL | more).tokens
    assert (tokens.input_tokens, tokens.uncached_input_tokens) == (input_tokens, uncached)
    assert tokens.convention == convention


def test_an_id_that_a_framework_made_up_is_not_the_one_of_the_model() -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}
    made_up = read(attributes=tool | {"gen_ai.tool.call.id": "adk-1"})
    given = read(attributes=tool | {"gen_ai.tool.call.id": "call-1"})

    assert (made_up.tool_call_id, given.tool_call_id) == (None, "call-1")
    assert made_up.rest == {"gen_ai.tool.call.id": "adk-1"}


def test_counts_that_contradict_each_other_are_noted_and_not_bent() -> None:
    tokens = read(
        attributes={"gen_ai.usage.input_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 9,
                    "gen_ai.request.model": "m"}
    ).tokens  # fmt: skip
    assert (tokens.input_tokens, tokens.cache_read_tokens) == (5, 9)
    assert tokens.uncached_input_tokens is None
    assert tokens.note is not None


def llm(span_id: str, parent: str | None = None, /, **more: Any) -> ReadSpan:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3} | more
    return read(attributes=attributes, span_id=span_id, parent_span_id=parent)


def step(span_id: str, parent: str, **attributes: Any) -> ReadSpan:
    return read(attributes=attributes, span_id=span_id, parent_span_id=parent)


def kinds(*spans: ReadSpan) -> list[str]:
    return [span.kind for span in leaves(spans)]


def test_the_innermost_of_nested_reports_is_the_call_and_gets_what_the_outer_ones_say() -> None:
    outer = llm("a", **{"gen_ai.input.messages": HELLO, "gen_ai.response.id": "r"})
    middle = llm("b", "a", **{"gen_ai.request.temperature": 1})
    settled = leaves([llm("c", "b", **{"gen_ai.response.id": "r"}), middle, outer])

    assert [span.kind for span in settled] == ["llm", "chain", "chain"]
    assert settled[0].sent == HELLO
    assert settled[0].parameters == {"temperature": 1.0}
    assert settled[0].same_call == ("b", "a")


def test_an_outer_span_of_another_answer_fills_nothing_in() -> None:
    outer = llm("a", **{"gen_ai.input.messages": HELLO, "gen_ai.response.id": "r"})
    inner, _ = leaves([llm("b", "a", **{"gen_ai.response.id": "s"}), outer])
    assert (inner.sent, inner.same_call) == (None, ())


def test_a_span_that_holds_two_calls_keeps_its_words_for_itself() -> None:
    outer = llm("a", **{"gen_ai.input.messages": HELLO})
    settled = leaves([outer, llm("b", "a"), llm("c", "a")])
    assert [span.kind for span in settled] == ["chain", "llm", "llm"]
    assert settled[0].input == HELLO
    assert settled[1].sent is None


def test_a_call_below_a_tool_or_an_agent_is_one_of_its_own() -> None:
    tool = {"gen_ai.operation.name": "execute_tool"}
    assert kinds(llm("a"), step("t", "a", **tool), llm("b", "t")) == ["llm", "tool", "llm"]
    assert kinds(llm("a"), step("h", "a"), llm("b", "h")) == ["chain", "other", "llm"]


def test_parents_in_a_ring_do_not_hang() -> None:
    assert kinds(llm("a", "b"), llm("b", "a")) == ["chain", "chain"]
    assert kinds(llm("a", "a")) == ["llm"]
