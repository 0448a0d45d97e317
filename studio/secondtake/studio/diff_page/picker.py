"""Chooses two runs to compare: first the baseline, then the candidate, each a click."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import streamlit as st

from secondtake.backend import formats
from secondtake.backend.client import Client
from secondtake.backend.models.runs import RunFacts, RunQuery, RunSummary
from secondtake.studio.components.pane import show_pane
from secondtake.studio.diff_page.header import letter
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.navigation import RUNS_ADDRESS, diff_address, run_address
from secondtake.studio.run_page.header import title_of_run
from secondtake.studio.run_page.json_text import name_line
from secondtake.studio.runs_page.previews import said
from secondtake.studio.theme.tokens import STATUS_COLOURS, STATUS_ICONS

RUNS_SHOWN: Final = 100
TITLE_CHARS: Final = 1000
SEARCH_KEY: Final = "diff_q"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Runs to choose from."""

    heading: str
    runs: Sequence[RunSummary]


def show_picker(client: Client, *, a: str | None) -> None:
    """Draw the choice of two runs, or of B when A is named."""
    chosen = client.get_run(a, max_chars=TITLE_CHARS, parts=()).summary if a else None
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", key="diff_pick"):
        show_pane(_head(chosen), key="diff_pick_head")
        st.text_input(
            "Search runs",
            key=SEARCH_KEY,
            placeholder="Search runs",
            label_visibility="collapsed",
        )
    words = str(st.session_state.get(SEARCH_KEY) or "").strip()[:1000]
    choices = _choices(client, chosen, words)
    show_pane(
        _table(choices, chosen, words, now=datetime.now(UTC)),
        key="diff_pick_runs",
        fits_window=True,
        test_id="diff-picker",
    )


def _choices(client: Client, a: RunFacts | None, words: str) -> list[Choice]:
    """Return the runs to choose from; those that are close to A, or replays, come first."""
    found = client.list_runs(RunQuery(limit=RUNS_SHOWN, text=words or None)).items
    recent = [run for run in found if a is None or run.run_id != a.run_id]
    if a is None:
        close = [run for run in recent if run.source_run_id is not None]
        rest = [Choice(heading="Any two runs: choose A, the baseline", runs=recent)]
        first = [Choice(heading="Replays beside their source", runs=close[:8])] if close else []
        return first + rest
    akin = list(recent)
    if a.workflow and not words:
        same = client.list_runs(RunQuery(limit=RUNS_SHOWN, workflow=(a.workflow,))).items
        known = {run.run_id for run in akin}
        akin += [run for run in same if run.run_id not in known and run.run_id != a.run_id]
    close = [run for run in akin if _is_close(run, a)]
    nearest = {run.run_id for run in close}
    others = [run for run in recent if run.run_id not in nearest]
    return [
        *([Choice(heading="Replays of A, and runs of the same", runs=close)] if close else []),
        *([Choice(heading="Other runs", runs=others)] if others else []),
    ]


def _is_close(run: RunSummary, a: RunFacts) -> bool:
    is_kin = a.run_id == run.source_run_id or run.run_id == a.source_run_id
    return is_kin or bool(a.workflow and run.workflow == a.workflow)


def _head(a: RunFacts | None) -> Html:
    if a is None:
        said_first = "See exactly what differs between two runs. Choose the baseline first."
        return el("div", el("h1", "Diff", cls="page-title"), el("p", said_first),
                  cls="diff-verdict")  # fmt: skip
    title = title_of_run(a, first_said=None)
    return el(
        "div",
        el("h1", "Diff", cls="page-title"),
        el("p", "A is ", el("b", title, cls="cut", title=title), f" · {a.short_id}. Choose B. ",
           el("a", "Choose another A", href=diff_address())),
        cls="diff-verdict",
    )  # fmt: skip


def _table(choices: Sequence[Choice], a: RunFacts | None, words: str, *, now: datetime) -> Html:
    if not any(choice.runs for choice in choices):
        return _nothing(a, words)
    parts: list[Html] = []
    for choice in choices:
        if choice.runs:
            parts.append(el("div", choice.heading, cls="diff-pick-heading"))
            pairs = a is None and choice is not choices[-1]
            parts += [_row(run, a, with_source=pairs, now=now) for run in choice.runs]
    head = el(
        "div", el("span", ""), el("span", "started"), el("span", "run"), el("span", "workflow"),
        el("span", "model"), el("span", "time", cls="right"), el("span", "cost", cls="right"),
        el("span", "id"), cls="diff-pick-row diff-columns pane-sticky",
    )  # fmt: skip
    return el("div", head, parts, cls="diff-picker")


def _row(run: RunSummary, a: RunFacts | None, *, with_source: bool, now: datetime) -> Html:
    run_id = str(run.run_id)
    title = said(run.inputs_preview) or run.name or run.workflow or "run"
    if a is not None:
        where = diff_address(str(a.run_id), run_id)
        sign: Html = letter("B")
    elif with_source and run.source_run_id is not None:
        where, sign = diff_address(str(run.source_run_id), run_id), icon("difference")
    else:
        where, sign = diff_address(run_id), letter("A")
    colour = STATUS_COLOURS.get(run.status, "ink3")
    simulated = " simulated-price" if run.simulated else ""
    models = ", ".join(map(name_line, run.models or [])) or formats.UNKNOWN
    return el(
        "a",
        el("span", sign),
        el("span", icon(STATUS_ICONS.get(run.status, "help"), cls=colour, label=run.status), " ",
           formats.moment(run.started_at, now=now), title=formats.utc(run.started_at)),
        el("b", join(list(_named(run, title, with_source))), cls="cut", title=title),
        el("span", name_line(run.workflow or run.name or ""), cls="cut"),
        el("span", models, cls="cut", title=models),
        el("span", formats.duration(run.duration_ms), cls="right num"),
        el("span", el("span", formats.money(run.cost_usd, places=formats.LIST_PLACES),
                      cls=simulated.strip() or None), cls="right num"),
        el("span", run.short_id, cls="mono cut"),
        href=where,
        cls="diff-pick-row",
        data_stop="",
    )  # fmt: skip


def _named(run: RunSummary, title: str, with_source: bool) -> Iterator[Html | str]:
    yield title
    if run.source_run_id is not None:
        source = str(run.source_run_id)[:13]
        yield el("span", f" · replay of {source}" if not with_source else f" · beside {source}",
                 cls="meta")  # fmt: skip


def _nothing(a: RunFacts | None, words: str) -> Html:
    if words:
        said_why = "No run fits this search: try other words."
    elif a is not None:
        said_why = "This is the only run: replay it with one thing changed, then compare the two."
    else:
        said_why = "There is no run yet: record one, replay it, and see here what changed."
    cure = el("p", el("code", "secondtake replay last --set model=sim/weak"))
    link = el("a", "All runs", href=RUNS_ADDRESS) if a is None else el(
        "a", "Open run A", href=run_address(str(a.run_id))
    )  # fmt: skip
    return el("div", icon("difference", cls="empty-icon"), el("h2", "Nothing to compare with"),
              el("p", said_why), None if words else cure, el("p", link), cls="empty")  # fmt: skip
