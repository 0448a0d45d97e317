"""What the replay would take, in one strip. Pure."""

from decimal import Decimal
from typing import Final

from secondtake.backend.formats import UNKNOWN, count, counted, money
from secondtake.backend.models.replays import PlannedCall, ReplayPlan
from secondtake.studio.html import Html, el, icon

REASONS_SHOWN: Final = 3


def plan_strip(plan: ReplayPlan, *, simulated: bool) -> Html:
    """Return the plan: every figure is an estimate, and says so."""
    notes = [_note(f"It would end early: {plan.stops}")] if plan.stops else []
    notes += [_note(said) for said in reasons(plan)]
    return el(
        "div",
        el(
            "div",
            _figure("Executed", count(plan.executed), counted(plan.executed, "call")[len(count(plan.executed)):].strip(),
                    "Calls that a change reaches for certain"),
            _figure("From the recording", count(plan.recorded), "for nothing",
                    "Calls that are answered by the recording"),
            _figure("Depends on answers", f"+{count(plan.possible)}" if plan.possible else "0", "more calls",
                    "Executed or not, depending on what calls before them answer"),
            _figure("Cost", span(plan.lower_usd, plan.upper_usd), _estimated(plan, simulated),
                    "With the tokens of the source and the prices of today"),
            cls="plan-figures",
        ),
        notes,
        cls="plan",
        role="status",
        data_testid="plan",
    )  # fmt: skip


def reasons(plan: ReplayPlan) -> list[str]:
    """Return why calls are left out, or are not rebuilt; each reason once, the first few."""
    found: dict[tuple[bool, str], list[PlannedCall]] = {}
    for call in plan.calls:
        if call.why is not None:
            found.setdefault((call.reach == "left_out", call.why), []).append(call)
    said = [
        f"{_calls(calls)} {'left out' if is_left_out else 'not rebuilt, but sent as recorded'}: {why}."
        for (is_left_out, why), calls in found.items()
    ]
    more = len(said) - REASONS_SHOWN
    return [*said[:REASONS_SHOWN], *([f"And {counted(more, 'more reason')}."] if more > 0 else [])]


def _calls(calls: list[PlannedCall]) -> str:
    first = calls[0]
    name = f"{'LLM call' if first.kind == 'llm_call' else 'Tool call'} {first.number}"
    return f"{name} is" if len(calls) == 1 else f"{name} and {count(len(calls) - 1)} more are"


def _note(said: str) -> Html:
    return el("div", icon("warning", cls="warn"), el("span", said), cls="replay-note is-warning")


def refusal(sentence: str) -> Html:
    """Return why there is no such replay."""
    return el("div", icon("error", cls="error"), el("span", sentence),
              cls="replay-note is-refusal", role="alert", data_testid="refusal")  # fmt: skip


def span(lower_usd: Decimal | None, upper_usd: Decimal | None) -> str:
    """Return two amounts as one stretch."""
    if lower_usd is None and upper_usd is None:
        return UNKNOWN
    if lower_usd == upper_usd:
        return money(lower_usd)
    return f"{money(lower_usd)} \N{EN DASH} {money(upper_usd)}"


def _estimated(plan: ReplayPlan, simulated: bool) -> str:
    words = ["estimate"]
    if plan.unpriced:
        words.append(f"what {counted(plan.unpriced, 'call')} would cost is unknown")
    if plan.repeat > 1:
        low, high = (None if each is None else each / plan.repeat
                     for each in (plan.lower_usd, plan.upper_usd))  # fmt: skip
        words.append(f"{plan.repeat} repeats, {span(low, high)} for each repeat")
    if simulated:
        words.append("simulated")
    return " · ".join(words)


def _figure(label: str, value: str, note: str, told: str) -> Html:
    return el(
        "div",
        el("div", label, cls="plan-label"),
        el("div", el("b", value), el("span", note, cls="meta"), cls="plan-value"),
        cls="plan-figure",
        title=told,
    )
