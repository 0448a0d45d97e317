"""The page that has a run executed again: `/replay?run=<run id>&from=...&set=...`."""

from functools import partial
from typing import Final

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, SecondTakeError
from secondtake.studio.components.pane import Act, show_pane
from secondtake.studio.connection import backend
from secondtake.studio.html import el, icon
from secondtake.studio.html import show as put
from secondtake.studio.navigation import has_arrived
from secondtake.studio.replay_page import steps
from secondtake.studio.replay_page.choose import show_choice
from secondtake.studio.replay_page.follow import is_over
from secondtake.studio.replay_page.head import head
from secondtake.studio.replay_page.page_state import ReplayState, open_state, write_address
from secondtake.studio.replay_page.right import show_right
from secondtake.studio.replay_page.source import load_source, way_of
from secondtake.studio.run_page.data import RunView

PANES: Final = (48, 52)


def show() -> None:
    """Draw the page of a replay of the run that the address names."""
    client = backend()
    state = open_state()
    if state is None:
        show_choice(client)
        return
    write_address(state)
    if is_over(state, came_back=has_arrived()):
        state.following = None
    try:
        view = load_source(client, state.wanted.run, may_be_kept=not has_arrived())
    except NoServerError:
        raise
    except SecondTakeError as error:
        _say(str(error))
        return
    _draw(client, view, state)


def _draw(client: Client, view: RunView, state: ReplayState) -> None:
    show_pane(head(view), key="replay_title")
    left, right = st.columns(PANES, gap="small")
    way = way_of(view.detail.summary, stepwise=state.wanted.stepwise)
    with right:
        show_right(client, view, state, way)
    with left:
        planned = state.planned if way == "workflow" else None
        show_pane(
            steps.steps(
                view,
                focus=state.focus,
                fork=state.wanted.from_node,
                plan=planned.plan if planned else None,
                limit=state.rows,
            ),
            key="replay_source",
            on_act=partial(_act_on, state),
            fits_window=True,
            test_id="replay-source",
        )


def _act_on(state: ReplayState, act: Act) -> None:
    if act.name == steps.FOCUS_ACT:
        state.focus = act.value or None
    elif act.name == steps.MORE_ACT:
        state.rows += steps.ROWS_AT_ONCE


def _say(sentence: str) -> None:
    link = el("a", "All runs", href="/")
    put(el("div", icon("search_off", cls="empty-icon"), el("h2", "This run cannot be replayed"),
           el("p", sentence), el("p", link), cls="empty"))  # fmt: skip
