"""Usage objects of recorded answers, in the words of the dialect that asks again.

As recorded where the answer came in the same dialect; else made of the token counts, e.g. when a
replay asked another provider.
"""

from typing import Any

from secondtake.runner.calls import LlmResponse
from secondtake.runner.wrap.fields import Json


def chat_usage(response: LlmResponse) -> Json | None:
    """Return the usage as Chat Completions words it; None when nothing is known."""
    if _is_in(response, "prompt_tokens"):
        return response.usage
    tokens = response.tokens
    if tokens.input_tokens is None and tokens.output_tokens is None:
        return None
    return {
        "prompt_tokens": tokens.input_tokens or 0,
        "completion_tokens": tokens.output_tokens or 0,
        "total_tokens": (tokens.input_tokens or 0) + (tokens.output_tokens or 0),
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read_tokens or 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning_output_tokens or 0},
    }


def responses_usage(response: LlmResponse) -> Json | None:
    """Return the usage as the Responses API words it; None when nothing is known."""
    if _is_in(response, "input_tokens") and response.tokens.convention == "cached_included":
        return response.usage
    tokens = response.tokens
    if tokens.input_tokens is None and tokens.output_tokens is None:
        return None
    return {
        "input_tokens": tokens.input_tokens or 0,
        "input_tokens_details": {"cached_tokens": tokens.cache_read_tokens or 0},
        "output_tokens": tokens.output_tokens or 0,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning_output_tokens or 0},
        "total_tokens": (tokens.input_tokens or 0) + (tokens.output_tokens or 0),
    }


def anthropic_usage(response: LlmResponse) -> dict[str, Any]:
    """Return the usage as the Messages API words it; its counts are required there."""
    if _is_in(response, "input_tokens") and response.tokens.convention == "cached_excluded":
        return dict(response.usage or {})
    tokens = response.tokens
    cached = (tokens.cache_read_tokens or 0) + (tokens.cache_write_5m_tokens or 0)
    return {
        "input_tokens": max((tokens.input_tokens or 0) - cached, 0),
        "cache_creation_input_tokens": tokens.cache_write_5m_tokens or 0,
        "cache_read_input_tokens": tokens.cache_read_tokens or 0,
        "output_tokens": tokens.output_tokens or 0,
    }


def _is_in(response: LlmResponse, name: str) -> bool:
    return response.usage is not None and name in response.usage
