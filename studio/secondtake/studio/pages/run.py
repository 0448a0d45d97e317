"""The page of one run: `/run?id=<run id>&tab=...&span=...&step=...`."""

from datetime import UTC, datetime

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, SecondTakeError
from secondtake.studio.connection import backend
from secondtake.studio.html import el, icon
from secondtake.studio.html import show as put
from secondtake.studio.live import EVERY_S, section
from secondtake.studio.navigation import follow
from secondtake.studio.run_page.data import RunView, load_view
from secondtake.studio.run_page.frame import show_frame
from secondtake.studio.run_page.page_state import PageState, open_state


def show() -> None:
    """Draw the page of the run that the address names."""
    state = open_state(st.query_params.to_dict())
    if state is None:
        _say("No run is named", "Open one from the list of runs.")
        return
    client = backend()
    try:
        view = load_view(client, state.name, may_be_kept=not state.is_news)
    except NoServerError:
        raise
    except SecondTakeError as error:
        _say("This run cannot be shown", str(error))
        return
    state.is_news = False
    first = [view]

    def body() -> None:
        _draw(client, first.pop() if first else None, state, lives=view.is_running)

    section(body, every_s=EVERY_S if view.is_running else None)


def _draw(client: Client, view: RunView | None, state: PageState, *, lives: bool) -> None:
    """Draw all of the page; fetch the run again when this is not the first time."""
    follow()
    if view is None:
        view = load_view(client, state.name, may_be_kept=True)
    show_frame(client, view, state, now=datetime.now(UTC))
    if lives and not view.is_running:
        st.rerun()  # the run has ended: the page need not renew itself any more


def _say(title: str, sentence: str) -> None:
    link = el("a", "All runs", href="/")
    put(el("div", icon("search_off", cls="empty-icon"), el("h2", title), el("p", sentence),
           el("p", link), cls="empty"))  # fmt: skip
