"""The LLM call of a result of promptfoo; what its figures mean is told in `promptfoo`."""

import json
from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.importers.conversations import problem_of_messages
from secondtake.backend.importers.scalars import amount_of, count_of, text_of
from secondtake.runner.narrow import is_list, is_object

_KINDS: Final = frozenset(
    {"chat", "completion", "messages", "responses", "assistant", "realtime", "embedding"}
)
"""What may stand between vendor and model in a provider's id."""
_VENDORS: Final = frozenset(
    {
        "ai21", "anthropic", "azure", "azureopenai", "bedrock", "cerebras", "cohere", "databricks",
        "deepseek", "fireworks", "google", "groq", "huggingface", "litellm", "mistral", "ollama",
        "openai", "openrouter", "perplexity", "replicate", "togetherai", "vertex", "xai",
    }
)  # fmt: skip
"""Those of promptfoo's providers whose id ends in a model."""
_CACHED_INCLUDED: Final = frozenset({"openai", "azure", "azureopenai"})


def provider_and_model(provider_id: str | None) -> tuple[str | None, str | None]:
    """Return vendor and model of a provider's id, as `openai:chat:gpt-4o`; None for unknown."""
    if provider_id is None:
        return None, None
    vendor, _, rest = provider_id.partition(":")
    if vendor not in _VENDORS:
        return None, None
    kind, colon, model = rest.partition(":")
    return vendor, (model if colon and kind in _KINDS else rest) or None


def sent_messages(prompt: Any) -> list[Mapping[str, Any]]:
    """Return what was sent: a rendered prompt is a text, or chat messages written as JSON."""
    raw = prompt.get("raw") if is_object(prompt) else prompt
    value: Any = raw
    if isinstance(raw, str) and raw.lstrip().startswith("["):
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            value = raw
    if is_list(value) and value and problem_of_messages(value) is None:
        return list(value)
    if raw is None:
        return []
    return [{"role": "user", "content": raw if isinstance(raw, str) else json.dumps(raw)}]


def answer_of(response: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the assistant message; a provider that was asked for tools gives a list of calls."""
    output = response.get("output")
    if output is None:
        return None
    if isinstance(output, str):
        return {"role": "assistant", "content": output}
    if is_list(output) and output:
        asking = {"role": "assistant", "content": None, "tool_calls": output}
        if problem_of_messages([asking]) is None:
            return asking
    return {"role": "assistant", "content": json.dumps(output, ensure_ascii=False)}


def call_columns(result: Mapping[str, Any], *, provider: str | None) -> dict[str, Any]:
    """Return tokens, cost and the like as columns of the call."""
    response: Mapping[str, Any] = result.get("response") or {}
    is_cached = response.get("cached") is True
    columns: dict[str, Any] = {
        "finish_reason": text_of(response.get("finishReason")),
        "served_from": "cache" if is_cached else "live",
    }
    cost_usd = amount_of(response.get("cost"))
    if cost_usd is None:
        cost_usd = amount_of(result.get("cost")) or None
    if cost_usd is not None:
        columns |= {"cost_usd": cost_usd, "cost_basis": "recorded"}
    usage = response.get("tokenUsage")
    if is_object(usage):
        columns["usage"] = usage
        columns |= {} if is_cached else _token_columns(usage, provider=provider)
    return columns


def _token_columns(usage: Mapping[str, Any], *, provider: str | None) -> dict[str, Any]:
    prompt, completion = count_of(usage.get("prompt")) or None, count_of(usage.get("completion"))
    if completion == 0 and (prompt is None or usage.get("total") != prompt):
        completion = None
    details: Any = usage.get("completionDetails")
    details = details if is_object(details) else {}
    read = count_of(details.get("cacheReadInputTokens"))
    written = count_of(details.get("cacheCreationInputTokens"))
    reasoning = count_of(details.get("reasoning"))
    is_included = prompt is not None and (read is not None or provider in _CACHED_INCLUDED)
    return {
        "input_tokens": prompt,
        "output_tokens": completion,
        "usage_convention": "cached_included" if is_included else None,
        "cache_read_tokens": read,
        "cache_write_5m_tokens": written,
        # Only where the parts were reported: a cache that is not mentioned may have been used.
        "uncached_input_tokens": None if read is None else _rest(prompt, read + (written or 0)),
        "reasoning_output_tokens": reasoning,
        "text_output_tokens": None if reasoning is None else _rest(completion, reasoning),
    }


def _rest(total: int | None, part: int) -> int | None:
    return total - part if total is not None and part <= total else None
