"""How the Diff page follows runs that go on."""

from typing import Final

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, SecondTakeError
from secondtake.studio import live
from secondtake.studio.diff_page.data import renew_diff
from secondtake.studio.diff_page.page_state import DiffState

BODY: Final = "diff_page"
"""Names the part of the page that is drawn anew."""


def watch(client: Client, state: DiffState) -> None:
    """Have the page drawn anew whenever there is more of one of the runs."""

    def finds_news() -> bool:
        return _finds_news(client, state)

    live.follow(state, finds_news, part=BODY, name="diff_news")


def _finds_news(client: Client, state: DiffState) -> bool:
    if state.ids is None or state.version is None:
        return False
    try:
        view = renew_diff(client, state.ids, state.version)
    except NoServerError:
        found, state.is_lost = not state.is_lost, True
        return found
    except SecondTakeError:
        return False
    if view is not None and not view.running:
        st.rerun()  # all of the page: from now on nothing needs to be looked at
    return view is not None or state.is_lost
