"""The page of all runs: which there are, how they ended, what they cost."""

import json
from datetime import UTC, datetime
from functools import partial
from typing import Final

import streamlit as st

from secondtake.studio import live
from secondtake.studio.components.filter_chips import filter_chips
from secondtake.studio.components.histogram import histogram
from secondtake.studio.components.run_table import run_table
from secondtake.studio.connection import backend
from secondtake.studio.html import show as put
from secondtake.studio.run_page.neighbours import ORDER_KEY
from secondtake.studio.runs_page import state
from secondtake.studio.runs_page.chips import filters_in_words
from secondtake.studio.runs_page.empty import show_no_runs, show_none_fits
from secondtake.studio.runs_page.fetching import (
    Fetched,
    Listing,
    extended,
    fetch,
    find_default_span,
    renewed,
)
from secondtake.studio.runs_page.figures import figures
from secondtake.studio.runs_page.rows import run_rows
from secondtake.studio.runs_page.strip import strip
from secondtake.studio.runs_page.toolbar import toolbar
from secondtake.studio.runs_page.view import RunsView, Span, to_query
from secondtake.studio.runs_page.words import before, count_line, why_none

EVERY_S: Final = 2.0
"""A live list asks for news this often."""

_DEFAULT_SPAN: Final = "runs.default_span"
_LISTING: Final = "runs.listing"
_WANTS_MORE: Final = "runs.wants_more"


def show() -> None:
    """Draw the page."""
    view = state.begin()
    span = _default_span(view)
    state.write_address()
    toolbar(view, default_span=span)
    _chips(view)
    body = partial(_body, view, span)
    if view.live:
        live.section(body, every_s=EVERY_S)
    else:
        body()


def _default_span(view: RunsView) -> Span:
    if view.span is not None:
        return view.span
    if _DEFAULT_SPAN not in st.session_state:
        st.session_state[_DEFAULT_SPAN] = find_default_span(backend(), now=datetime.now(UTC))
    span: Span = st.session_state[_DEFAULT_SPAN]
    return span


def _chips(view: RunsView) -> None:
    found = filters_in_words(view, now=datetime.now(UTC))
    if found:
        filter_chips(
            [chip for chip, _ in found],
            key="runs_chips",
            on_remove=lambda place: state.change_view(found[place][1]),
            on_clear=lambda: state.change_view(state.current_view().cleared()),
        )


def _body(view: RunsView, span: Span) -> None:
    """Draw figures, bars and table. A click inside may call this alone, without the page."""
    state.draw_again_when_changed()
    now = datetime.now(UTC)
    fetched = fetch(backend(), view, now=now, default_span=span)
    list_id = json.dumps([to_query(view), span])
    listing = _listing(fetched, list_id)
    if not listing.runs and backend().health().runs == 0:
        show_no_runs()
        return
    st.session_state[ORDER_KEY] = [str(run.run_id) for run in listing.runs]
    put(strip(figures(fetched.statistics, before=before(view, span, fetched.statistics))))
    histogram(fetched.statistics.bars, key="runs_bars", now=now, on_window=_window_chosen)
    if not listing.runs:
        show_none_fits(reason=why_none(view, span))
        return
    run_table(
        run_rows(listing.runs, now=now),
        key="runs_table",
        list_id=list_id,
        counted=count_line(view, listing, fetched.threshold),
        has_more=listing.next_cursor is not None,
        on_more=_more_wanted,
    )


def _listing(fetched: Fetched, list_id: str) -> Listing:
    """Return the runs to show: the newest, and those that were asked for by scrolling."""
    kept_id, kept = st.session_state.get(_LISTING, (None, None))
    listing = renewed(kept if kept_id == list_id else None, fetched.listing)
    if st.session_state.pop(_WANTS_MORE, False) and fetched.wanted is not None:
        listing = extended(backend(), listing, fetched.wanted)
    st.session_state[_LISTING] = (list_id, listing)
    return listing


def _more_wanted() -> None:
    st.session_state[_WANTS_MORE] = True


def _window_chosen(since: datetime, until: datetime) -> None:
    state.change_view(state.in_window(state.current_view(), since, until))
