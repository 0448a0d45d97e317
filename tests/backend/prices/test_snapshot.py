"""Price snapshots: what is in them, and that they appear whole and once."""

import json
import multiprocessing
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from secondtake.backend.prices import litellm_map
from secondtake.backend.prices.litellm_map import read_map
from secondtake.backend.prices.sim import SIM_PRICES
from secondtake.backend.prices.snapshot import ensure_snapshot
from secondtake.runner.calls import Tokens
from secondtake.runner.errors import SettingsError
from secondtake.runner.pricing import PriceSnapshot, load_snapshot, price

USUAL = Tokens(
    input_tokens=1000,
    output_tokens=100,
    uncached_input_tokens=1000,
    text_output_tokens=100,
)


def snapshot_of(home: Path) -> PriceSnapshot:
    ensure_snapshot(home)
    snapshot = load_snapshot(home)
    assert snapshot is not None
    return snapshot


def cost_of(home: Path, model: str) -> Decimal | None:
    return price(
        USUAL,
        model=model,
        served_model=None,
        provider=None,
        service_tier=None,
        snapshot=snapshot_of(home),
    ).cost_usd


def entry_of(**fields: Any) -> dict[str, Any]:
    """Read a map of one model."""
    model = {"litellm_provider": "openai", "mode": "chat", **fields}
    return read_map(json.dumps({"m": model}).encode())["m"]


def test_a_snapshot_is_named_by_its_content_and_made_once(tmp_path: Path) -> None:
    first = ensure_snapshot(tmp_path)
    path = tmp_path / "prices" / f"{first}.json"
    written_ns = path.stat().st_mtime_ns
    assert ensure_snapshot(tmp_path) == first
    assert path.stat().st_mtime_ns == written_ns
    assert ensure_snapshot(tmp_path / "other") == first
    assert (tmp_path / "other" / "prices" / f"{first}.json").read_bytes() == path.read_bytes()


def test_a_snapshot_says_where_its_prices_come_from(tmp_path: Path) -> None:
    sources = {source["name"]: source for source in snapshot_of(tmp_path).sources}
    assert sources["litellm"]["version"] == litellm_map.litellm_version()
    assert all(len(source["sha256"]) == 64 for source in sources.values())
    assert set(sources) == {"litellm", "simulated"}


def test_building_a_snapshot_does_not_import_litellm(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from secondtake.backend.prices.snapshot import ensure_snapshot\n"
        f"ensure_snapshot(pathlib.Path({str(tmp_path)!r}))\n"
        "assert 'litellm' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_models_of_the_map_and_simulated_models_have_prices(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path)
    assert len(snapshot) > 2000
    for model in SIM_PRICES:
        assert cost_of(tmp_path, model) is not None
    assert cost_of(tmp_path, "sim/strong") == Decimal("0.0045")  # 1000 x 3 + 100 x 15
    assert cost_of(tmp_path, "openai/gpt-4o-mini") == Decimal("0.00021")  # 0.15 and 0.60


def test_the_simulated_models_differ_in_price_as_in_skill(tmp_path: Path) -> None:
    strong, fast, weak = (cost_of(tmp_path, f"sim/{name}") for name in ("strong", "fast", "weak"))
    assert strong is not None
    assert fast is not None
    assert weak is not None
    assert strong > fast > weak > 0


def test_a_changed_source_gives_a_new_snapshot_and_keeps_the_old_one(tmp_path: Path) -> None:
    first = ensure_snapshot(tmp_path)
    (tmp_path / "prices.toml").write_text('[models."openai/mine"]\ninput = 1\noutput = 2\n')
    second = ensure_snapshot(tmp_path)
    assert second != first
    assert (tmp_path / "prices" / f"{first}.json").is_file()
    assert cost_of(tmp_path, "openai/mine") == Decimal("0.0012")
    (tmp_path / "prices.toml").unlink()
    assert ensure_snapshot(tmp_path) == first


def test_a_missing_or_torn_file_is_made_again(tmp_path: Path) -> None:
    name = ensure_snapshot(tmp_path)
    (tmp_path / "prices" / f"{name}.json").unlink()
    assert ensure_snapshot(tmp_path) == name
    (tmp_path / "prices" / "current.json").write_bytes(b'{"snap')
    assert ensure_snapshot(tmp_path) == name
    assert len(snapshot_of(tmp_path)) > 2000


def test_many_processes_agree_on_one_snapshot(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        names = pool.map(ensure_snapshot, [tmp_path] * 8)
    assert len(set(names)) == 1
    files = sorted(path.name for path in (tmp_path / "prices").iterdir())
    assert files == sorted(["current.json", f"{names[0]}.json"])


def test_a_folder_that_cannot_be_written_is_said_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "prices").write_text("a file where the folder should be")
    with pytest.raises(SettingsError, match=r"Cannot write prices .* SECONDTAKE_HOME"):
        ensure_snapshot(tmp_path)


def test_rates_are_exact_and_per_million() -> None:
    entry = entry_of(input_cost_per_token=7.5e-08, output_cost_per_token=6e-07)
    assert entry["usd_per_million"] == {
        "standard": [[0, {"uncached_input": "0.075", "text_output": "0.6"}]]
    }


def test_tiers_of_context_and_service_are_told_apart() -> None:
    entry = entry_of(
        input_cost_per_token=1e-6,
        output_cost_per_token=2e-6,
        input_cost_per_token_flex=5e-7,
        input_cost_per_token_above_200k_tokens=3e-6,
        input_cost_per_token_above_200k_tokens_priority=4e-6,
        cache_creation_input_token_cost=5e-6,
        cache_creation_input_token_cost_above_1hr=6e-6,
        cache_creation_input_token_cost_above_1hr_above_200k_tokens=7e-6,
        input_cost_per_audio_token=9e-6,
        search_context_cost_per_query={"search_context_size_low": 0.01},
    )
    assert entry["usd_per_million"] == {
        "flex": [[0, {"uncached_input": "0.5"}]],
        "priority": [[200000, {"uncached_input": "4"}]],
        "standard": [
            [
                0,
                {
                    "uncached_input": "1",
                    "text_output": "2",
                    "cache_write_5m": "5",
                    "cache_write_1h": "6",
                    "audio_input": "9",
                },
            ],
            [200000, {"uncached_input": "3", "cache_write_1h": "7", "audio_input": "9"}],
        ],
    }


def test_a_list_of_tiers_is_read_too() -> None:
    entry = entry_of(
        tiered_pricing=[
            {"range": [0, 256000.0], "input_cost_per_token": 5e-8, "output_cost_per_token": 4e-7},
            {"range": [256000.0, 1e6], "input_cost_per_token": 2e-7, "output_cost_per_token": 1e-6},
        ]
    )
    assert entry["usd_per_million"]["standard"] == [
        [0, {"uncached_input": "0.05", "text_output": "0.4"}],
        [256000, {"uncached_input": "0.2", "text_output": "1"}],
    ]


def test_a_model_whose_prices_are_all_zero_has_none() -> None:
    free = {"litellm_provider": "x", "input_cost_per_token": 0.0, "output_cost_per_token": 0}
    no_tokens = {"litellm_provider": "x", "output_cost_per_image": 0.04}
    assert read_map(json.dumps({"free": free, "image": no_tokens}).encode()) == {}


def test_cheaper_hours_are_kept_with_their_windows() -> None:
    entry = entry_of(
        input_cost_per_token=1e-6,
        output_cost_per_token=2e-6,
        off_peak_pricing={
            "input_cost_per_token": 5e-7,
            "windows": [{"hours_utc": "00:00-01:00", "weekdays": ["Mon", 7]}],
        },
    )
    assert entry["off_peak"] == {
        "windows": [{"hours_utc": ["00:00-01:00"], "weekdays": [1, 7], "timezone": None}],
        "usd_per_million": {"uncached_input": "0.5"},
    }


def test_every_model_of_the_map_can_be_priced_or_says_that_it_cannot(tmp_path: Path) -> None:
    document = json.loads((tmp_path / "prices" / f"{ensure_snapshot(tmp_path)}.json").read_text())
    snapshot = snapshot_of(tmp_path)
    for key, entry in document["models"].items():
        found = snapshot.find(key, None, entry.get("provider"))
        assert found is not None, key
        for name in found.service_tiers:
            rates = found.rates(name, 1000, None)
            assert rates is None or all(rate >= 0 for rate, _ in rates.values()), key
