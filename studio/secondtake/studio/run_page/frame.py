"""The frame of the Run page: head, question, and the two panes."""

from datetime import datetime
from typing import Final

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import SecondTakeError
from secondtake.studio.components.pane import show_pane
from secondtake.studio.run_page.data import RunView
from secondtake.studio.run_page.header import diff_link, header, replay_link, steps
from secondtake.studio.run_page.left import show_left
from secondtake.studio.run_page.neighbours import load_neighbours
from secondtake.studio.run_page.page_state import TABS, PageState, Tab
from secondtake.studio.run_page.question import show_questions
from secondtake.studio.run_page.right import TAB_WORDS, show_right
from secondtake.studio.tabs import show_tabs

PANES: Final = (58, 42)
TAB_KEY: Final = "run_tab"


def show_frame(client: Client, view: RunView, state: PageState, *, now: datetime) -> None:
    """Draw the page of a run."""
    with st.container(key="run_head"):
        _head(client, view, state, now=now)
    if view.questions:
        show_questions(client, view, state)
    left, right = st.columns(PANES, gap="small")
    with left:
        show_left(client, view, state)
    with right:
        _tabs(state)
        show_right(client, view, state)


def _head(client: Client, view: RunView, state: PageState, *, now: datetime) -> None:
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", key="run_head_row"):
        show_pane(header(view, now=now), key="run_header")
        with st.container(horizontal=True, wrap=False, width="content", key="run_actions"):
            if view.is_running:
                st.button(
                    "Cancel",
                    icon=":material/stop_circle:",
                    key="run_cancel",
                    on_click=_cancel,
                    args=[client, view.run_id, state],
                )
            show_pane(diff_link(view.detail.summary), key="run_diff")
            if not view.is_running:
                show_pane(replay_link(view.detail.summary), key="run_replay")
            show_pane(steps(load_neighbours(client, view.run_id)), key="run_steps")


def _cancel(client: Client, run_id: str, state: PageState) -> None:
    try:
        state.tell(client.cancel_run(run_id).detail)
    except SecondTakeError as error:
        state.tell(str(error), is_bad=True)


def _tabs(state: PageState) -> None:
    def choose(tab: Tab) -> None:
        state.tab = tab

    show_tabs(
        "View of the run",
        TABS,
        key=TAB_KEY,
        chosen=state.tab,
        word_of=_word_of_tab,
        on_choose=choose,
    )


def _word_of_tab(tab: Tab) -> str:
    return TAB_WORDS[tab]
