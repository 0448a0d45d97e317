"""The list of comparisons. Pure."""

from collections.abc import Sequence
from datetime import datetime

from secondtake.backend.formats import LIST_PLACES, count, counted, moment, money
from secondtake.backend.models.comparisons import ComparisonSummary
from secondtake.studio.html import Html, el, icon
from secondtake.studio.navigation import compare_address
from secondtake.studio.run_page.json_text import in_one_line, name_line


def past(items: Sequence[ComparisonSummary], *, now: datetime) -> Html:
    """Return the comparisons, newest first."""
    if not items:
        return el(
            "div",
            icon("balance", cls="empty-icon"),
            el("h2", "No comparison yet"),
            el("p", "A comparison gives several models the same inputs and shows their answers side "
               "by side, with what each costs, how long it takes and where it fails. Start one with "
               "the form, or type:"),
            el("p", el("code", COMMAND, cls="copy", data_copy=COMMAND, title="Copy", role="button",
                       tabindex=0)),
            cls="empty",
        )  # fmt: skip
    return el(
        "div",
        el("div", el("span", "Comparisons", cls="strong"), el("span", count(len(items)), cls="meta"),
           cls="replay-head"),
        [_row(item, now) for item in items],
        cls="pane",
    )  # fmt: skip


COMMAND = "secondtake compare data/workflows/assistant.yaml --models sim/strong,sim/weak"


def _row(item: ComparisonSummary, now: datetime) -> Html:
    models = " · ".join(name_line(model, limit=60) for model in item.models)
    of = f" of {count(item.planned_runs)}" if item.planned_runs is not None else ""
    status = icon("check_circle", cls="ok", label="ended")
    if item.running_runs:
        status = icon("progress_activity", cls="running spins", label="being executed")
    elif item.planned_runs is not None and item.ended_runs < item.planned_runs:
        status = icon("pause_circle", cls="warn", label="not all of its runs have ended")
    failed = (
        el("span", icon("error"), f"{item.failed_runs} failed", cls="error")
        if item.failed_runs
        else None
    )
    cls = "num simulated-price" if item.simulated else "num"
    return el(
        "a",
        status,
        el("span", moment(item.started_at, now=now), cls="meta num"),
        el("span", el("b", name_line(item.name or "comparison", limit=60)), " ",
           el("span", models, cls="meta"), cls="cut", title=in_one_line(models)),
        el("span", counted(item.case_count, "case"), cls="meta num"),
        el("span", f"{count(item.ended_runs)}{of} runs", cls="meta num"),
        el("span", failed),
        el("span", el("span", money(item.cost_usd, places=LIST_PLACES), cls=cls,
                      title="Simulated: no money was spent" if item.simulated else None),
           cls="num"),
        href=compare_address(item.experiment_id),
        cls="past-row",
        data_key=f"past-{item.experiment_id}",
    )  # fmt: skip
