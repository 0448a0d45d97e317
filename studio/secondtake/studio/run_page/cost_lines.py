"""What a run cost, line by line, in exact decimals. Pure: no page, no client."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from secondtake.backend.models.records import LlmCallRow, ToolCallRow
from secondtake.backend.models.runs import RunDetail
from secondtake.studio.run_page.threads import NumberedCall

BUCKETS: Final = {
    "uncached_input": "input",
    "cache_read": "input from cache",
    "cache_write_5m": "cache write, 5 min",
    "cache_write_1h": "cache write, 1 h",
    "audio_input": "audio input",
    "image_input": "image input",
    "text_output": "output",
    "reasoning_output": "reasoning",
    "audio_output": "audio output",
}
"""What each bucket of tokens is called."""


@dataclass(frozen=True, kw_only=True)
class BucketLine:
    """Tokens of one kind at one rate."""

    name: str
    tokens: int
    usd_per_token: Decimal
    amount_usd: Decimal


@dataclass(frozen=True, kw_only=True)
class CallLine:
    """What one call cost, and how that came about."""

    call: NumberedCall | None
    """None for a tool that has a price."""
    tool: ToolCallRow | None = None
    cost_usd: Decimal | None
    buckets: Sequence[BucketLine] = ()
    why_unpriced: str | None = None
    """Set when the price is unknown, or nothing was to be paid."""

    @property
    def ties_out(self) -> bool:
        """True when the amounts of the buckets are the cost; also when there are no buckets."""
        return not self.buckets or sum(line.amount_usd for line in self.buckets) == self.cost_usd


@dataclass(frozen=True, kw_only=True)
class CostSheet:
    """All lines of a run, and whether they add up."""

    lines: Sequence[CallLine]
    total_usd: Decimal | None
    """Sum of the lines whose cost is known; None when none is."""
    run_cost_usd: Decimal | None
    """As the run has it."""
    avoided_usd: Decimal | None
    unpriced: int

    @property
    def ties_out(self) -> bool:
        """True when the lines add up to the run's cost, to the last digit."""
        return self.total_usd == self.run_cost_usd and all(line.ties_out for line in self.lines)


def cost_sheet(detail: RunDetail, calls: Sequence[NumberedCall]) -> CostSheet:
    """Return what a run cost, call by call."""
    lines = [_line_of_call(call) for call in calls]
    lines += [
        CallLine(call=None, tool=tool, cost_usd=tool.cost_usd)
        for tool in detail.tool_calls
        if tool.cost_usd is not None
    ]
    known = [line.cost_usd for line in lines if line.cost_usd is not None]
    run = detail.summary
    return CostSheet(
        lines=lines,
        total_usd=sum(known, start=Decimal(0)) if known else None,
        run_cost_usd=run.cost_usd,
        avoided_usd=run.avoided_cost_usd,
        unpriced=run.unpriced_calls or 0,
    )


def _line_of_call(call: NumberedCall) -> CallLine:
    row = call.row
    return CallLine(
        call=call,
        cost_usd=row.cost_usd,
        buckets=_buckets(row.cost_details),
        why_unpriced=_why(row) if row.cost_usd is None else None,
    )


def _buckets(details: Any) -> list[BucketLine]:
    lines: list[BucketLine] = []
    for name, values in details.items() if isinstance(details, dict) else ():
        try:
            tokens, rate, amount = values
            lines.append(
                BucketLine(
                    name=BUCKETS.get(name, str(name)),
                    tokens=int(tokens),
                    usd_per_token=Decimal(rate),
                    amount_usd=Decimal(amount),
                )
            )
        except (ValueError, TypeError, InvalidOperation):
            return []  # of another program: its sum stands, without its parts
    return lines


def _why(row: LlmCallRow) -> str:
    """Return why a call has no price, in one sentence."""
    has_usage = row.input_tokens is not None or row.output_tokens is not None
    if row.error_type and not has_usage:
        return "it failed before it used anything"
    if not has_usage:
        return "its source reported no tokens"
    model = row.served_model or row.model
    if model is None:
        return "its source does not say which model answered"
    return f"the price book has no price for {model}"
