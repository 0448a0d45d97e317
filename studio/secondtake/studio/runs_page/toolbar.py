"""The row of controls above the list of runs."""

from dataclasses import replace
from typing import Any, Final

import streamlit as st

from secondtake.studio.html import el, show
from secondtake.studio.runs_page.filters import filter_popover
from secondtake.studio.runs_page.state import change_view, current_view
from secondtake.studio.runs_page.view import MAX_TEXT_CHARS, PILLS, SPANS, RunsView, Span

SEARCH: Final = "runs_q"
PILL: Final = "runs_pill"
SPAN: Final = "runs_span"
LIVE: Final = "runs_live"


def toolbar(view: RunsView, *, default_span: Span) -> None:
    """Draw title, search, filters, pills, span and the switch for live updates."""
    span = None if view.has_window else view.span or default_span
    _set({SEARCH: view.text, PILL: view.pill, SPAN: span, LIVE: view.live})
    row = st.container(key="runs_toolbar", horizontal=True, wrap=False, vertical_alignment="center")
    with row:
        show(el("h1", "Runs", cls="page-title"), width="content")
        st.text_input(
            "Search",
            key=SEARCH,
            live=True,  # after a pause of 250 ms; any other, as `400ms`, would load pandas
            max_chars=MAX_TEXT_CHARS,
            placeholder="Search texts and ids",
            icon=":material/search:",
            label_visibility="collapsed",
            on_change=_searched,
        )
        filter_popover(view)
        st.pills("View", PILLS, key=PILL, label_visibility="collapsed", on_change=_pill_chosen)
        st.space("stretch")
        st.segmented_control(
            "Started in the last",
            SPANS,
            key=SPAN,
            label_visibility="collapsed",
            on_change=_span_chosen,
        )
        st.toggle("Live", key=LIVE, on_change=_live_switched)


def _set(values: dict[str, Any]) -> None:
    """Make controls show the view; one that does already is left alone, for somebody may type."""
    for key, value in values.items():
        if key not in st.session_state or st.session_state[key] != value:
            st.session_state[key] = value


def _searched() -> None:
    change_view(replace(current_view(), text=st.session_state[SEARCH] or ""))


def _pill_chosen() -> None:
    change_view(replace(current_view(), pill=st.session_state[PILL]))


def _span_chosen() -> None:
    span = st.session_state[SPAN]
    if span is not None:  # a second click on the same takes nothing away
        change_view(replace(current_view(), span=span, since=None, until=None))


def _live_switched() -> None:
    change_view(replace(current_view(), live=bool(st.session_state[LIVE])))
