"""Costs, against figures worked out by hand and against laws that hold for any figures."""

import decimal
import os
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondtake.runner.calls import Tokens
from secondtake.runner.pricing import (
    BUCKETS,
    INPUT_COUNT,
    Priced,
    PriceSnapshot,
    load_snapshot,
    price,
    round_half_even,
)


def model(rates: dict[str, str], provider: str | None = "openai", **more: Any) -> dict[str, Any]:
    """Return the entry of a model without tiers; rates in USD per million tokens."""
    tiers = {"standard": [[0, rates]], **more.pop("tiers", {})}
    return {"provider": provider, "usd_per_million": tiers, **more}


FLAT = {"uncached_input": "2.5", "cache_read": "1.25", "text_output": "10"}
ENTRIES: dict[str, Any] = {
    "gpt-4o": model(FLAT),
    "gpt-4o-2024-08-06": model(
        {"uncached_input": "2.5", "cache_read": "1.25", "text_output": "10"}
    ),
    "gpt-x": model(
        FLAT,
        tiers={
            "standard": [[0, FLAT], [272000, {"uncached_input": "5", "text_output": "15"}]],
            "flex": [[0, {"uncached_input": "1.25", "text_output": "5"}]],
            "batches": [[0, {"uncached_input": "1", "text_output": "4"}]],
        },
    ),
    "xai/grok": model(
        FLAT,
        "xai",
        inclusive=True,
        tiers={"standard": [[0, FLAT], [128000, {"uncached_input": "6", "text_output": "30"}]]},
    ),
    "claude": model(
        {
            "uncached_input": "3",
            "cache_read": "0.3",
            "cache_write_5m": "3.75",
            "cache_write_1h": "6",
            "text_output": "15",
        },
        "anthropic",
    ),
    "o-think": model({"uncached_input": "1", "text_output": "4", "reasoning_output": "8"}),
    "night": model(
        FLAT,
        "deepseek",
        off_peak={
            "windows": [{"hours_utc": ["16:30-00:30"], "weekdays": [1, 2, 3, 4, 5]}],
            "usd_per_million": {"uncached_input": "1"},
        },
    ),
    "azure/mine": model({"uncached_input": "7", "text_output": "7"}, None, source="user"),
    "azure/gpt-4o": model(FLAT, "azure"),
}
SNAPSHOT = PriceSnapshot({"id": "abc", "sources": [], "models": ENTRIES})


def tokens(**buckets: int) -> Tokens:
    """Return buckets and the totals that they add up to."""
    counts: dict[str, Any] = {f"{name}_tokens": count for name, count in buckets.items()}
    return Tokens(
        input_tokens=sum(buckets.get(bucket, 0) for bucket in BUCKETS[:INPUT_COUNT]),
        output_tokens=sum(buckets.get(bucket, 0) for bucket in BUCKETS[INPUT_COUNT:]),
        **counts,
    )


def cost(counts: Tokens, name: str, **options: Any) -> Priced:
    defaults: dict[str, Any] = {"served_model": None, "provider": None, "service_tier": None}
    return price(counts, model=name, snapshot=SNAPSHOT, **{**defaults, **options})


def test_each_bucket_has_its_own_rate() -> None:
    # 90 x 2.5 + 1280 x 1.25 + 155 x 10 = 225 + 1600 + 1550 = 3375 millionths
    priced = cost(tokens(uncached_input=90, cache_read=1280, text_output=155), "openai/gpt-4o")
    assert priced == Priced(
        cost_usd=Decimal("0.003375000"),
        basis="price_book",
        details={
            "uncached_input": [90, "0.0000025", "0.000225000"],
            "cache_read": [1280, "0.00000125", "0.001600000"],
            "text_output": [155, "0.00001", "0.001550000"],
        },
        snapshot_id="abc",
        price_key="gpt-4o",
    )


def test_cache_writes_of_both_lifetimes_are_priced_apart() -> None:
    # 3 x 3 + 1111 x 0.3 + 400 x 3.75 + 18 x 6 + 33 x 15 = 9 + 333.3 + 1500 + 108 + 495
    counts = tokens(
        uncached_input=3, cache_read=1111, cache_write_5m=400, cache_write_1h=18, text_output=33
    )
    assert cost(counts, "anthropic/claude").cost_usd == Decimal("0.002445300")


def test_amounts_are_rounded_half_even_before_they_are_added() -> None:
    half = {"uncached_input": "0.0005", "cache_read": "0.0005", "text_output": "0.0015"}
    snapshot = PriceSnapshot({"id": "x", "sources": [], "models": {"m": model(half)}})
    counts = tokens(uncached_input=1, cache_read=1, text_output=1)
    priced = price(
        counts, model="m", served_model=None, provider=None, service_tier=None, snapshot=snapshot
    )
    # 0.5, 0.5 and 1.5 nanodollars become 0, 0 and 2; rounded together they would be 2.5, so 2 too,
    # but each by itself half-up they would be 1, 1 and 2.
    assert priced.details is not None
    amounts = [amount for _, _, amount in priced.details.values()]
    assert amounts == ["0.000000000", "0.000000000", "0.000000002"]
    assert priced.cost_usd == Decimal("0.000000002")


@pytest.mark.parametrize(
    ("number", "rounded"), [(0, 0), (4, 0), (5, 0), (6, 1), (14, 1), (15, 2), (16, 2), (25, 2)]
)
def test_half_even(number: int, rounded: int) -> None:
    assert round_half_even(number, 10) == rounded


def test_a_context_tier_is_a_cliff_above_its_threshold() -> None:
    below = cost(tokens(uncached_input=272000, text_output=100), "openai/gpt-x")
    above = cost(tokens(uncached_input=272001, text_output=100), "openai/gpt-x")
    assert below.cost_usd == Decimal("0.681000000")  # 272000 x 2.5 + 100 x 10
    assert above.cost_usd == Decimal("1.361505000")  # 272001 x 5 + 100 x 15


def test_cached_tokens_count_towards_the_threshold() -> None:
    counts = tokens(uncached_input=1, cache_read=272000, text_output=1)
    assert cost(counts, "openai/gpt-x").cost_usd is None  # no cached price is known up there
    assert cost(tokens(uncached_input=1, cache_read=271999), "openai/gpt-x").cost_usd is not None


def test_xai_takes_the_higher_tier_at_the_threshold() -> None:
    assert cost(tokens(uncached_input=127999), "xai/grok").cost_usd == Decimal("0.319997500")
    assert cost(tokens(uncached_input=128000), "xai/grok").cost_usd == Decimal("0.768000000")


@pytest.mark.parametrize(
    ("service_tier", "expected"),
    [
        (None, "0.035000000"),
        ("default", "0.035000000"),
        ("standard", "0.035000000"),
        ("auto", "0.035000000"),
        ("flex", "0.017500000"),
        ("batch", "0.014000000"),
        ("batches", "0.014000000"),
        ("priority", None),
        ("scale", None),
    ],
)
def test_the_service_tier_that_served_decides(
    service_tier: str | None, expected: str | None
) -> None:
    counts = tokens(uncached_input=10_000, text_output=1000)
    priced = cost(counts, "openai/gpt-x", service_tier=service_tier)
    assert priced.cost_usd == (None if expected is None else Decimal(expected))


def test_reasoning_costs_as_much_as_text_unless_it_has_its_own_price() -> None:
    counts = tokens(uncached_input=0, text_output=100, reasoning_output=100)
    assert cost(counts, "openai/gpt-4o").cost_usd == Decimal("0.002000000")
    assert cost(counts, "openai/o-think").cost_usd == Decimal("0.001200000")


def test_a_bucket_without_a_rate_makes_the_cost_unknown() -> None:
    priced = cost(tokens(uncached_input=10, audio_input=1, text_output=1), "openai/gpt-4o")
    assert (priced.cost_usd, priced.basis, priced.details) == (None, None, None)
    assert priced.price_key == "gpt-4o"


def test_a_bucket_without_tokens_needs_no_rate() -> None:
    counts = tokens(uncached_input=10, audio_input=0, text_output=0)
    assert cost(counts, "openai/gpt-4o").cost_usd == Decimal("0.000025000")


def test_an_unknown_model_has_an_unknown_cost_and_not_zero() -> None:
    priced = cost(tokens(uncached_input=10, text_output=1), "openai/gpt-99")
    assert priced == Priced(snapshot_id="abc")


@pytest.mark.parametrize(
    "counts",
    [
        Tokens(),
        Tokens(input_tokens=10, output_tokens=5),
        Tokens(input_tokens=10, output_tokens=5, uncached_input_tokens=10),
        Tokens(input_tokens=11, output_tokens=0, uncached_input_tokens=10),
        Tokens(uncached_input_tokens=-1, text_output_tokens=1),
    ],
)
def test_an_unknown_usage_has_an_unknown_cost(counts: Tokens) -> None:
    assert cost(counts, "openai/gpt-4o").cost_usd is None


def test_the_served_model_comes_before_the_one_that_was_asked() -> None:
    counts = tokens(uncached_input=1)
    served = cost(counts, "openai/o-think", served_model="gpt-4o-2024-08-06", provider="openai")
    assert served.price_key == "gpt-4o-2024-08-06"
    unknown = cost(counts, "openai/gpt-4o", served_model="gpt-4o-2031", provider="openai")
    assert unknown.price_key == "gpt-4o"


def test_a_price_of_another_provider_is_not_taken() -> None:
    counts = tokens(uncached_input=1)
    options = {"served_model": "gpt-4o", "provider": "azure"}
    assert cost(counts, "azure/gpt-4o", **options).price_key == "azure/gpt-4o"
    assert cost(counts, "mistral/gpt-4o", served_model="gpt-4o").price_key is None


def test_a_price_of_the_users_own_wins_over_that_of_the_served_model() -> None:
    priced = cost(tokens(uncached_input=1), "azure/mine", served_model="gpt-4o", provider="azure")
    assert priced.price_key == "azure/mine"


def test_a_fine_tuned_model_has_the_price_of_its_base() -> None:
    entries = {"ft:gpt-4o": model(FLAT)}
    snapshot = PriceSnapshot({"id": "x", "sources": [], "models": entries})
    found = snapshot.find("openai/ft:gpt-4o:acme::id", "ft:gpt-4o:acme::id", "openai")
    assert found is not None
    assert found.key == "ft:gpt-4o"


@pytest.mark.parametrize("name", ["ollama/llama3", "ollama_chat/qwen3", "lm_studio/x"])
def test_a_local_model_costs_nothing(name: str) -> None:
    priced = cost(Tokens(), name)
    assert (priced.cost_usd, priced.basis) == (Decimal(0), "local")


def test_a_cloud_model_behind_ollama_is_not_local() -> None:
    assert cost(Tokens(), "ollama/gpt-oss:120b-cloud").cost_usd is None


def test_without_a_snapshot_nothing_is_known_but_that_local_is_free() -> None:
    counts = tokens(uncached_input=1)
    options: dict[str, Any] = {"served_model": None, "provider": None, "service_tier": None}
    assert price(counts, model="openai/gpt-4o", snapshot=None, **options) == Priced()
    assert price(counts, model="ollama/llama3", snapshot=None, **options).cost_usd == 0


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 20, 16, 29, tzinfo=UTC), "0.002500000"),  # a Friday
        (datetime(2026, 11, 20, 16, 30, tzinfo=UTC), "0.001000000"),
        (datetime(2026, 11, 20, 0, 29, tzinfo=UTC), "0.001000000"),
        (datetime(2026, 11, 20, 0, 30, tzinfo=UTC), "0.002500000"),
        (datetime(2026, 11, 21, 17, 0, tzinfo=UTC), "0.002500000"),  # a Saturday
        (None, None),
    ],
)
def test_cheaper_hours_go_by_the_time_of_the_request(
    at: datetime | None, expected: str | None
) -> None:
    priced = cost(tokens(uncached_input=1000), "deepseek/night", at=at)
    assert priced.cost_usd == (None if expected is None else Decimal(expected))


def test_a_cost_that_no_column_holds_is_unknown() -> None:
    assert cost(tokens(uncached_input=2**62), "openai/gpt-4o").cost_usd is None


def test_the_callers_decimal_context_does_not_matter() -> None:
    with decimal.localcontext() as context:
        context.prec = 3
        context.rounding = decimal.ROUND_UP
        priced = cost(tokens(uncached_input=123_457, text_output=7), "openai/gpt-4o")
    assert priced.cost_usd == Decimal("0.308712500")


counts = st.integers(min_value=0, max_value=10_000_000)
rates = st.decimals(min_value=0, max_value=1000, places=9, allow_nan=False)


@given(
    st.dictionaries(st.sampled_from(BUCKETS), counts, min_size=1),
    st.fixed_dictionaries(dict.fromkeys(BUCKETS, rates)),
)
def test_sums_tie_out_for_any_counts_and_rates(
    buckets: dict[str, int], per_million: dict[str, Decimal]
) -> None:
    text = {bucket: f"{rate:f}" for bucket, rate in per_million.items()}
    snapshot = PriceSnapshot({"id": "x", "sources": [], "models": {"m": model(text)}})
    options: dict[str, Any] = {
        "model": "m", "served_model": None, "provider": None, "service_tier": None,
    }  # fmt: skip
    priced = price(tokens(**buckets), snapshot=snapshot, **options)

    assert priced.cost_usd is not None
    assert priced.details is not None
    assert priced.cost_usd >= 0
    assert sum(Decimal(amount) for _, _, amount in priced.details.values()) == priced.cost_usd
    for bucket, (count, rate, amount) in priced.details.items():
        exact = per_million[bucket] / 1_000_000 * count
        assert Decimal(rate) == per_million[bucket] / 1_000_000
        assert Decimal(amount) == exact.quantize(Decimal("1e-9"), decimal.ROUND_HALF_EVEN)

    one_more = next(iter(buckets))
    dearer = price(
        tokens(**{**buckets, one_more: buckets[one_more] + 1}), snapshot=snapshot, **options
    )
    assert dearer.cost_usd is not None
    assert dearer.cost_usd >= priced.cost_usd

    backwards = tokens(**dict(reversed(buckets.items())))
    assert price(backwards, snapshot=snapshot, **options) == priced


def test_the_snapshot_of_a_home_is_read_again_when_it_changes(tmp_path: Path) -> None:
    assert load_snapshot(tmp_path) is None
    _write_snapshot(tmp_path, "one")
    first = load_snapshot(tmp_path)
    assert first is not None
    assert first.id == "one"
    assert load_snapshot(tmp_path) is first
    _write_snapshot(tmp_path, "two")
    second = load_snapshot(tmp_path)
    assert second is not None
    assert second.id == "two"


def test_a_damaged_snapshot_counts_as_none_and_is_reported(tmp_path: Path) -> None:
    _write_snapshot(tmp_path, "one")
    (tmp_path / "prices" / "one.json").write_bytes(b'{"id": "one", ')
    assert load_snapshot(tmp_path) is None
    assert "the price snapshot" in (tmp_path / "faults.ndjson").read_text()


def _write_snapshot(home: Path, name: str) -> None:
    folder = home / "prices"
    folder.mkdir(exist_ok=True)
    document = {"id": name, "sources": [], "models": ENTRIES}
    (folder / f"{name}.json").write_bytes(orjson.dumps(document))
    new = folder / "new"
    new.write_bytes(orjson.dumps({"snapshot": name}))
    os.replace(new, folder / "current.json")


def test_totals_alone_price_nothing_even_when_one_side_is_known() -> None:
    known = tokens(uncached_input=10, text_output=5)
    assert cost(known, "openai/gpt-4o").cost_usd is not None
    assert cost(replace(known, text_output_tokens=None), "openai/gpt-4o").cost_usd is None
