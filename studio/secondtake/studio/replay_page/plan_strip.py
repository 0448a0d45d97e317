"""What the replay would take, in one strip. Pure."""

from decimal import Decimal

from secondtake.backend.formats import UNKNOWN, count, counted, money
from secondtake.backend.models.replays import ReplayPlan
from secondtake.studio.html import Html, el, icon


def plan_strip(plan: ReplayPlan, *, repeat: int, simulated: bool) -> Html:
    """Return the plan: every figure is an estimate, and says so."""
    stops = None
    if plan.stops:
        stops = el("div", icon("warning", cls="warn"), el("span", f"It would end early: {plan.stops}"),
                   cls="replay-note is-warning")  # fmt: skip
    return el(
        "div",
        el(
            "div",
            _figure("Executed", count(plan.executed), counted(plan.executed, "call")[len(str(plan.executed)):].strip(),
                    "Calls that a change reaches"),
            _figure("From the recording", count(plan.recorded), "for nothing",
                    "Calls that are answered by the recording"),
            _figure("If an answer differs", f"+{plan.possible}" if plan.possible else "0", "more calls",
                    "Executed only if a call before them answers something else"),
            _figure("Cost", span(plan.lower_usd, plan.upper_usd), _estimated(plan, repeat, simulated),
                    "With the tokens of the source and the prices of today"),
            cls="plan-figures",
        ),
        stops,
        cls="plan",
        role="status",
        data_testid="plan",
    )  # fmt: skip


def no_plan(sentence: str) -> Html:
    """Return why there is no plan for a replay that can be made all the same."""
    return el("div", icon("info"), el("span", sentence), cls="replay-note", role="status")


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


def _estimated(plan: ReplayPlan, repeat: int, simulated: bool) -> str:
    words = ["estimate"]
    if plan.lower_usd is None or plan.upper_usd is None:
        words.append("a price is unknown")
    if repeat > 1:
        words.append("for each repeat")
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
