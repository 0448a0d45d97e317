"""Reads the spans of the Vercel AI SDK, `ai.*`.

`ai.generateText` and its like hold one `ai.generateText.doGenerate` for each request to a model:
the inner one is the call, the outer one a step, although it repeats the counts of the calls.

Up to version 5 of the SDK the counts are the provider's own: without the cached tokens for
Anthropic and Bedrock, with them for all others. From version 6 on they contain them for all (`ai`,
`LanguageModelUsage`). The version is said by the user agent. Where Anthropic's own usage stands in
`ai.response.providerMetadata`, it is what counts.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.dialects.attributes import Attributes, count_of, text_of
from secondtake.backend.dialects.conversations import conversation_of
from secondtake.backend.dialects.counts import cached_included
from secondtake.backend.dialects.failures import failure_of
from secondtake.backend.dialects.genai import reasons_of
from secondtake.backend.dialects.messages import calls_of
from secondtake.backend.dialects.parameters import take_parameters
from secondtake.backend.dialects.parts import as_text
from secondtake.backend.dialects.shapes import Kind, Message, RawSpan, ReadSpan
from secondtake.backend.dialects.tools import chat_tools
from secondtake.runner.calls import Tokens
from secondtake.runner.providers.usage import anthropic_tokens
from secondtake.runner.wrap.fields import Json, mapping

_KINDS: Final[Mapping[str, Kind]] = {
    "doGenerate": "llm",
    "doStream": "llm",
    "doEmbed": "embedding",
    "toolCall": "tool",
}
_UNIFIED: Final = 6
"""The version of the SDK from which on counts mean the same for all providers."""
_EXCLUDING: Final = ("anthropic", "amazon-bedrock", "bedrock")
_AGENT: Final = re.compile(r"\bai/(\d{1,4})\.")


def speaks(attributes: Attributes) -> bool:
    """Tell whether a span is in this dialect."""
    return attributes.has("ai.operationId", "ai.model.", "ai.prompt", "ai.toolCall.")


def read(raw: RawSpan, attributes: Attributes) -> ReadSpan:
    """Return what a span says; the attributes that it is said by are taken."""
    operation = attributes.text("ai.operationId") or raw.name
    last = operation.rpartition(".")[2]
    kind: Kind = _KINDS.get(last, "chain")
    tool = attributes.text("ai.toolCall.name")
    metadata = mapping(attributes.json("ai.response.providerMetadata"))
    provider = attributes.text("ai.model.provider", "gen_ai.system")
    asked = attributes.text("ai.model.id", "gen_ai.request.model")
    attributes.drop("gen_ai.system", "gen_ai.request.model", "gen_ai.response.model")
    fields: dict[str, Any] = {}
    if kind == "llm":
        fields = {
            "sent": conversation_of(attributes.json("ai.prompt.messages", "ai.prompt")),
            "answers": _answers(attributes),
        }
    elif kind != "embedding":
        fields = {
            "input": attributes.json("ai.toolCall.args", "ai.prompt", "ai.value", "ai.values"),
            "output": attributes.json(
                "ai.toolCall.result", "ai.response.text", "ai.response.object",
                "ai.response.toolCalls",
            ),
        }  # fmt: skip
    reasons = attributes.json("gen_ai.response.finish_reasons")
    ended = attributes.text("ai.response.finishReason")
    return ReadSpan(
        raw=raw,
        dialect="vercel",
        kind=kind,
        name=tool or operation,
        provider=provider,
        model=asked,
        served_model=attributes.text("ai.response.model"),
        tools=chat_tools(attributes.raw("ai.prompt.tools")),
        parameters=take_parameters(attributes, "ai.settings.", "gen_ai.request.", "ai.prompt."),
        finish_reasons=reasons_of(ended) or reasons_of(reasons),
        response_id=attributes.text("ai.response.id", "gen_ai.response.id"),
        service_tier=_service_tier(metadata),
        stream={"doStream": True, "doGenerate": False}.get(last),
        time_to_first_token_ms=_first_chunk_ms(attributes),
        tool=tool,
        tool_call_id=attributes.text("ai.toolCall.id"),
        session_id=attributes.text("ai.telemetry.metadata.sessionId"),
        user_id=attributes.text("ai.telemetry.metadata.userId"),
        usage=attributes.peek("ai.usage.") or None,
        tokens=_tokens(attributes, provider, metadata),
        **fields,
        **failure_of(raw, attributes),
    )


def _answers(attributes: Attributes) -> list[Message]:
    text = attributes.text("ai.response.text", "ai.result.text")
    made = attributes.raw("ai.response.object", "ai.result.object")
    calls = calls_of(attributes.json("ai.response.toolCalls", "ai.result.toolCalls"))
    reasoning = attributes.text("ai.response.reasoning")
    if text is None and made is not None:
        text = as_text(made)
    if text is None and not calls and reasoning is None:
        return []
    message: Message = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = calls
    if reasoning is not None:
        message["reasoning_content"] = reasoning
    return [message]


def _first_chunk_ms(attributes: Attributes) -> float | None:
    found = attributes.number("ai.response.msToFirstChunk")
    return found if found is None or found >= 0 else None


def _service_tier(metadata: Json) -> str | None:
    tiers = [text_of(mapping(said).get("serviceTier")) for said in metadata.values()]
    return next((tier for tier in tiers if tier is not None), None)


def _tokens(attributes: Attributes, provider: str | None, metadata: Json) -> Tokens:
    count, prefix = attributes.count, "ai.usage."
    details = f"{prefix}inputTokenDetails."
    given = count(f"{prefix}inputTokens", f"{prefix}promptTokens", f"{prefix}tokens",
                  "gen_ai.usage.input_tokens")  # fmt: skip
    made = count(f"{prefix}outputTokens", f"{prefix}completionTokens",
                 "gen_ai.usage.output_tokens")  # fmt: skip
    read_ = count(f"{details}cacheReadTokens", f"{prefix}cachedInputTokens")
    written = count(f"{details}cacheWriteTokens")
    reasoning = count(f"{prefix}outputTokenDetails.reasoningTokens", f"{prefix}reasoningTokens")
    total = count(f"{prefix}totalTokens")
    attributes.drop("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
    native = mapping(metadata.get("anthropic"))
    own = mapping(native.get("usage"))
    if "input_tokens" in own:
        return anthropic_tokens(own)
    if (provider or "").startswith(_EXCLUDING) and _version(attributes) < _UNIFIED:
        if written is None:
            written = count_of(native.get("cacheCreationInputTokens"))
        usage = {
            "input_tokens": given,
            "output_tokens": made,
            "cache_read_input_tokens": read_,
            "cache_creation_input_tokens": written,
        }
        return anthropic_tokens(usage)
    return cached_included(
        input_tokens=given,
        output_tokens=made,
        cache_read=read_,
        cache_write=written,
        reasoning=reasoning,
        total=total,
    )


def _version(attributes: Attributes) -> int:
    """Return the SDK's major version; details of the input count tell the first unified one."""
    if attributes.has("ai.usage.inputTokenDetails."):
        return _UNIFIED
    agent = attributes.text("ai.request.headers.user-agent")
    found = _AGENT.search(agent or "")
    return int(found[1]) if found else 0
