"""The pages there are, their addresses, and going from one to the other."""

from typing import Final
from urllib.parse import quote

import streamlit as st
from streamlit.navigation.page import Page

RUN_PATH: Final = "run"
"""Of the page of one run: `/run?id=<run id>`."""

_RUN_PAGE: Final = "navigation.run_page"
_WANTED: Final = "navigation.wanted_run"
_SHOWN: Final = "navigation.shown"
_ARRIVED: Final = "navigation.arrived"


def run_address(run_id: str) -> str:
    """Return the address of the page of a run, the same from every page of the studio."""
    return f"/{RUN_PATH}?id={quote(run_id, safe='')}"


def open_run(run_id: str) -> None:
    """Have the page of a run opened; for callbacks, which run before anything is drawn.

    Switching from a page that was drawn costs half a second more.
    """
    st.session_state[_WANTED] = run_id


def follow() -> None:
    """Go where a callback asked to go; the first thing of every turn.

    The shell does so. A part of a page that renews itself must too, since its clicks do not pass
    the shell.
    """
    run_id = st.session_state.pop(_WANTED, None)
    if isinstance(run_id, str):
        st.switch_page(st.session_state[_RUN_PAGE], query_params={"id": run_id})


def note_pages(shown: Page, *, run_page: Page) -> None:
    """Remember which page is shown now, and which one shows a run."""
    st.session_state[_RUN_PAGE] = run_page
    st.session_state[_ARRIVED] = st.session_state.get(_SHOWN) not in (None, shown.url_path)
    st.session_state[_SHOWN] = shown.url_path


def has_arrived() -> bool:
    """Return whether another page was shown the turn before."""
    return bool(st.session_state.get(_ARRIVED))
