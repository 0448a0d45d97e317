"""Recorded usage objects as the token columns of an LLM call."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from secondtake.runner.event_scalars import INT64_MAX
from secondtake.runner.narrow import is_object
from secondtake.runner.providers.usage import openai_chat_tokens, openai_responses_tokens


def openai_usage_columns(usage: Any) -> dict[str, Any]:
    """Return the columns that a usage object of OpenAI's APIs fills; none when it is no object.

    The object itself is kept as it is; a count that no column can hold is unknown.
    """
    if not is_object(usage):
        return {}
    reader = openai_chat_tokens if "prompt_tokens" in usage else openai_responses_tokens
    tokens = asdict(reader(_without_giants(usage)))
    note, convention = tokens.pop("note"), tokens.pop("convention")
    return {"usage": usage, "usage_note": note, "usage_convention": convention, **tokens}


def _without_giants(usage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_giants(value) if is_object(value) else value
        for name, value in usage.items()
        if not (isinstance(value, int) and value > INT64_MAX)
    }
