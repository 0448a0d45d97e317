"""Token counts that LangChain hands on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from langchain_core.messages import AIMessage

from secondtake.runner.calls import Tokens
from secondtake.runner.narrow import is_object
from secondtake.runner.providers.usage import anthropic_tokens, openai_chat_tokens

Usage = Mapping[str, Any]

RAW: Final = ("token_usage", "usage")
"""Under which names LangChain's packages keep the provider's own usage object."""


def usage_of(message: AIMessage, llm_output: Usage) -> tuple[Usage | None, Tokens]:
    """Return the usage of an answer and its buckets: the provider's own, else LangChain's."""
    for place in (message.response_metadata, llm_output):
        for name in RAW:
            raw = place.get(name)
            if is_object(raw) and "prompt_tokens" in raw:
                return raw, openai_chat_tokens(raw)
            if is_object(raw) and "cache_read_input_tokens" in raw:
                return raw, anthropic_tokens(raw)
    if message.usage_metadata is None:
        return None, Tokens()
    counted = dict(message.usage_metadata)
    return counted, langchain_tokens(counted)


def langchain_tokens(usage: Usage) -> Tokens:
    """Read LangChain's `UsageMetadata`, whose totals contain their details.

    `cache_creation` is split by lifetime in `ephemeral_5m_input_tokens` and
    `ephemeral_1h_input_tokens` where the provider does; it is all of 5 minutes where it does not.
    """
    given, made = _details(usage, "input_token_details"), _details(usage, "output_token_details")
    written_5m = given.get("ephemeral_5m_input_tokens")
    written_1h = given.get("ephemeral_1h_input_tokens")
    if written_5m is None and written_1h is None:
        written_5m = given.get("cache_creation")
    written = None
    if written_5m is not None or written_1h is not None:
        written = (written_5m or 0) + (written_1h or 0)
    in_openai_form = {
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "prompt_tokens_details": {
            "cached_tokens": given.get("cache_read"),
            "cache_write_tokens": written,
            "audio_tokens": given.get("audio"),
        },
        "completion_tokens_details": {
            "reasoning_tokens": made.get("reasoning"),
            "audio_tokens": made.get("audio"),
        },
    }
    tokens = openai_chat_tokens(in_openai_form)
    return replace(tokens, cache_write_5m_tokens=written_5m, cache_write_1h_tokens=written_1h)


def _details(usage: Usage, name: str) -> Usage:
    value = usage.get(name)
    return value if is_object(value) else {}
