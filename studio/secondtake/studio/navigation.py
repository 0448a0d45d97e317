"""The addresses of the pages, and which page was shown before.

Pages are changed in the browser (`components/go.js`), never from Python.
"""

from typing import Final
from urllib.parse import quote

import streamlit as st
from streamlit.navigation.page import Page

RUNS_ADDRESS: Final = "/"
RUN_PATH: Final = "run"
"""Of the page of one run: `/run?id=<run id>`."""
DIFF_PATH: Final = "diff"
"""Of the page that compares two runs: `/diff?a=<run id>&b=<run id>`."""
REPLAY_PATH: Final = "replay"
"""Of the page that has a run executed again: `/replay?run=<run id>`."""
COMPARE_PATH: Final = "compare"
"""Of the page that compares models: `/compare?id=<experiment>`."""

_SHOWN: Final = "navigation.shown"
_ARRIVED: Final = "navigation.arrived"


def run_address(run_id: str) -> str:
    """Return the address of the page of a run, the same from every page of the studio."""
    return f"/{RUN_PATH}?id={quote(run_id, safe='')}"


def diff_address(a: str | None = None, b: str | None = None) -> str:
    """Return the address of the page that compares two runs.

    Args:
        a: the baseline; None to have it chosen there.
        b: the candidate; None to have it chosen there.
    """
    named = [(name, run) for name, run in (("a", a), ("b", b)) if run]
    query = "&".join(f"{name}={quote(run, safe='')}" for name, run in named)
    return f"/{DIFF_PATH}?{query}" if query else f"/{DIFF_PATH}"


def replay_address(run_id: str) -> str:
    """Return the address of the page that has a run executed again."""
    return f"/{REPLAY_PATH}?run={quote(run_id, safe='')}"


def compare_address(experiment_id: str | None = None) -> str:
    """Return the address of a comparison of models; without an id, of the list of them."""
    named = f"?id={quote(experiment_id, safe='')}" if experiment_id else ""
    return f"/{COMPARE_PATH}{named}"


def note_page(shown: Page) -> None:
    """Remember which page is shown now."""
    st.session_state[_ARRIVED] = st.session_state.get(_SHOWN) not in (None, shown.url_path)
    st.session_state[_SHOWN] = shown.url_path


def has_arrived() -> bool:
    """Return whether another page was shown the turn before."""
    return bool(st.session_state.get(_ARRIVED))
