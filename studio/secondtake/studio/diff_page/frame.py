"""The frame of the Diff page: head, tabs, and the view that is chosen."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

import streamlit as st

from secondtake.backend.client import Client
from secondtake.studio.components.pane import Act, show_pane
from secondtake.studio.diff_page import header, money, steps
from secondtake.studio.diff_page.answer import answer
from secondtake.studio.diff_page.data import DiffView
from secondtake.studio.diff_page.page_state import SUBJECT, TABS, DiffState, Tab
from secondtake.studio.diff_page.values import values
from secondtake.studio.html import Html
from secondtake.studio.navigation import DIFF_PATH

TAB_KEY: Final = "diff_tab"
BODY_KEY: Final = "diff_body"

_WORDS: Final[Mapping[Tab, str]] = {
    "steps": "Steps",
    "answer": "Final answer",
    "configuration": "Configuration",
    "inputs": "Inputs",
    "state": "State",
    "money": "Money & time",
}


def show_frame(client: Client, view: DiffView, state: DiffState) -> None:
    """Draw the page of two runs."""
    act = partial(act_on, state)
    now = datetime.now(UTC)
    show_pane(header.header(view, now=now), key="diff_header", on_act=act)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", key="diff_bar"):
        _tabs(view, state)
        show_pane(header.actions(view), key="diff_actions")
    show_pane(
        body(view, state),
        key=BODY_KEY,
        on_act=act,
        scroll_to=_scroll_to(state),
        fits_window=True,
        test_id="diff-body",
        address=state.address(),
        page=DIFF_PATH,
        subject=SUBJECT,
    )


def body(view: DiffView, state: DiffState) -> Html:
    """Return the view that is chosen."""
    diff = view.diff
    if state.tab == "answer":
        return answer(diff)
    if state.tab == "configuration":
        return values(diff.configuration, named="configurations")
    if state.tab == "inputs":
        return values(diff.inputs, named="inputs")
    if state.tab == "state":
        return values(diff.state, named="states at the end")
    if state.tab == "money":
        return money.money(view, step_act=steps.STEP_ACT)
    opened = frozenset(state.opened)
    return steps.steps(view, step=state.step, limit=state.limit, opened=opened)


def act_on(state: DiffState, act: Act) -> None:
    """Do what a click on the page means."""
    do = _ACTS.get(act.name)
    if do is not None:  # else of another version of the page, still open in a browser
        do(state, act.value)


def _scroll_to(state: DiffState) -> str | None:
    return steps.key_of(state.step) if state.tab == "steps" and state.step is not None else None


def _tabs(view: DiffView, state: DiffState) -> None:
    if st.session_state.get(TAB_KEY) != state.tab:
        st.session_state[TAB_KEY] = state.tab

    def chosen() -> None:
        tab = st.session_state.get(TAB_KEY)
        if tab in TABS:
            state.tab = tab

    st.segmented_control(
        "View of the diff",
        TABS,
        format_func=partial(_word_of_tab, _counts(view)),
        key=TAB_KEY,
        on_change=chosen,
        label_visibility="collapsed",
    )


def _counts(view: DiffView) -> dict[Tab, int]:
    diff = view.diff
    return {
        "configuration": len(diff.configuration),
        "inputs": len(diff.inputs),
        "state": len(diff.state),
    }


def _word_of_tab(counts: Mapping[Tab, int], tab: Tab) -> str:
    count = counts.get(tab)
    return _WORDS[tab] if count is None else f"{_WORDS[tab]} · {count:,}"


def _choose_step(state: DiffState, value: str) -> None:
    if not (value.isascii() and value.isdigit()):
        return
    step = int(value)
    is_open = state.tab == "steps" and state.step == step
    state.tab, state.step = "steps", None if is_open else step


def _fold(state: DiffState, value: str) -> None:
    state.opened.add(value)


def _more(state: DiffState, value: str) -> None:
    if value.isascii() and value.isdigit():
        state.limit = int(value)


def _renew(state: DiffState, value: str) -> None:
    state.is_news = True


_ACTS: Final[Mapping[str, Callable[[DiffState, str], None]]] = {
    steps.STEP_ACT: _choose_step,
    steps.FOLD_ACT: _fold,
    steps.MORE_ACT: _more,
    header.RENEW_ACT: _renew,
}
