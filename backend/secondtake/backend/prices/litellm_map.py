"""Reads the price list that ships with LiteLLM, without importing LiteLLM (that takes seconds).

LiteLLM's keys are `<base>[_above_<N>k_tokens][_<service tier>]`, in USD per token.
"""

import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

FILE_NAME: Final = "model_prices_and_context_window_backup.json"

BASES: Final = {
    "input_cost_per_token": "uncached_input",
    "output_cost_per_token": "text_output",
    "output_cost_per_reasoning_token": "reasoning_output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "input_cost_per_image_token": "image_input",
}
"""LiteLLM's base keys and our buckets."""

KEY: Final = re.compile(
    rf"^({'|'.join(sorted(BASES, key=len, reverse=True))})"
    r"(?:_above_(\d+)k_tokens)?"
    r"(?:_(batches|flex|priority|ultrafast|balanced|decisions))?$"
)
FLAT_BUCKETS: Final = ("audio_input", "audio_output", "image_input")
"""Buckets whose price no provider ties to the size of the prompt unless it says so."""
INCLUSIVE_PROVIDERS: Final = ("xai",)
"""Providers whose higher context tier begins at the threshold and not above it
(`_INCLUSIVE_THRESHOLD_PROVIDERS` in LiteLLM)."""
PRECISION: Final = Decimal("1e-15")
"""Rates are DECIMAL(38,15); what is beyond is noise of binary floats."""
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Steps = dict[int, dict[str, str]]
"""`{threshold in tokens: {bucket: USD per million}}`"""


def find_map() -> Path | None:
    """Return the file in the installed package, None when LiteLLM is not installed."""
    spec = importlib.util.find_spec("litellm")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / FILE_NAME
    return path if path.is_file() else None


def litellm_version() -> str:
    """Return the version of the installed LiteLLM."""
    return importlib.metadata.version("litellm")


def read_map(content: bytes) -> dict[str, dict[str, Any]]:
    """Return a snapshot entry for each model that has a price per token."""
    # Decimal, because a binary float would put its error into every price.
    document: dict[str, Any] = json.loads(content, parse_float=Decimal)
    entries = {name: _entry(model) for name, model in document.items() if name != "sample_spec"}
    return {name: entry for name, entry in entries.items() if entry is not None}


def _entry(model: Mapping[str, Any]) -> dict[str, Any] | None:
    tiers = _tiers(model)
    standard = tiers.get("standard", {}).get(0)
    # 0 for both means that LiteLLM knows no price: subscriptions, previews, local models.
    if standard is None or not any(Decimal(rate) for rate in standard.values()):
        return None
    entry: dict[str, Any] = {
        "provider": model.get("litellm_provider"),
        "usd_per_million": {
            name: [[threshold, rates] for threshold, rates in sorted(steps.items())]
            for name, steps in sorted(tiers.items())
        },
    }
    if model.get("litellm_provider") in INCLUSIVE_PROVIDERS:
        entry["inclusive"] = True
    off_peak = _off_peak(model.get("off_peak_pricing"))
    if off_peak is not None:
        entry["off_peak"] = off_peak
    return entry


def _tiers(model: Mapping[str, Any]) -> dict[str, Steps]:
    tiers: dict[str, Steps] = {}
    for key, value in model.items():
        match = KEY.match(key)
        if match is None or not _is_price(value):
            continue
        base, thousands, service_tier = match.groups()
        steps = tiers.setdefault(service_tier or "standard", {})
        steps.setdefault(int(thousands or 0) * 1000, {})[BASES[base]] = _per_million(value)
    flat = tiers.get("standard", {}).get(0)
    if flat is not None and "cache_read" not in flat and _is_price(hit := _cache_hit(model)):
        flat["cache_read"] = _per_million(hit)
    listed = _listed_steps(model.get("tiered_pricing"))
    if listed:
        return {"standard": listed}
    for steps in tiers.values():
        _carry_flat_buckets(steps)
    return tiers


def _cache_hit(model: Mapping[str, Any]) -> Any:
    return model.get("input_cost_per_token_cache_hit")  # DeepSeek's name for it


def _listed_steps(tiered_pricing: Any) -> Steps:
    """Read the other way to write context tiers: `[{"range": [from, to], ...rates}]`."""
    steps: Steps = {}
    for step in tiered_pricing or ():
        if "range" not in step or "input_cost_per_token" not in step:
            return {}
        steps[int(step["range"][0])] = {
            bucket: _per_million(step[base])
            for base, bucket in BASES.items()
            if _is_price(step.get(base))
        }
    return steps


def _carry_flat_buckets(steps: Steps) -> None:
    for threshold, rates in steps.items():
        for bucket in FLAT_BUCKETS:
            if threshold and bucket not in rates and bucket in steps.get(0, {}):
                rates[bucket] = steps[0][bucket]


def _off_peak(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    block = cast(dict[str, Any], value)
    rules: list[Any] = list(block.get("windows") or ())
    if block.get("hours_utc"):
        rules.append({"hours_utc": block["hours_utc"]})
    windows = [
        {
            "hours_utc": [rule["hours_utc"]]
            if isinstance(rule["hours_utc"], str)
            else list(rule["hours_utc"]),
            "weekdays": [_weekday(day) for day in rule.get("weekdays") or ()],
            "timezone": block.get("weekday_timezone"),
        }
        for rule in rules
    ]
    rates = {
        bucket: _per_million(block[base])
        for base, bucket in BASES.items()
        if _is_price(block.get(base))
    }
    return {"windows": windows, "usd_per_million": rates}


def _weekday(day: int | str) -> int:
    return day if isinstance(day, int) else WEEKDAYS.index(day.strip().lower()[:3]) + 1


def _is_price(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and value >= 0


def _per_million(usd_per_token: int | Decimal) -> str:
    exact = Decimal(usd_per_token).quantize(PRECISION) * 1_000_000
    return f"{exact.normalize():f}"
