"""The page that compares two runs: `/diff?a=<run id>&b=<run id>&tab=...&step=...`."""

import time
from datetime import UTC, datetime

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, SecondTakeError
from secondtake.studio.connection import away_is_said, backend
from secondtake.studio.diff_page.data import (
    DiffView,
    fetch_diff,
    kept_diff,
    load_diff,
    load_runs,
)
from secondtake.studio.diff_page.frame import show_frame
from secondtake.studio.diff_page.header import comparing
from secondtake.studio.diff_page.page_state import DiffState, open_state
from secondtake.studio.diff_page.picker import show_picker
from secondtake.studio.diff_page.renewal import BODY, watch
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
        view = _load(client, state)
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

    st.fragment(body, key=BODY)()
    if view.running:
        watch(client, state)


def _load(client: Client, state: DiffState) -> DiffView:
    """Return what differs; while it is being found out, the two runs are shown already."""
    # Always there: else what stands below would be another element each time, and drawn anew.
    place = st.empty()
    # More may be known of them since they were last seen: scores, for one.
    if state.ids is not None and not (state.is_news or has_arrived()):
        return load_diff(client, state.ids, may_be_kept=True)
    runs = load_runs(client, *(state.ids or (state.a, state.b)))
    state.ids = runs.ids
    view = kept_diff(client, runs)
    if view is None:
        with place:
            put(comparing(runs, now=datetime.now(UTC)))
        try:
            view = fetch_diff(client, runs)
        finally:
            place.empty()
    return view


def _draw(client: Client, view: DiffView | None, state: DiffState) -> None:
    """Draw all of the page."""
    begun_s = time.monotonic()
    if view is None:
        assert state.ids is not None, "the page was drawn before"
        # After the server was away nothing kept is shown before it has answered.
        view = load_diff(client, state.ids, may_be_kept=not state.is_lost)
        state.is_lost = False
    if view.running:
        state.version = view.version
    show_frame(client, view, state)
    now_s = time.monotonic()
    state.look_at_s = now_s + (now_s - begun_s)  # leaves room for what the reader does


def _say(sentence: str) -> None:
    links = el("p", el("a", "Choose two runs", href=diff_address()), " · ",
               el("a", "All runs", href=RUNS_ADDRESS))  # fmt: skip
    put(el("div", icon("search_off", cls="empty-icon"), el("h2", "These runs cannot be compared"),
           el("p", prose(sentence)), links, cls="empty"))  # fmt: skip
