"""The pages there are, their addresses, and going from one to the other."""

from typing import Final
from urllib.parse import quote

import streamlit as st

RUN_PATH: Final = "run"
"""Of the page of one run: `/run?id=<run id>`."""

_WANTED: Final = "navigation.wanted_run"


def run_address(run_id: str) -> str:
    """Return the address of the page of a run, relative to any page of the studio."""
    return f"/{RUN_PATH}?id={quote(run_id, safe='')}"


def open_run(run_id: str) -> None:
    """Have the page of a run opened; for callbacks, which run before any page does.

    The shell switches before it draws a page: switching from a page that was drawn costs half a
    second more.
    """
    st.session_state[_WANTED] = run_id


def take_wanted_run() -> str | None:
    """Return the run that a callback asked to open, once."""
    wanted = st.session_state.pop(_WANTED, None)
    return wanted if isinstance(wanted, str) else None
