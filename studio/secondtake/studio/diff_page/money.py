"""Where money and time went: a bridge from A over the edits to B."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from secondtake.backend import formats
from secondtake.backend.models.diffs import RunDiff
from secondtake.backend.run_diffs import OPERATIONS, Pair
from secondtake.studio.diff_page.data import DiffView
from secondtake.studio.diff_page.header import letter
from secondtake.studio.diff_page.rows import pair_title
from secondtake.studio.html import Html, el, join

BARS_SHOWN: Final = 16
"""Edits with a bar of their own; the smaller ones are one bar."""

Amount = float | Decimal | None


@dataclass(frozen=True, kw_only=True)
class Pier:
    """A row of the bridge: a whole run, or what one edit adds."""

    label: str
    note: str
    cost_usd: Decimal | None
    duration_ms: float | None
    whole: str = ""
    """`A` or `B` where the row is that run; empty for a change."""
    step: int | None = None
    """The pair of steps that it is."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Where a bar stands, as shares of the width."""

    start: float
    length: float
    is_less: bool
    zero: float
    """Where nothing is."""


def money(view: DiffView, *, step_act: str) -> Html:
    """Return the bridge.

    Args:
        view: the two runs.
        step_act: what a click on an edit is called.
    """
    piers = piers_of(view.diff, view.pairs)
    costs = spans_of([pier.cost_usd for pier in piers])
    times = spans_of([pier.duration_ms for pier in piers])
    took = _times(piers)
    rows = [
        _row(pier, cost, time, shown, step_act)
        for pier, cost, time, shown in zip(piers, costs, times, took, strict=True)
    ]
    simulated = view.diff.a.simulated or view.diff.b.simulated
    head = el(
        "div",
        el("div", "from A over the edits to B"),
        el("div", "simulated cost" if simulated else "cost", cls="right"),
        el("div", ""),
        el("div", "time", cls="right"),
        el("div", ""),
        cls="diff-bridge-row diff-columns pane-sticky",
    )
    return el("div", head, rows, _foot(view.diff), cls="diff-bridge", data_testid="diff-bridge")


def piers_of(diff: RunDiff, pairs: Sequence[Pair]) -> list[Pier]:
    """Return the rows of the bridge; what lies between A and B adds up to their difference."""
    changed = [pair for pair in pairs if pair.edit.operation != "same"]
    by_weight = sorted(changed, key=lambda pair: _weight(diff, pair), reverse=True)
    own = {pair.number for pair in by_weight[:BARS_SHOWN]}
    piers = [
        Pier(
            label=pair_title(pair),
            note=OPERATIONS[pair.edit.operation],
            cost_usd=_cost_delta(pair),
            duration_ms=pair.edit.delta_duration_ms,
            step=pair.number,
        )
        for pair in changed
        if pair.number in own
    ]
    smaller = [pair for pair in changed if pair.number not in own]
    same = [pair for pair in pairs if pair.edit.operation == "same"]
    piers += _together(smaller, "smaller edit", "")
    piers += _together(same, "identical step", "same")
    rest = _rest(diff, piers)
    a, b = diff.a, diff.b
    return [
        Pier(label="A", note="whole run", cost_usd=a.cost_usd, duration_ms=a.duration_ms,
             whole="A"),
        *piers,
        *rest,
        Pier(label="B", note="whole run", cost_usd=b.cost_usd, duration_ms=b.duration_ms,
             whole="B"),
    ]  # fmt: skip


def spans_of(amounts: Sequence[Amount]) -> list[Span | None]:
    """Return where the bar of each amount stands: the first and the last from 0, others between."""
    known = [None if amount is None else float(amount) for amount in amounts]
    at: float | None = 0.0
    ends: list[tuple[float, float] | None] = []
    for place, amount in enumerate(known):
        start = 0.0 if place in (0, len(known) - 1) else at
        # Behind a change that is unknown, nobody knows where the next one begins.
        at = None if start is None or amount is None else start + amount
        ends.append(None if start is None or at is None else (start, at))
    marks = [0.0, *(mark for each in ends if each is not None for mark in each)]
    low = min(marks)
    width = (max(marks) - low) or 1.0
    return [
        None
        if each is None
        else Span(
            start=(min(each) - low) / width,
            length=(max(each) - min(each)) / width,
            is_less=each[1] < each[0],
            zero=-low / width,
        )
        for each in ends
    ]


def _weight(diff: RunDiff, pair: Pair) -> float:
    """Return how much an edit matters: its share of the money or the time of the larger run."""
    largest = float(max(diff.a.cost_usd or 0, diff.b.cost_usd or 0)) or 1.0
    largest_ms = max(diff.a.duration_ms or 0, diff.b.duration_ms or 0) or 1.0
    cost, took_ms = pair.edit.delta_cost_usd or 0, pair.edit.delta_duration_ms or 0
    return max(abs(float(cost)) / largest, abs(took_ms) / largest_ms)


def _cost_delta(pair: Pair) -> Decimal | None:
    """Return the change of money; a tool without a price costs nothing."""
    if pair.step.kind != "llm" and pair.edit.delta_cost_usd is None:
        return Decimal(0)
    return pair.edit.delta_cost_usd


def _together(pairs: Sequence[Pair], one: str, note: str) -> Iterator[Pier]:
    if not pairs:
        return
    costs = [_cost_delta(pair) for pair in pairs]
    times = [pair.edit.delta_duration_ms for pair in pairs]
    known_costs = [each for each in costs if each is not None]
    known_times = [each for each in times if each is not None]
    yield Pier(
        label=formats.counted(len(pairs), one),
        note=note,
        cost_usd=sum(known_costs, Decimal(0)) if len(known_costs) == len(costs) else None,
        duration_ms=sum(known_times) if len(known_times) == len(times) else None,
    )


def _rest(diff: RunDiff, piers: Sequence[Pier]) -> Iterator[Pier]:
    """Yield what no step accounts for: time between the steps, and that of parallel ones."""
    costs = [pier.cost_usd for pier in piers if pier.cost_usd is not None]
    times = [pier.duration_ms for pier in piers if pier.duration_ms is not None]
    cost = diff.delta_cost_usd
    if cost is not None:
        cost = cost - sum(costs, Decimal(0)) if len(costs) == len(piers) else None
    took_ms = diff.delta_duration_ms
    if took_ms is not None:
        took_ms = took_ms - sum(times) if len(times) == len(piers) else None
    if cost or took_ms:
        yield Pier(
            label="Outside the steps, or side by side",
            note="rest",
            cost_usd=cost,
            duration_ms=took_ms,
        )


def _times(piers: Sequence[Pier]) -> list[str]:
    """Return the times of the rows: of whole runs as they are, of changes with their sign."""
    all_ms = [pier.duration_ms for pier in piers]
    wholes = formats.duration_column(all_ms)
    changes = formats.duration_delta_column(all_ms)
    return [
        whole if pier.whole else change
        for pier, whole, change in zip(piers, wholes, changes, strict=True)
    ]


def _row(pier: Pier, cost: Span | None, time: Span | None, took: str, act: str) -> Html:
    write = formats.money if pier.whole else formats.money_delta
    label = (
        join(letter(pier.whole), el("b", pier.note))
        if pier.whole
        else join(el("span", pier.label, cls="ellipsis", title=pier.label), _note(pier))
    )
    is_step = pier.step is not None
    return el(
        "div",
        el("div", label, cls="diff-bridge-label"),
        el("div", write(pier.cost_usd, places=formats.CALL_PLACES), cls="right num"),
        _bar(pier, cost),
        el("div", took, cls="right num"),
        _bar(pier, time),
        cls="diff-bridge-row" + (" is-whole" if pier.whole else "") + (" is-step" * is_step),
        role="button" if is_step else None,
        tabindex=0 if is_step else None,
        data_act=act if is_step else None,
        data_value=pier.step,
        data_stop="" if is_step else None,
        title="Show these steps" if is_step else None,
    )


def _note(pier: Pier) -> Html | None:
    return el("span", pier.note, cls="meta") if pier.note else None


def _bar(pier: Pier, span: Span | None) -> Html:
    if span is None:
        return el("div", cls="diff-bar is-unknown")
    tone = "less" if span.is_less else "more" if span.length else "none"
    style = {"left": f"{span.start:.2%}", "width": f"{span.length:.2%}"}
    return el(
        "div",
        el("i", cls="zero", style={"left": f"{span.zero:.2%}"}),
        el("i", cls=f"is-{pier.whole.lower() or tone}", style=style),
        cls="diff-bar",
    )


def _foot(diff: RunDiff) -> Html:
    notes: list[str] = []
    if diff.a.simulated or diff.b.simulated:
        notes.append("Simulated prices: no money was spent.")
    notes.append("Steps that run side by side count in full each; the row before B takes it back.")
    for name, side in (("A", diff.a), ("B", diff.b)):
        if side.unpriced_calls:
            calls = formats.counted(side.unpriced_calls, "call")
            notes.append(f"{name} has {calls} without a known price.")
    return el("div", " ".join(notes), cls="pane-note")
