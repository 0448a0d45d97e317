"""The page of one run: `/run?id=<run id>&tab=...&span=...&step=...`."""

import time
from datetime import UTC, datetime

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, NotFoundError, SecondTakeError
from secondtake.studio.connection import away_is_said, backend
from secondtake.studio.html import el, icon
from secondtake.studio.html import show as put
from secondtake.studio.run_page.data import RunView, load_view
from secondtake.studio.run_page.frame import show_frame
from secondtake.studio.run_page.page_state import PageState, open_state
from secondtake.studio.run_page.renewal import BODY, may_come, show_coming, watch


def show() -> None:
    """Draw the page of the run that the address names."""
    state = open_state(st.query_params.to_dict())
    if state is None:
        _say("No run is named", "Open one from the list of runs.")
        return
    client = backend()
    try:
        view = load_view(client, state.run_id or state.name, may_be_kept=not state.is_news)
    except NoServerError:
        raise
    except NotFoundError as error:
        if may_come(state):
            show_coming(client, state)
        else:
            _say("This run cannot be shown", str(error))
        return
    except SecondTakeError as error:
        _say("This run cannot be shown", str(error))
        return
    state.is_news, state.run_id = False, view.run_id
    first = [view]

    def body() -> None:
        with away_is_said():
            _draw(client, first.pop() if first else None, state)

    st.fragment(body, key=BODY)()
    if view.is_running:
        watch(client, state)


def _draw(client: Client, view: RunView | None, state: PageState) -> None:
    """Draw all of the page."""
    begun_s = time.monotonic()
    if view is None:
        # After the server was away nothing kept is shown before it has answered.
        view = load_view(client, state.run_id or state.name, may_be_kept=not state.is_lost)
        state.is_lost = False
    if view.is_running:
        state.version = view.version
    show_frame(client, view, state, now=datetime.now(UTC))
    now_s = time.monotonic()
    state.look_at_s = now_s + (now_s - begun_s)  # leaves room for what the reader does


def _say(title: str, sentence: str) -> None:
    link = el("a", "All runs", href="/")
    put(el("div", icon("search_off", cls="empty-icon"), el("h2", title), el("p", sentence),
           el("p", link), cls="empty"))  # fmt: skip
