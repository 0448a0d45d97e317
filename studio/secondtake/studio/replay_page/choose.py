"""What stands on the page when no run is named: runs to choose from."""

from datetime import UTC, datetime
from typing import Final

from secondtake.backend.client import Client
from secondtake.backend.formats import LIST_PLACES, duration, moment, money
from secondtake.backend.models.runs import RunQuery, RunSummary
from secondtake.studio.components.pane import show_pane
from secondtake.studio.html import Html, el, icon
from secondtake.studio.navigation import RUNS_ADDRESS, replay_address
from secondtake.studio.run_page.json_text import in_one_line, name_line
from secondtake.studio.run_page.waterfall_rows import argument_words
from secondtake.studio.theme.tokens import STATUS_COLOURS, STATUS_ICONS

SHOWN: Final = 20
ASKED: Final = 100
COMMAND: Final = "secondtake run data/workflows/research.yaml -i topic='heat pumps in old houses'"


def show_choice(client: Client) -> None:
    """Draw the newest runs that can be executed again."""
    runs = client.list_runs(RunQuery(limit=ASKED)).items
    fit = [run for run in runs if run.replayable != "no" and run.status != "running"][:SHOWN]
    show_pane(_choice(fit) if fit else _none(), key="replay_choice")


def _choice(runs: list[RunSummary]) -> Html:
    now = datetime.now(UTC)
    return el(
        "div",
        el("h1", "Replay", cls="page-title"),
        el("p", "Execute a recorded run again with one thing changed, and see what that changed. "
           "Choose the run:", cls="meta"),
        el("div", [_row(run, now) for run in runs], cls="pane replay-choice"),
        el("p", el("a", "All runs", href=RUNS_ADDRESS)),
    )  # fmt: skip


def _row(run: RunSummary, now: datetime) -> Html:
    colour = STATUS_COLOURS.get(run.status, "ink3")
    said = in_one_line(argument_words(run.inputs_preview or run.name or "run"), limit=160)
    cls = "num simulated-price" if run.simulated else "num"
    return el(
        "a",
        icon(STATUS_ICONS.get(run.status, "help"), cls=colour, label=run.status),
        el("span", moment(run.started_at, now=now), cls="meta num"),
        el("b", name_line(run.workflow or run.name or "run", limit=60), cls="cut"),
        el("span", said, cls="cut meta", title=said),
        el("span", "step by step" if run.replayable == "stepwise" else "", cls="faint"),
        el("span", el("span", money(run.cost_usd, places=LIST_PLACES), cls=cls,
                      title="Simulated: no money was spent" if run.simulated else None), cls="num"),
        el("span", duration(run.duration_ms), cls="num"),
        href=replay_address(str(run.run_id)),
        cls="replay-choice-row",
    )  # fmt: skip


def _none() -> Html:
    return el(
        "div",
        icon("replay", cls="empty-icon"),
        el("h2", "No run to replay yet"),
        el("p", "A replay executes a recorded run again with one thing changed; what the change "
           "does not reach is answered by the recording, for nothing. Record a run first:"),
        el("p", el("code", COMMAND, cls="copy", data_copy=COMMAND, title="Copy", role="button",
                   tabindex=0)),
        cls="empty",
    )  # fmt: skip
