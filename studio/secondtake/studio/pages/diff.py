"""The page that compares two runs: `/diff?a=<run id>&b=<run id>&tab=...&step=...`."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, SecondTakeError
from secondtake.studio.connection import away_is_said, backend
from secondtake.studio.diff_page.data import DiffView, load_diff
from secondtake.studio.diff_page.frame import show_frame
from secondtake.studio.diff_page.page_state import DiffState, open_state
from secondtake.studio.diff_page.picker import show_picker
from secondtake.studio.diff_page.texts import prose
from secondtake.studio.html import el, icon
from secondtake.studio.html import show as put
from secondtake.studio.navigation import RUNS_ADDRESS, diff_address, has_arrived


def show() -> None:
    """Draw what differs between the two runs that the address names, or let them be chosen."""
    query = st.query_params.to_dict()
    state = open_state(query)
    client = backend()
    try:
        if state is None:
            show_picker(client, a=query.get("a", "").strip() or None)
            return
        # Scores may have come since it was last seen.
        state.is_news = state.is_news or has_arrived()
        with _comparing(state):
            view = load_diff(client, state.a, state.b, may_be_kept=not state.is_news)
    except NoServerError:
        raise
    except SecondTakeError as error:
        _say(str(error))
        return
    state.is_news = False
    first = [view]

    def body() -> None:
        with away_is_said():
            _draw(client, first.pop() if first else None, state)

    st.fragment(body)()


@contextmanager
def _comparing(state: DiffState) -> Iterator[None]:
    """Say what is going on while two runs are compared: long ones take their time."""
    place = st.empty()
    if state.is_news:
        with place:
            line = el("p", icon("progress_activity", cls="spins"), " Comparing the two runs…")
            put(el("div", line, cls="quiet-note", role="status"))
    try:
        yield
    finally:
        place.empty()


def _draw(client: Client, view: DiffView | None, state: DiffState) -> None:
    """Draw all of the page."""
    if view is None:
        view = load_diff(client, state.a, state.b, may_be_kept=not state.is_news)
        state.is_news = False
    show_frame(client, view, state)


def _say(sentence: str) -> None:
    links = el("p", el("a", "Choose two runs", href=diff_address()), " · ",
               el("a", "All runs", href=RUNS_ADDRESS))  # fmt: skip
    put(el("div", icon("search_off", cls="empty-icon"), el("h2", "These runs cannot be compared"),
           el("p", prose(sentence)), links, cls="empty"))  # fmt: skip
