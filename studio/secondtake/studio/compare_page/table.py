"""The table: one row a model, the baseline first. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from secondtake.backend.formats import (
    CALL_PLACES,
    UNKNOWN,
    count,
    counted,
    duration,
    money,
    percent_change,
    tokens_in_out,
)
from secondtake.backend.models.comparisons import ComparedModel, Comparison, Share
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.navigation import run_address
from secondtake.studio.run_page.json_text import in_one_line, name_line

HEADS: Final = (
    ("model", "", ""),
    ("as baseline", "num", "Answers that are like the baseline's; for the baseline itself, how stable it is"),
    ("as itself", "num wide-only", "Of answers to inputs that were repeated, those like its most frequent one"),
    ("cost of a run", "num", "Mean over the runs that ended well and whose every call has a price"),
    ("p50", "num", "Median time of the runs that ended well"),
    ("tokens", "num", "Of all runs, in → out"),
    ("ended well", "num", "Runs that ended well, of those that were planned"),
)  # fmt: skip
MATTERS: Final = 0.05
"""A smaller change is not coloured."""


def table(comparison: Comparison) -> Html:
    """Return the table."""
    baseline = next((each for each in comparison.models if each.is_baseline), None)
    heads = [el("th", said, cls=cls, title=told or None) for said, cls, told in HEADS]
    rows = [_row(model, baseline) for model in comparison.models]
    return el(
        "div",
        el("table", el("thead", el("tr", heads)), el("tbody", rows), cls="compare-table"),
        cls="pane compare-pane",
        data_testid="compare-table",
    )


def share(value: Share | None) -> str:
    """Return a share as a count: a rate of a few would promise too much."""
    return UNKNOWN if value is None else f"{value.count} of {value.of}"


def _row(model: ComparedModel, baseline: ComparedModel | None) -> Html:
    name = name_line(model.model)
    chip = el("span", "baseline", cls="chip side-chip") if model.is_baseline else None
    return el(
        "tr",
        el("td", el("div", el("b", name, cls="cut", title=name), chip, cls="model-cell")),
        _agreement(model),
        el("td", share(model.same_as_itself), cls="num wide-only"),
        _cost(model, baseline),
        _time(model, baseline),
        _tokens(model),
        _ended(model),
        cls="is-baseline" if model.is_baseline else None,
    )


def _agreement(model: ComparedModel) -> Html:
    said = share(model.same_as_baseline)
    most = model.same_as_majority
    told = "" if most is None else f"{share(most)} like the majority of all answers"
    return el("td", said, cls="num", title=told or None)


def _cost(model: ComparedModel, baseline: ComparedModel | None) -> Html:
    spending = model.spending
    cls = "simulated-price" if spending.simulated else None
    told = "Simulated: no money was spent" if spending.simulated else None
    shown = el("span", money(spending.per_run_usd, places=CALL_PLACES), cls=cls, title=told)
    unpriced = None
    if spending.unpriced_runs:
        unpriced = el("span", icon("money_off"), f"{spending.unpriced_runs} unpriced", cls="warn",
                      title=f"{counted(spending.unpriced_calls, 'call')} without a known price")  # fmt: skip
    before = None if baseline is None or model.is_baseline else baseline.spending.per_run_usd
    return el("td", shown, _delta(before, spending.per_run_usd), unpriced, cls="num")


def _time(model: ComparedModel, baseline: ComparedModel | None) -> Html:
    if model.latency is None:
        return el("td", UNKNOWN, cls="num")
    latency = model.latency
    told = f"{duration(latency.min_ms)} to {duration(latency.max_ms)} in {counted(latency.runs, 'run')}"
    before = None
    if baseline is not None and baseline.latency is not None and not model.is_baseline:
        before = baseline.latency.p50_ms
    return el("td", duration(latency.p50_ms), _delta(before, latency.p50_ms), cls="num", title=told)


def _tokens(model: ComparedModel) -> Html:
    use = model.tokens
    unknown = f"{counted(use.unknown_runs, 'run')} without a count" if use.unknown_runs else None
    return el("td", tokens_in_out(use.input_tokens, use.output_tokens), cls="num", title=unknown)


def _ended(model: ComparedModel) -> Html:
    planned = model.planned
    said = count(model.ok) if planned is None else f"{count(model.ok)} of {count(planned)}"
    told = f"{model.failed} failed; why stands below" if model.failed else None
    parts: list[Html] = [el("span", said)]
    if model.failed:
        parts = [el("span", icon("error", label="failed"), said, cls="error", title=told)]
    if model.cancelled:
        parts.append(el("span", f"{model.cancelled} cancelled", cls="ink3"))
    if model.running:
        parts.append(el("span", icon("progress_activity", cls="spins"), f"{model.running} running",
                        cls="running"))  # fmt: skip
    return el("td", join(parts, separator=" "), cls="num ended")


def failures(models: Sequence[ComparedModel]) -> Html | None:
    """Return why runs did not end well, each with the run that says more."""
    rows = [
        el(
            "a",
            icon("error", cls="error"),
            el("b", name_line(model.model), cls="cut"),
            el(
                "span",
                f"{failure.count} \N{MULTIPLICATION SIGN} {name_line(failure.error_class)}",
                cls="failure-class",
            ),
            el("span", in_one_line(failure.reason), cls="cut meta", title=failure.reason[:500]),
            href=run_address(str(failure.run_id)),
            cls="failure-row",
        )
        for model in models
        for failure in model.failures
    ]
    return el("div", rows, cls="pane compare-failures") if rows else None


def _delta(before: float | Decimal | None, after: float | Decimal | None) -> Html | None:
    said = percent_change(before, after)
    if not said or before is None or after is None:
        return None
    change = float(after) / float(before) - 1 if before else 0.0
    colour = "faint" if abs(change) < MATTERS else "ok" if change < 0 else "error"
    return el("span", said, cls=f"delta {colour}", title="Against the baseline")
