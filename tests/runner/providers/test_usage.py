"""What usage objects mean, for the conventions that we know."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secondtake.runner.calls import Tokens
from secondtake.runner.providers.usage import (
    anthropic_tokens,
    openai_chat_tokens,
    openai_responses_tokens,
    read_usage,
    total_tokens,
)

BUCKETS = [name for name in Tokens.__dataclass_fields__ if name.endswith("_tokens")][2:]


def known(tokens: Tokens) -> dict[str, int]:
    """Return the counts that are known, without the totals."""
    return {name: count for name in BUCKETS if (count := getattr(tokens, name)) is not None}


def test_openai_counts_cached_tokens_in_its_prompt_tokens() -> None:
    tokens = openai_chat_tokens(
        {
            "prompt_tokens": 1370,
            "completion_tokens": 155,
            "total_tokens": 1525,
            "prompt_tokens_details": {"cached_tokens": 1280, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 128, "audio_tokens": 0},
        }
    )
    assert (tokens.input_tokens, tokens.output_tokens) == (1370, 155)
    assert known(tokens) == {
        "uncached_input_tokens": 90,
        "cache_read_tokens": 1280,
        "audio_input_tokens": 0,
        "text_output_tokens": 27,
        "reasoning_output_tokens": 128,
        "audio_output_tokens": 0,
    }
    assert (tokens.convention, tokens.note) == ("cached_included", None)


def test_what_openai_does_not_report_stays_unknown() -> None:
    tokens = openai_chat_tokens({"prompt_tokens": 82, "completion_tokens": 16})
    assert known(tokens) == {"uncached_input_tokens": 82, "text_output_tokens": 16}


def test_audio_and_text_of_an_answer_are_apart() -> None:
    tokens = openai_chat_tokens(
        {
            "prompt_tokens": 100,
            "completion_tokens": 300,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 60},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 250},
        }
    )
    assert (tokens.uncached_input_tokens, tokens.audio_input_tokens) == (40, 60)
    assert (tokens.text_output_tokens, tokens.audio_output_tokens) == (50, 250)


def test_cached_audio_makes_the_uncached_part_unknown() -> None:
    tokens = openai_chat_tokens(
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 50, "audio_tokens": 60},
        }
    )
    assert tokens.uncached_input_tokens is None
    assert tokens.note == "cached tokens may overlap audio or image tokens"


def test_cache_writes_of_openai_are_part_of_its_prompt_tokens() -> None:
    tokens = openai_chat_tokens(
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 50},
        }
    )
    assert known(tokens) == {
        "uncached_input_tokens": 20,
        "cache_read_tokens": 30,
        "cache_write_5m_tokens": 50,
        "text_output_tokens": 1,
    }


def test_contradicting_counts_are_both_kept_and_named() -> None:
    tokens = openai_chat_tokens(
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 11},
        }
    )
    assert (tokens.input_tokens, tokens.cache_read_tokens) == (10, 11)
    assert tokens.uncached_input_tokens is None
    assert tokens.note == (
        "prompt_tokens is 10, its parts are 11; total_tokens is 14, its parts are 10 and 5"
    )


def test_output_is_never_the_total_minus_the_prompt() -> None:
    tokens = openai_chat_tokens({"prompt_tokens": 10, "total_tokens": 25})
    assert tokens.output_tokens is None
    assert tokens.text_output_tokens is None


def test_the_responses_api_has_other_names_for_the_same() -> None:
    usage = {
        "input_tokens": 2087,
        "output_tokens": 124,
        "total_tokens": 2211,
        "input_tokens_details": {"cached_tokens": 2048},
        "output_tokens_details": {"reasoning_tokens": 24},
    }
    expected = {
        "uncached_input_tokens": 39,
        "cache_read_tokens": 2048,
        "text_output_tokens": 100,
        "reasoning_output_tokens": 24,
    }
    assert known(openai_responses_tokens(usage)) == expected
    assert known(read_usage(usage, provider="openai")) == expected


def test_anthropic_does_not_count_cached_tokens_in_its_input_tokens() -> None:
    tokens = anthropic_tokens(
        {
            "input_tokens": 3,
            "output_tokens": 33,
            "cache_read_input_tokens": 1111,
            "cache_creation_input_tokens": 418,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 400,
                "ephemeral_1h_input_tokens": 18,
            },
        }
    )
    assert (tokens.input_tokens, tokens.output_tokens) == (1532, 33)
    assert known(tokens) == {
        "uncached_input_tokens": 3,
        "cache_read_tokens": 1111,
        "cache_write_5m_tokens": 400,
        "cache_write_1h_tokens": 18,
        "text_output_tokens": 33,
    }
    assert tokens.convention == "cached_excluded"


def test_anthropic_without_a_split_wrote_for_five_minutes() -> None:
    tokens = anthropic_tokens(
        {"input_tokens": 4, "output_tokens": 201, "cache_creation_input_tokens": 1165}
    )
    assert (tokens.cache_write_5m_tokens, tokens.cache_write_1h_tokens) == (1165, None)
    assert tokens.input_tokens == 1169


def test_a_split_that_does_not_add_up_leaves_the_parts_unknown() -> None:
    tokens = anthropic_tokens(
        {
            "input_tokens": 4,
            "output_tokens": 1,
            "cache_creation_input_tokens": 100,
            "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 60},
        }
    )
    assert tokens.input_tokens == 104
    assert tokens.cache_write_5m_tokens is None
    assert tokens.note == "cache_creation_input_tokens is 100, its parts are 60 and 60"


@pytest.mark.parametrize("usage", [None, {}])
def test_no_usage_is_all_unknown(usage: dict[str, Any] | None) -> None:
    for provider in ("openai", "anthropic", "mistral", None):
        assert known(read_usage(usage, provider=provider)) == {}
        assert read_usage(usage, provider=provider).input_tokens is None


def test_an_unknown_provider_has_no_buckets() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    assert read_usage(usage, provider="mistral") == Tokens()
    assert total_tokens(usage) == Tokens(input_tokens=10, output_tokens=5)


@pytest.mark.parametrize("count", [-1, 1.5, "10", True, None])
def test_what_is_no_count_is_unknown(count: object) -> None:
    tokens = openai_chat_tokens({"prompt_tokens": count, "completion_tokens": 5})
    assert tokens.input_tokens is None
    assert tokens.uncached_input_tokens is None
    assert tokens.output_tokens == 5


def test_openai_and_anthropic_usages_of_others_normalise_to_the_same(shared_data: Path) -> None:
    """genai-prices' own extraction of the same objects, for the counts that both know."""
    path = shared_data / "costs" / "genai-prices" / "usages_every12th.json"
    compared = 0
    for entry in json.loads(path.read_text(encoding="utf-8")):
        usage = entry["body"].get("usage") or {}
        for flavours, theirs in _extractions(entry):
            reader = next((read for name, read in READERS.items() if name in flavours), None)
            if reader is None:
                continue
            ours = reader(usage)
            compared += 1
            assert ours.input_tokens == theirs.get("input_tokens"), entry
            assert ours.output_tokens == theirs.get("output_tokens"), entry
            assert (ours.cache_read_tokens or 0) == theirs.get("cache_read_tokens", 0), entry
    assert compared > 20


READERS = {
    ("anthropic", "default"): anthropic_tokens,
    ("openai", "chat"): openai_chat_tokens,
    ("openai", "responses"): openai_responses_tokens,
}


def _extractions(entry: dict[str, Any]) -> Iterator[tuple[set[tuple[str, str]], dict[str, int]]]:
    """Yield who reads the usage of an entry in which way, and what comes out."""
    groups = [
        (
            {(item["provider_id"], item["api_flavor"]) for item in found["extractors"]},
            found["usage"],
        )
        for found in entry["extracted"]
    ]
    if any(("anthropic", "default") in flavours for flavours, _ in groups):
        # Anthropic's objects can be read as OpenAI's too, with a wrong total.
        groups = [group for group in groups if ("anthropic", "default") in group[0]]
    yield from groups
