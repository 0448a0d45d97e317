"""Token counts of the dialects whose input count contains the cached tokens."""

from typing import Any

from secondtake.runner.calls import Tokens
from secondtake.runner.providers.usage import openai_chat_tokens


def cached_included(
    *,
    input_tokens: int | None,
    output_tokens: int | None,
    cache_read: int | None = None,
    cache_write: int | None = None,
    audio_input: int | None = None,
    image_input: int | None = None,
    reasoning: int | None = None,
    audio_output: int | None = None,
    total: int | None = None,
) -> Tokens:
    """Return the exclusive buckets of counts that contain each other as OpenAI's do.

    A cache write whose lifetime is not said is one of 5 minutes, the default of those who bill it.
    Counts that contradict each other are noted, and what they would give stays None.
    """
    if input_tokens is None and output_tokens is None:
        return Tokens()
    usage: dict[str, Any] = {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": total,
        "prompt_tokens_details": {
            "cached_tokens": cache_read,
            "cache_write_tokens": cache_write,
            "audio_tokens": audio_input,
            "image_tokens": image_input,
        },
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": audio_output},
    }
    return openai_chat_tokens(usage)
