"""What a provider's usage object means, as exclusive token buckets.

Providers count differently: OpenAI's `prompt_tokens` contains the cached tokens, Anthropic's
`input_tokens` does not. Each reader here declares its convention. A count that the provider did
not report stays None; a bucket is a reported total minus the reported parts of it, never more.
Where the reported counts contradict each other the totals are kept as they are, the buckets that
cannot be true stay None, and `note` says what contradicts what.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from secondtake.runner.calls import Tokens

Usage = Mapping[str, Any]


def openai_chat_tokens(usage: Usage) -> Tokens:
    """Read the usage of OpenAI's Chat Completions API.

    `prompt_tokens` contains `prompt_tokens_details.{cached,cache_write,audio,image}_tokens`;
    `completion_tokens` contains `completion_tokens_details.{reasoning,audio}_tokens`.
    """
    return _included(
        usage,
        total_input="prompt_tokens",
        total_output="completion_tokens",
        input_details=_details(usage, "prompt_tokens_details"),
        output_details=_details(usage, "completion_tokens_details"),
    )


def openai_responses_tokens(usage: Usage) -> Tokens:
    """Read the usage of OpenAI's Responses API: other names, the same convention."""
    return _included(
        usage,
        total_input="input_tokens",
        total_output="output_tokens",
        input_details=_details(usage, "input_tokens_details"),
        output_details=_details(usage, "output_tokens_details"),
    )


def anthropic_tokens(usage: Usage) -> Tokens:
    """Read the usage of Anthropic's Messages API.

    `input_tokens` excludes `cache_read_input_tokens` and `cache_creation_input_tokens`; the
    latter is split by lifetime in `cache_creation`, and is all of 5 minutes where it is not.
    `output_tokens` contains thinking, which Anthropic does not count apart: it stays in
    `text_output`.
    """
    uncached = _count(usage, "input_tokens")
    cache_read = _count(usage, "cache_read_input_tokens")
    cache_write = _count(usage, "cache_creation_input_tokens")
    split = _details(usage, "cache_creation")
    write_5m = _count(split, "ephemeral_5m_input_tokens")
    write_1h = _count(split, "ephemeral_1h_input_tokens")
    notes: list[str] = []
    if write_5m is None and write_1h is None:
        write_5m = cache_write
    elif cache_write is not None and (write_5m or 0) + (write_1h or 0) != cache_write:
        notes.append(
            f"cache_creation_input_tokens is {cache_write}, "
            f"its parts are {write_5m or 0} and {write_1h or 0}"
        )
        write_5m = write_1h = None
    parts = (uncached, cache_read, cache_write)
    known = [part for part in parts if part is not None]
    output = _count(usage, "output_tokens")
    return Tokens(
        input_tokens=sum(known) if uncached is not None else None,
        output_tokens=output,
        uncached_input_tokens=uncached,
        cache_read_tokens=cache_read,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
        text_output_tokens=output,
        convention="cached_excluded",
        note="; ".join(notes) or None,
    )


READERS: Final[Mapping[str, Callable[[Usage], Tokens]]] = {
    "anthropic": anthropic_tokens,
    "azure": openai_chat_tokens,
    "openai": openai_chat_tokens,
    "scripted": openai_chat_tokens,
    "sim": openai_chat_tokens,
}
"""The reader of each provider whose convention is known, by LiteLLM's name of the provider."""


def read_usage(usage: Usage | None, *, provider: str | None) -> Tokens:
    """Return the buckets of a provider's usage object.

    No usage: all None. A provider whose convention is not known: all None too, because even the
    names of its totals are not known; see `total_tokens`.
    """
    reader = READERS.get(provider or "")
    if usage is None or reader is None:
        return Tokens()
    if reader is openai_chat_tokens and "input_tokens" in usage and "prompt_tokens" not in usage:
        reader = openai_responses_tokens
    return reader(usage)


def total_tokens(usage: Usage | None) -> Tokens:
    """Return the two totals of LiteLLM's own usage object, which has OpenAI's names."""
    if usage is None:
        return Tokens()
    return Tokens(
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
    )


def _included(
    usage: Usage,
    *,
    total_input: str,
    total_output: str,
    input_details: Usage,
    output_details: Usage,
) -> Tokens:
    notes: list[str] = []
    prompt, completion = _count(usage, total_input), _count(usage, total_output)
    cached = _count(input_details, "cached_tokens")
    written = _count(input_details, "cache_write_tokens")
    audio_in = _count(input_details, "audio_tokens")
    image_in = _count(input_details, "image_tokens")
    if cached and (audio_in or image_in):
        # Cached tokens may be audio or image tokens too; the parts then overlap unseen.
        notes.append("cached tokens may overlap audio or image tokens")
        uncached = None
    else:
        uncached = _rest(prompt, (cached, written, audio_in, image_in), total_input, notes)
    reasoning = _count(output_details, "reasoning_tokens")
    audio_out = _count(output_details, "audio_tokens")
    text_out = _rest(completion, (reasoning, audio_out), total_output, notes)
    total = _count(usage, "total_tokens")
    if None not in (total, prompt, completion) and total != cast(int, prompt) + cast(
        int, completion
    ):
        notes.append(f"total_tokens is {total}, its parts are {prompt} and {completion}")
    return Tokens(
        input_tokens=prompt,
        output_tokens=completion,
        uncached_input_tokens=uncached,
        cache_read_tokens=cached,
        cache_write_5m_tokens=written,
        audio_input_tokens=audio_in,
        image_input_tokens=image_in,
        text_output_tokens=text_out,
        reasoning_output_tokens=reasoning,
        audio_output_tokens=audio_out,
        convention="cached_included",
        note="; ".join(notes) or None,
    )


def _rest(
    total: int | None, parts: tuple[int | None, ...], name: str, notes: list[str]
) -> int | None:
    """Return what of a reported total its reported parts leave."""
    if total is None:
        return None
    used = sum(part for part in parts if part is not None)
    if used > total:
        notes.append(f"{name} is {total}, its parts are {used}")
        return None
    return total - used


def _details(usage: Usage, name: str) -> Usage:
    value = usage.get(name)
    return cast(Usage, value) if isinstance(value, Mapping) else {}


def _count(usage: Usage, name: str) -> int | None:
    """Return a count; None for anything that is not a whole number of at least 0."""
    value = usage.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value
