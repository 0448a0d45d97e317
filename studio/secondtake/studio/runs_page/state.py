"""The view of this browser session, and the address that carries it."""

from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from secondtake.studio.navigation import has_arrived
from secondtake.studio.runs_page.view import Query, RunsView, from_query, to_query

_VIEW: Final = "runs.view"
_SHOWN: Final = "runs.shown"
_ADDRESS: Final = "runs.address"


def current_view() -> RunsView:
    """Return what is looked at."""
    view = st.session_state.get(_VIEW)
    return view if isinstance(view, RunsView) else RunsView()


def change_view(view: RunsView) -> None:
    """Look at something else; for callbacks, which run before the page is drawn."""
    st.session_state[_VIEW] = view


def in_window(view: RunsView, since: datetime, until: datetime) -> RunsView:
    """Return the view of a stretch of time."""
    return replace(view, since=since, until=until)


def begin() -> RunsView:
    """Return the view to draw: the address decides when it is not the one that we wrote.

    It is another one when someone came by a link or went back. Coming from another page without
    a word about runs keeps the list as it was left.
    """
    address = _address()
    if address != st.session_state.get(_ADDRESS) and not (has_arrived() and not address):
        change_view(from_query(address))
    view = current_view()
    st.session_state[_SHOWN] = view
    return view


def write_address() -> None:
    """Make the address say what is looked at."""
    query = to_query(current_view())
    if query != _address():
        st.query_params.from_dict(query)
    st.session_state[_ADDRESS] = query


def draw_again_when_changed() -> None:
    """Draw the whole page when the view is no longer the one that was drawn.

    A part of the page that renews itself is told of a click alone; the toolbar must follow.
    """
    if current_view() != st.session_state.get(_SHOWN):
        st.rerun()


def _address() -> Query:
    return {name: st.query_params.get_all(name) for name in st.query_params}
