"""How the Run page follows a run that goes on, or that is still to come."""

import time
from typing import Final
from uuid import UUID

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, SecondTakeError
from secondtake.studio import live
from secondtake.studio.connection import away_is_said
from secondtake.studio.html import el, icon
from secondtake.studio.html import show as put
from secondtake.studio.run_page.data import renew_view
from secondtake.studio.run_page.page_state import PageState

BODY: Final = "run_body"
"""Names the part of the page that is drawn anew."""
SEEK_EVERY_S: Final = 1.0
SOUGHT_FOR_S: Final = 60.0


def watch(client: Client, state: PageState) -> None:
    """Have the page drawn anew whenever there is more of the run."""

    def finds_news() -> bool:
        return state.version is not None and _finds_news(client, state)

    live.follow(state, finds_news, part=BODY, name="run_news")


def _finds_news(client: Client, state: PageState) -> bool:
    try:
        view = renew_view(client, state.run_id or state.name, state.version)
    except NoServerError:
        found, state.is_lost = not state.is_lost, True
        return found
    except SecondTakeError:
        return False
    if view is not None and not view.is_running:
        st.rerun()  # all of the page: from now on nothing needs to be looked at
    return view is not None or state.is_lost


def may_come(state: PageState) -> bool:
    """Tell whether a run that is not there may be one that was only just asked for."""
    try:
        UUID(state.name)
    except ValueError:
        return False
    return True


def show_coming(client: Client, state: PageState) -> None:
    """Say that a run is not there yet, and look for it for a while."""
    now_s = time.monotonic()
    if state.sought_since_s is None:
        state.sought_since_s = now_s
    seeks = now_s - state.sought_since_s < SOUGHT_FOR_S

    def seek() -> None:
        with away_is_said():
            _seek(client, state)

    st.fragment(seek, run_every=SEEK_EVERY_S if seeks else None)()


def _seek(client: Client, state: PageState) -> None:
    now_s = time.monotonic()
    begun_s = state.sought_since_s or now_s
    try:
        client.resolve_run(state.name)
    except NoServerError:
        raise
    except SecondTakeError as error:
        waits = now_s - begun_s < SOUGHT_FOR_S
        _say_coming(state, str(error), waits=waits)
        if not waits:
            st.button("Look again", key="run_seek", on_click=_begin_again, args=[state])
        return
    state.is_news = True
    st.rerun()


def _begin_again(state: PageState) -> None:
    state.sought_since_s = None


def _say_coming(state: PageState, error: str, *, waits: bool) -> None:
    title = "This run has not begun yet" if waits else "This run cannot be shown"
    said = (
        f"Nothing of the run {state.name} has been recorded so far. If it was only just asked "
        "for, it has been accepted and has not begun yet. This page looks again every second."
        if waits
        else error
    )
    symbol = icon("progress_activity", cls="empty-icon spins") if waits else icon(
        "search_off", cls="empty-icon"
    )  # fmt: skip
    put(el("div", symbol, el("h2", title), el("p", said),
           el("p", el("a", "All runs", href="/")), cls="empty", data_testid="run-coming"))  # fmt: skip
