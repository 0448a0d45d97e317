"""The user's own prices: `<home>/prices.toml`, in USD per million tokens.

    [models."azure/my-deployment"]     # as the model is asked for, or as it answers
    input = 2.5
    output = 10
    cache_read = 1.25                  # also: cache_write_5m, cache_write_1h, audio_input,
                                       # image_input, reasoning_output, audio_output
    [models."azure/my-deployment".flex]        # a service tier: flex, priority, batches, ...
    input = 1.25
    output = 5
    [[models."azure/my-deployment".above]]     # requests with a larger prompt than this
    tokens = 200000
    input = 5
    output = 15

An entry replaces what the price book says about the model as a whole: a price that it leaves out
is unknown, and calls that need it have an unknown cost.
"""

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from secondtake.runner.errors import SettingsError

FILE_NAME: Final = "prices.toml"

PRICES: Final = {
    "input": "uncached_input",
    "output": "text_output",
    "cache_read": "cache_read",
    "cache_write_5m": "cache_write_5m",
    "cache_write_1h": "cache_write_1h",
    "audio_input": "audio_input",
    "image_input": "image_input",
    "reasoning_output": "reasoning_output",
    "audio_output": "audio_output",
}
"""What the file calls our buckets."""
SERVICE_TIERS: Final = ("balanced", "batches", "decisions", "flex", "priority", "ultrafast")
USD_PER_MILLION_MAX: Final = Decimal(1_000_000)


def read_overrides(path: Path) -> dict[str, dict[str, Any]]:
    """Return a snapshot entry for each model that the user gave a price; {} without a file.

    Raises:
        SettingsError: the file has a mistake; the text has its line and the cure.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"Cannot read {path}: {error}. Correct or remove the file.") from error
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}. Correct the line or remove it.") from error
    return _Reader(path, text).models(document)


class _Reader:
    """Turns the parsed file into entries, and knows where in the text a mistake is."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def models(self, document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        for name in document:
            if name != "models":
                raise self._mistake(name, f"unknown table [{name}]", 'write [models."NAME"]')
        models = _table(document.get("models", {}))
        if models is None:
            raise self._mistake("models", "models is not a table", 'write [models."NAME"]')
        return {name: self._entry(name, table) for name, table in models.items()}

    def _entry(self, name: str, value: Any) -> dict[str, Any]:
        table = _table(value)
        if table is None:
            raise self._mistake(name, f"{name} is not a table", f'write [models."{name}"]')
        tiers = {"standard": self._steps(name, table, inside=name)}
        for service_tier in SERVICE_TIERS:
            if service_tier in table:
                tiers[service_tier] = self._steps(name, table[service_tier], inside=service_tier)
        return {"source": "user", "usd_per_million": tiers}

    def _steps(self, model: str, value: Any, *, inside: str) -> list[list[Any]]:
        table = _table(value)
        if table is None:
            raise self._mistake(inside, f"{inside} is not a table", "give it prices", model=model)
        steps: list[list[Any]] = [[0, self._rates(model, table)]]
        above: Any = table.get("above", [])
        for item in above if isinstance(above, list) else [above]:  # pyright: ignore[reportUnknownVariableType]
            step = _table(item) or {}
            tokens = step.get("tokens")
            if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens <= 0:
                cure = f'write [[models."{model}".above]] with tokens = 200000'
                raise self._mistake("above", "above needs whole `tokens`", cure, model=model)
            steps.append([tokens, self._rates(model, step)])
        return steps

    def _rates(self, model: str, table: Mapping[str, Any]) -> dict[str, str]:
        known = (*PRICES, *SERVICE_TIERS, "above", "tokens")
        for name in table:
            if name not in known:
                cure = f"use one of {', '.join(PRICES)}"
                raise self._mistake(name, f"unknown price {name!r}", cure, model=model)
        rates = {
            PRICES[name]: self._rate(model, name, value)
            for name, value in table.items()
            if name in PRICES
        }
        if "uncached_input" not in rates or "text_output" not in rates:
            cure = "give both, in USD per million tokens"
            raise self._mistake(model, f"{model} lacks `input` or `output`", cure)
        return rates

    def _rate(self, model: str, name: str, value: Any) -> str:
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        number = Decimal(value) if is_number else Decimal("nan")
        if not number.is_finite() or not 0 <= number <= USD_PER_MILLION_MAX:
            cure = "write USD per million tokens, e.g. 2.5"
            raise self._mistake(name, f"{name} = {value!r} is no price", cure, model=model)
        return f"{number.normalize():f}"

    def _mistake(
        self, name: str, problem: str, cure: str, *, model: str | None = None
    ) -> SettingsError:
        line = self._line(name, after=self._line(model) if model else 1)
        return SettingsError(f"{self._path}:{line}: {problem}; {cure}")

    def _line(self, name: str, *, after: int = 1) -> int:
        """Return the first line from `after` on that names something, else `after`."""
        word = re.compile(rf"(?<![\w/.-]){re.escape(name)}(?![\w/.-])")
        for number, line in enumerate(self._lines[after - 1 :], start=after):
            if word.search(line.split("#", 1)[0]):
                return number
        return after


def _table(value: Any) -> dict[str, Any] | None:
    return cast(dict[str, Any], value) if isinstance(value, dict) else None
