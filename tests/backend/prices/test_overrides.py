"""The user's own prices, and what is said about a mistake in them."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from secondtake.backend.prices.overrides import read_overrides
from secondtake.runner.errors import SettingsError
from secondtake.runner.pricing import PriceSnapshot

WHOLE = """\
# what we pay
[models."azure/mine"]
input = 2.5
output = 10
cache_read = 1.25
cache_write_5m = 3
cache_write_1h = 5
audio_input = 40
image_input = 2.5
reasoning_output = 12
audio_output = 80

[models."azure/mine".flex]
input = 1.25
output = 5

[[models."azure/mine".above]]
tokens = 200000
input = 5
output = 15
"""


def read(folder: Path, text: str) -> dict[str, dict[str, Any]]:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return read_overrides(path)


def test_every_kind_of_price_is_read(tmp_path: Path) -> None:
    entries = read(tmp_path, WHOLE)
    snapshot = PriceSnapshot({"id": "x", "sources": [], "models": entries})
    found = snapshot.find("azure/mine", "gpt-4o", "azure")
    assert found is not None

    def rate(bucket: str, service_tier: str | None = None, prompt: int = 10) -> Decimal | None:
        rates = found.rates(service_tier, prompt, None)
        return None if rates is None or bucket not in rates else Decimal(rates[bucket][1]) * 10**6

    assert rate("uncached_input") == Decimal("2.5")
    assert rate("cache_write_1h") == 5
    assert rate("reasoning_output") == 12
    assert rate("audio_output") == 80
    assert rate("text_output", "flex") == 5
    assert rate("cache_read", "flex") is None
    assert rate("uncached_input", None, 200_001) == 5
    assert rate("uncached_input", None, 200_000) == Decimal("2.5")


def test_no_file_is_no_prices(tmp_path: Path) -> None:
    assert read_overrides(tmp_path / "prices.toml") == {}


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ('[models."a/b"]\ninput = 1\noutput = \n', 3, "Invalid value"),
        ('[models."a/b"]\ninput = 1\n', 1, "a/b lacks `input` or `output`"),
        ('[models."a/b"]\ninput = 1\noutput = "dear"\n', 3, "output = 'dear' is no price"),
        ('[models."a/b"]\ninput = 1\noutput = -2\n', 3, "is no price"),
        ('[models."a/b"]\ninput = 1\noutput = true\n', 3, "is no price"),
        ('[models."a/b"]\ninput = 1\noutput = nan\n', 3, "is no price"),
        ('[models."a/b"]\ninput = 1\noutput = 2\ncached = 3\n', 4, "unknown price 'cached'"),
        ('[models."c/d"]\ninput=1\noutput=1\n[models."a/b"]\ninput = 1\noutput=1\nx=1\n', 7, "'x'"),
        ('[models."a/b"]\ninput=1\noutput=1\nabove=1\n', 4, "above needs whole `tokens`"),
        ('[models."a/b"]\ninput=1\noutput=1\nflex=1\n', 4, "flex is not a table"),
        ("[model.x]\ninput = 1\n", 1, "unknown table [model]"),
        ("models = 3\n", 1, "models is not a table"),
        ("[models]\nx = 3\n", 2, "x is not a table"),
    ],
)
def test_a_mistake_is_said_with_its_line_and_the_cure(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert problem in message
    assert f"prices.toml:{line}:" in message or f"line {line}" in message
    assert ";" in message or "Correct" in message


def test_a_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="Cannot read"):
        read_overrides(tmp_path / "prices.toml")
