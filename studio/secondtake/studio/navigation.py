"""The pages there are, their addresses, and going from one to the other."""

from typing import Final
from urllib.parse import quote

import streamlit as st
from streamlit.navigation.page import Page

RUN_PATH: Final = "run"
"""Of the page of one run: `/run?id=<run id>`."""

_PAGES: Final = "navigation.pages"
_WANTED: Final = "navigation.wanted_run"
_SHOWN: Final = "navigation.shown"
_ARRIVED: Final = "navigation.arrived"


def run_address(run_id: str) -> str:
    """Return the address of the page of a run, the same from every page of the studio."""
    return f"/{RUN_PATH}?id={quote(run_id, safe='')}"


def open_run(run_id: str) -> None:
    """Have the page of a run opened; for callbacks, which run before anything is drawn.

    Switching from a page that was drawn costs half a second more.

    Args:
        run_id: empty for the list of runs.
    """
    st.session_state[_WANTED] = run_id


def follow() -> None:
    """Go where a callback asked to go; the first thing of every turn.

    The shell does so. A part of a page that renews itself must too, since its clicks do not pass
    the shell.
    """
    run_id = st.session_state.pop(_WANTED, None)
    if run_id:
        st.switch_page(st.session_state[_PAGES][1], query_params={"id": run_id})
    elif run_id is not None:
        st.switch_page(st.session_state[_PAGES][0])


def note_pages(shown: Page, *, runs_page: Page, run_page: Page) -> None:
    """Remember which page is shown now, and which ones can be gone to."""
    st.session_state[_PAGES] = (runs_page, run_page)
    st.session_state[_ARRIVED] = st.session_state.get(_SHOWN) not in (None, shown.url_path)
    st.session_state[_SHOWN] = shown.url_path


def has_arrived() -> bool:
    """Return whether another page was shown the turn before."""
    return bool(st.session_state.get(_ARRIVED))
