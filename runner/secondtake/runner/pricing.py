"""What a call costs: token buckets times the rates of one immutable price snapshot.

Each bucket's amount is rounded half-even to 9 places and the cost is the sum of the rounded
amounts, so every sum ties out. A cost is either known or None: a model, a usage or a rate that is
not known never counts as 0. Context tiers are cliffs: the whole request takes the rates of the
tier that its total prompt, cached tokens included, falls into.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import orjson

from secondtake.runner import faults
from secondtake.runner.calls import Tokens
from secondtake.runner.home import prices_folder

FORMAT: Final = 1
"""Version of the snapshot file."""

BUCKETS: Final = (
    "uncached_input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "image_input",
    "text_output",
    "reasoning_output",
    "audio_output",
)
INPUT_COUNT: Final = 6
"""The first so many buckets are input, the rest output."""
_counts_of: Final = attrgetter(*(f"{bucket}_tokens" for bucket in BUCKETS))

PRICED_AS: Final = {"reasoning_output": "text_output", "image_input": "uncached_input"}
"""The bucket whose rate holds where a model has none of its own. Providers bill these tokens
like text unless they name a price; audio and cached tokens they never bill like text."""

STANDARD: Final = "standard"
SERVICE_TIERS: Final = {
    None: STANDARD,
    "": STANDARD,
    "auto": STANDARD,
    "default": STANDARD,
    "on_demand": STANDARD,
    "standard": STANDARD,
    "batch": "batches",
    "fast": "priority",
}
"""What providers call their service tiers, in the price book's words."""

LOCAL_PROVIDERS: Final = frozenset(
    {"docker_model_runner", "lemonade", "llamafile", "lm_studio", "ollama", "ollama_chat"}
)
PROVIDER_FAMILIES: Final = {
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "cohere_chat": "cohere",
    "ollama_chat": "ollama",
    "text-completion-openai": "openai",
    "vertex_ai_beta": "vertex_ai",
}
"""Names of one provider's several APIs in LiteLLM's map."""

FEMTO_PER_NANO: Final = 10**6
"""Rates are DECIMAL(38,15): whole femtodollars per token."""
NANO: Final = 10**9
"""Amounts are DECIMAL(18,9): whole nanodollars, below a billion dollars."""
NANO_END: Final = 10**18
# Our own context: the calling thread may have changed the precision of its own.
ARITHMETIC: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)

Basis = Literal["price_book", "local"]

Rates = Mapping[str, tuple[int, str]]
"""`{bucket: (femtodollars per token, USD per token as text)}`, with `PRICED_AS` filled in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Priced:
    """What a call costs, and how that was found."""

    cost_usd: Decimal | None = None
    """None when the model, the usage or a rate is unknown."""
    basis: Basis | None = None
    """None when the cost is unknown."""
    details: dict[str, list[Any]] | None = None
    """`{bucket: [tokens, usd_per_token, usd]}`; rates and amounts are strings."""
    snapshot_id: str | None = None
    """The snapshot that was asked, also when it does not know the model."""
    price_key: str | None = None
    """The entry of the price book that was used."""


@dataclass(frozen=True, slots=True)
class ContextTier:
    """The rates of requests whose prompt is larger than `threshold` tokens."""

    threshold: int
    """0 for the rates of all requests that no higher tier holds for."""
    rates: Rates


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """The rates of one model."""

    key: str
    service_tiers: Mapping[str, Sequence[ContextTier]]
    """`{service tier: context tiers, the highest threshold first}`."""
    inclusive: bool
    """The higher tier begins at the threshold and not above it."""
    off_peak: Mapping[str, Any] | None
    """Windows of time with rates of their own."""

    def rates(
        self, service_tier: str | None, prompt_tokens: int, at: datetime | None
    ) -> Rates | None:
        """Return the rates of one request, None when they are not known."""
        name = service_tier.lower() if service_tier else ""
        for tier in self.service_tiers.get(SERVICE_TIERS.get(name, name), ()):
            if self._holds(tier, prompt_tokens):
                break
        else:
            return None
        if self.off_peak is None:
            return tier.rates
        if at is None:
            return None
        if not is_off_peak(self.off_peak["windows"], at):
            return tier.rates
        return {**tier.rates, **_rates(self.off_peak["usd_per_million"])}

    def _holds(self, tier: ContextTier, prompt_tokens: int) -> bool:
        at_least = self.inclusive or tier.threshold == 0
        return prompt_tokens > tier.threshold or (at_least and prompt_tokens == tier.threshold)


class PriceSnapshot:
    """An immutable set of prices, identified by the hash of its content."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Take a snapshot file's JSON; models are decoded when they are first asked for."""
        self.id: str = document["id"]
        self.sources: Sequence[Mapping[str, Any]] = document["sources"]
        self._models: Mapping[str, Mapping[str, Any]] = document["models"]
        self._found: dict[tuple[str | None, str | None, str | None], ModelPrice | None] = {}

    def __len__(self) -> int:
        """Return how many models have a price."""
        return len(self._models)

    def find(
        self, model: str | None, served_model: str | None, provider: str | None
    ) -> ModelPrice | None:
        """Return the price of the model that answered, else of the one that was asked.

        A price of the user's own wins over the book's, whichever of the two names it has.
        """
        question = (model, served_model, provider)
        if question not in self._found:
            self._found[question] = self._find(*question)
        return self._found[question]

    def _find(
        self, model: str | None, served_model: str | None, provider: str | None
    ) -> ModelPrice | None:
        provider = provider or _prefix(model)
        found: list[str] = []
        for name in (served_model, model):
            found += [key for key in _keys(name, provider) if self._sells(key, provider)]
        own = [key for key in found if self._models[key].get("source") == "user"]
        key = next(iter(own or found), None)
        return None if key is None else _decode(key, self._models[key])

    def _sells(self, key: str, provider: str | None) -> bool:
        entry = self._models.get(key)
        if entry is None:
            return False
        seller = entry.get("provider")
        return provider is None or seller is None or _family(seller) == _family(provider)


def price(
    tokens: Tokens,
    *,
    model: str | None,
    served_model: str | None,
    provider: str | None,
    service_tier: str | None,
    snapshot: PriceSnapshot | None,
    at: datetime | None = None,
) -> Priced:
    """Return what a call costs.

    Args:
        tokens: its exclusive buckets.
        model: the model that was asked for, as LiteLLM names it.
        served_model: the model that answered; its price is looked for first.
        provider: who was asked; None when the source does not say.
        service_tier: the tier that served the request.
        snapshot: the prices; None when there are none yet.
        at: when the request was made, UTC. Only models with cheaper hours need it, and have
            no known price without it.
    """
    snapshot_id = snapshot.id if snapshot else None
    found = snapshot.find(model, served_model, provider) if snapshot else None
    if found is None:
        return _without_entry(model, provider, snapshot_id)
    counts = _known_counts(tokens)
    rates = found.rates(service_tier, sum(counts[:INPUT_COUNT]), at) if counts else None
    total, details = 0, dict[str, list[Any]]()
    for bucket, count in zip(BUCKETS, counts or (), strict=False):
        if count == 0:
            continue
        if rates is None or bucket not in rates:
            rates = None
            break
        rate, text = rates[bucket]
        amount = round_half_even(rate * count, FEMTO_PER_NANO)
        total += amount
        details[bucket] = [count, text, f"{amount // NANO}.{amount % NANO:09d}"]
    if rates is None or total >= NANO_END:
        return Priced(snapshot_id=snapshot_id, price_key=found.key)
    return Priced(
        cost_usd=Decimal(total).scaleb(-9, ARITHMETIC),
        basis="price_book",
        details=details,
        snapshot_id=snapshot_id,
        price_key=found.key,
    )


def round_half_even(number: int, unit: int) -> int:
    """Return how many whole units a number has, rounded to the nearest, ties to even."""
    whole, rest = divmod(number, unit)
    return whole + (2 * rest > unit or (2 * rest == unit and whole % 2 == 1))


def is_off_peak(windows: Sequence[Mapping[str, Any]], at: datetime) -> bool:
    """Return whether a time is inside one of the windows.

    Args:
        windows: `{"hours_utc": ["HH:MM-HH:MM", ...], "weekdays": [1, ...], "timezone": name}`; a
            window may pass midnight, begins inclusive and ends exclusive; equal ends are the
            whole day. Weekdays are ISO's (Monday 1), by the calendar of `timezone`.
        at: the time.
    """
    moment = at.astimezone(UTC)
    for window in windows:
        calendar = ZoneInfo(window["timezone"]) if window.get("timezone") else UTC
        weekdays = window.get("weekdays")
        if weekdays and moment.astimezone(calendar).isoweekday() not in weekdays:
            continue
        if any(_contains(hours, moment.time()) for hours in window["hours_utc"]):
            return True
    return False


@dataclass(slots=True)
class _Loaded:
    """What is known about the snapshot of one home."""

    current: str
    """The path of `current.json`, as text: asked for at every call."""
    version: tuple[int, int] | None = None
    snapshot: PriceSnapshot | None = None


_loaded: dict[Path, _Loaded] = {}


def load_snapshot(home: Path) -> PriceSnapshot | None:
    """Return the current snapshot of a home, read again when `current.json` changed.

    None when there is none; a damaged one is reported as a fault and counts as none.
    """
    known = _loaded.get(home)
    if known is None:
        known = _loaded[home] = _Loaded(str(prices_folder(home) / "current.json"))
    try:
        status = os.stat(known.current)
    except OSError:
        return None
    version = (status.st_mtime_ns, status.st_ino)
    if known.version == version:
        return known.snapshot
    snapshot = _read(Path(known.current), home)
    # One assignment: a thread that comes between sees the old pair or the new one.
    _loaded[home] = _Loaded(known.current, version, snapshot)
    return snapshot


def _read(current: Path, home: Path) -> PriceSnapshot | None:
    try:
        snapshot_id = orjson.loads(current.read_bytes())["snapshot"]
        document = orjson.loads((current.parent / f"{snapshot_id}.json").read_bytes())
        return PriceSnapshot(document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        faults.report("the price snapshot", error, home=home)
        return None


def _without_entry(model: str | None, provider: str | None, snapshot_id: str | None) -> Priced:
    # Ollama forwards `*-cloud` models to a paid service.
    if (provider or _prefix(model)) in LOCAL_PROVIDERS and not (model or "").endswith("-cloud"):
        return Priced(cost_usd=Decimal(0), basis="local", details={}, snapshot_id=snapshot_id)
    return Priced(snapshot_id=snapshot_id)


def _known_counts(tokens: Tokens) -> tuple[int, ...] | None:
    """Return the buckets' counts, 0 for one that is unknown but cannot hold any.

    None when the known buckets do not account for all input and all output.
    """
    known = _counts_of(tokens)
    counts = tuple([count or 0 for count in known])
    if min(counts) < 0:
        return None
    for side, total, used in (
        (known[:INPUT_COUNT], tokens.input_tokens, counts[:INPUT_COUNT]),
        (known[INPUT_COUNT:], tokens.output_tokens, counts[INPUT_COUNT:]),
    ):
        if total is None and side.count(None) == len(side):
            return None
        if total is not None and sum(used) != total:
            return None
    return counts


def _keys(name: str | None, provider: str | None) -> Iterator[str]:
    """Yield the keys under which LiteLLM's map may have a model."""
    if not name:
        return
    if provider and not name.startswith(f"{provider}/"):
        yield f"{provider}/{name}"
    yield name
    head, slash, tail = name.partition("/")
    if slash and (provider is None or _family(head) == _family(provider)):
        yield tail
        name = tail
    if name.startswith("ft:"):  # ft:gpt-4o-mini-2024-07-18:organisation::id
        yield ":".join(name.split(":")[:2])


def _prefix(model: str | None) -> str | None:
    head, slash, _ = (model or "").partition("/")
    return head if slash else None


def _family(provider: str) -> str:
    # LiteLLM's `vertex_ai-language-models`, `vertex_ai-anthropic_models`, ...
    name = "vertex_ai" if provider.startswith("vertex_ai-") else provider
    return PROVIDER_FAMILIES.get(name, name)


def _decode(key: str, entry: Mapping[str, Any]) -> ModelPrice:
    tiers = {
        name: [
            ContextTier(threshold, _rates(rates))
            for threshold, rates in sorted(steps, key=_threshold, reverse=True)
        ]
        for name, steps in entry["usd_per_million"].items()
    }
    return ModelPrice(key, tiers, bool(entry.get("inclusive")), entry.get("off_peak"))


def _threshold(step: Sequence[Any]) -> int:
    return int(step[0])


def _rates(usd_per_million: Mapping[str, str]) -> Rates:
    rates: dict[str, tuple[int, str]] = {}
    for bucket in BUCKETS:
        text = usd_per_million.get(bucket, usd_per_million.get(PRICED_AS.get(bucket, "")))
        if text is not None:
            femto = int(ARITHMETIC.to_integral_value(Decimal(text).scaleb(9, ARITHMETIC)))
            usd = Decimal(femto).scaleb(-15, ARITHMETIC).normalize(ARITHMETIC)
            rates[bucket] = (femto, f"{usd:f}")
    return rates


def _contains(hours: str, moment: time) -> bool:
    start, end = (time.fromisoformat(part.strip()) for part in hours.split("-"))
    if start < end:
        return start <= moment < end
    return moment >= start or moment < end
