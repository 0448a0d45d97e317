"""The head of the page: which run is executed again, and how that can be. Pure."""

from secondtake.backend.formats import duration, money
from secondtake.backend.models.runs import RunFacts
from secondtake.studio.html import Html, el, icon
from secondtake.studio.navigation import run_address
from secondtake.studio.replay_page.source import Way
from secondtake.studio.run_page.data import RunView
from secondtake.studio.run_page.header import title_of
from secondtake.studio.run_page.json_text import name_line
from secondtake.studio.theme.tokens import STATUS_COLOURS, STATUS_ICONS

STEPWISE_ACT = "stepwise"


def head(view: RunView) -> Html:
    """Return title and source."""
    run = view.detail.summary
    colour = STATUS_COLOURS.get(run.status, "ink3")
    title = title_of(view)
    simulated = el("span", "simulated", cls="chip simulated",
                   title="Simulated models answered: no money was spent")  # fmt: skip
    return el(
        "div",
        el("h1", "Replay", cls="page-title"),
        el("a", el("span", title, cls="cut"), href=run_address(str(run.run_id)), cls="replay-of cut",
           title=title),
        el("span", icon(STATUS_ICONS.get(run.status, "help")), run.status.replace("_", " "),
           cls=f"chip status-{colour}"),
        simulated if run.simulated else None,
        el("span", cls="grow"),
        el("span", name_line(run.workflow or run.name or "run"), cls="meta cut"),
        el("span", run.short_id, cls="mono meta"),
        el("span", duration(run.duration_ms), cls="num meta"),
        el("span", money(run.cost_usd), cls="num meta"),
        cls="replay-title",
        data_testid="replay-head",
    )  # fmt: skip


def obstacle(run: RunFacts, way: Way, command: str) -> Html | None:
    """Return why a run cannot be executed again from here, and what can be done."""
    stepwise = el("span", icon("stairs_2"), "Replay stepwise", cls="act", data_act=STEPWISE_ACT,
                  data_value="1", role="button", tabindex=0,
                  title="Ask each of its LLM calls again, by itself")  # fmt: skip
    if run.status == "running":
        return _note("progress_activity", "This run goes on. It can be replayed when it has ended.")
    if way == "program":
        code = el("code", command, cls="copy", data_copy=command, title="Copy", role="button",
                  tabindex=0)  # fmt: skip
        return _note(
            "terminal",
            "A program of your own made this run, and the server does not have it. Where it is, type ",
            code,
            stepwise,
        )
    if way != "no":
        return None
    reason = name_line(run.replayable_reason or "its source does not say why", limit=400)
    if run.replayable == "no":
        return _note("block", f"This run cannot be replayed: {reason}.")
    return _note("info", f"This run cannot be replayed as a whole: {reason}.", stepwise)


def stepwise_note() -> Html:
    """Return that the replay is stepwise, with the way back."""
    whole = el("span", "Replay it as a whole", cls="act", data_act=STEPWISE_ACT, data_value="",
               role="button", tabindex=0)  # fmt: skip
    return _note("stairs_2", "Stepwise: each recorded LLM call by itself.", whole)


def _note(symbol: str, said: str, *more: Html) -> Html:
    return el("div", icon(symbol), el("span", said), more, cls="replay-note is-obstacle")
