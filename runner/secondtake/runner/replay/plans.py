"""What a replay would take, whichever way it is executed: its calls, and what they may cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from secondtake.runner.calls import Tokens
from secondtake.runner.events import LlmCall, TokenFields
from secondtake.runner.journal import SegmentWriter
from secondtake.runner.pricing import PriceSnapshot, price
from secondtake.runner.replay.matching import Recorded
from secondtake.runner.settings import Settings
from secondtake.runner.sink import Sink

Reach = Literal["recorded", "executed", "possible", "left_out"]
FREE: Final = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class PlannedCall:
    """A call of the source, and who would answer it."""

    kind: Literal["llm_call", "tool_call"]
    number: int
    """Among the LLM calls, or the tool calls, of the source."""
    node: str
    name: str
    """The model that would be asked, or the tool."""
    reach: Reach
    """`possible`: whether it is executed depends on what calls before it answer. `left_out`: it is
    not made again."""
    cost_usd: Decimal | None = None
    """Estimate, with the tokens of the source; None when unknown, and for tools."""
    why: str | None = None
    """Why it is left out, or why its request is as recorded instead of rebuilt."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a replay would do. Every figure is an estimate: answers are not known beforehand."""

    calls: tuple[PlannedCall, ...]
    """Of one execution."""
    lower_usd: Decimal | None
    """Of all repeats, when only what is certain is executed; None when a price is unknown."""
    upper_usd: Decimal | None
    """When all that may be reached is reached, once in each repeat."""
    stops: str | None = None
    """Why the replay would end early."""
    repeat: int = 1
    """How often it would be executed."""

    def count(self, reach: Reach) -> int:
        """Return how many calls there are of a kind, in all repeats."""
        return self.repeat * sum(call.reach == reach for call in self.calls)

    @property
    def unpriced(self) -> int:
        """How many LLM calls may be executed whose cost is not known, in all repeats."""
        return self.repeat * sum(
            call.kind == "llm_call" and call.cost_usd is None for call in _paid(self.calls)
        )


def plan_of(calls: Sequence[PlannedCall], *, stops: str | None, repeat: int | None) -> Plan:
    """Return a plan with its two amounts."""
    times = repeat or 1
    return Plan(
        calls=tuple(calls),
        lower_usd=_total([call for call in calls if call.reach == "executed"], times),
        upper_usd=_total(_paid(calls), times),
        stops=stops,
        repeat=times,
    )


def planned(
    call: Recorded,
    *,
    number: int,
    node: str,
    reach: Reach,
    model: str | None,
    snapshot: PriceSnapshot | None,
    why: str | None = None,
) -> PlannedCall:
    """Return a call of the source with what it would cost.

    Args:
        call: of the source.
        number: among the calls of its kind.
        node: where it is made.
        reach: who answers it.
        model: that would be asked; None for the one of the source.
        snapshot: the prices; None when there are none yet.
        why: see `PlannedCall.why`.
    """
    if not isinstance(call, LlmCall):
        return PlannedCall(
            kind="tool_call", number=number, node=node, name=call.tool, reach=reach, why=why
        )
    name = model or call.model or "unknown"
    cost = _cost(call, name, snapshot) if reach in ("executed", "possible") else FREE
    return PlannedCall(
        kind="llm_call", number=number, node=node, name=name, reach=reach, cost_usd=cost, why=why
    )


def _cost(call: LlmCall, model: str, snapshot: PriceSnapshot | None) -> Decimal | None:
    """Return what a call would cost with its tokens, at the prices of today."""
    counts: dict[str, Any] = {name: getattr(call, name) for name in TokenFields.model_fields}
    same = model == call.model
    return price(
        Tokens(**counts),
        model=model,
        served_model=call.served_model if same else None,
        provider=call.provider if same else None,
        service_tier=call.service_tier if same else None,
        snapshot=snapshot,
        at=call.started_at,
    ).cost_usd


def _paid(calls: Sequence[PlannedCall]) -> list[PlannedCall]:
    return [call for call in calls if call.reach in ("executed", "possible")]


def _total(calls: Sequence[PlannedCall], times: int) -> Decimal | None:
    """Return the sum, None when one is unknown; tools are free where they have no price."""
    total = FREE
    for call in calls:
        if call.kind == "tool_call":
            continue
        if call.cost_usd is None:
            return None
        total += call.cost_usd
    return total * times


class _NoWriter(SegmentWriter):
    """Writes nothing."""

    def run_begins(self) -> None:
        """Note nothing."""

    def run_ends(self) -> None:
        """Note nothing."""

    def write_lines(self, lines: Sequence[bytes]) -> None:
        """Forget the lines."""


class NoSink(Sink):
    """Cleans as that of the home does, so that requests have the same hashes, and writes nothing."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.writer = _NoWriter(settings.home)
