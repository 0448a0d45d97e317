"""What Langfuse's `usageDetails` mean.

Its keys add up: `input` is without the cached tokens, which have keys of their own (`packages/
shared`, and the SDKs subtract). But what came by OpenTelemetry from OpenInference kept its names,
`prompt_details.*` and `completion_details.*`, and there `input` contains them.
"""

from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.dialects.attributes import count_of
from secondtake.backend.dialects.counts import cached_included
from secondtake.runner.calls import Tokens

_INCLUDED: Final = ("prompt_details.", "completion_details.")
_BUCKETS: Final[Mapping[str, tuple[str, ...]]] = {
    "uncached_input_tokens": ("input",),
    "cache_read_tokens": (
        "input_cache_read", "input_cached_tokens", "cache_read_input_tokens",
        "input_cache_read_tokens",
    ),
    "cache_write_5m_tokens": (
        "input_cache_creation", "cache_creation_input_tokens", "input_cache_creation_tokens",
        "input_cache_creation_5m",
    ),
    "cache_write_1h_tokens": ("input_cache_creation_1h",),
    "audio_input_tokens": ("input_audio", "input_audio_tokens"),
    "image_input_tokens": ("input_image", "input_image_tokens"),
    "text_output_tokens": ("output",),
    "reasoning_output_tokens": ("output_reasoning", "output_reasoning_tokens"),
    "audio_output_tokens": ("output_audio", "output_audio_tokens"),
}  # fmt: skip
_OUTPUT: Final = ("text_output_tokens", "reasoning_output_tokens", "audio_output_tokens")


def usage_tokens(usage: Mapping[str, Any]) -> Tokens:
    """Return the exclusive buckets of usage details; all None where they say nothing."""
    if any(key.startswith(_INCLUDED) for key in usage):
        return _included(usage)
    found = {bucket: _first(usage, names) for bucket, names in _BUCKETS.items()}
    total = count_of(usage.get("total"))
    output = [found[name] for name in _OUTPUT]
    given = [count for name, count in found.items() if name not in _OUTPUT]
    if found["uncached_input_tokens"] is None and found["text_output_tokens"] is None:
        return Tokens()
    sums = {
        "input_tokens": None if found["uncached_input_tokens"] is None else _sum(given),
        "output_tokens": None if found["text_output_tokens"] is None else _sum(output),
    }
    parts = _sum([*given, *output])
    contradicts = total is not None and None not in sums.values() and parts != total
    note = f"total is {total}, its parts are {parts}" if contradicts else None
    return Tokens(**found, **sums, convention="cached_excluded", note=note)


def _included(usage: Mapping[str, Any]) -> Tokens:
    prompt, completion = _INCLUDED
    return cached_included(
        input_tokens=count_of(usage.get("input")),
        output_tokens=count_of(usage.get("output")),
        cache_read=_first(usage, (f"{prompt}cache_read", f"{prompt}cache_input")),
        cache_write=count_of(usage.get(f"{prompt}cache_write")),
        audio_input=count_of(usage.get(f"{prompt}audio")),
        reasoning=count_of(usage.get(f"{completion}reasoning")),
        audio_output=count_of(usage.get(f"{completion}audio")),
        total=count_of(usage.get("total")),
    )


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((count for name in names if (count := count_of(usage.get(name))) is not None), None)


def _sum(counts: list[int | None]) -> int:
    return sum(count for count in counts if count is not None)
