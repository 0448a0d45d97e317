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
from secondtake.studio.diff_page.rows import fold_of, unfolded, window_of
from secondtake.studio.diff_page.values import values
from secondtake.studio.html import Html
from secondtake.studio.navigation import DIFF_PATH
from secondtake.studio.tabs import show_tabs

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
    state.was_live = state.was_live or bool(view.running)
    show_pane(
        header.header(view, now=datetime.now(UTC), was_live=state.was_live),
        key="diff_header",
        on_act=act,
    )
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
        return money.money(view, step_act=header.GO_ACT)
    fold = fold_of(view.rows, state.step) if state.step is not None else None
    if fold is not None:
        state.opened.add(fold.name)
    rows = unfolded(view.rows, state.opened)
    window = window_of(rows, first=state.first, number=state.step)
    state.first = window.start
    return steps.steps(view, rows, window=window, step=state.step)


def act_on(state: DiffState, act: Act) -> None:
    """Do what a click on the page means."""
    do = _ACTS.get(act.name)
    if do is not None:  # else of another version of the page, still open in a browser
        do(state, act.value)


def _scroll_to(state: DiffState) -> str | None:
    return steps.key_of(state.step) if state.tab == "steps" and state.step is not None else None


def _tabs(view: DiffView, state: DiffState) -> None:
    def choose(tab: Tab) -> None:
        state.tab = tab

    show_tabs(
        "View of the diff",
        TABS,
        key=TAB_KEY,
        chosen=state.tab,
        word_of=partial(_word_of_tab, _counts(view)),
        on_choose=choose,
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


def _go_to_step(state: DiffState, value: str) -> None:
    if value.isascii() and value.isdigit():
        state.tab, state.step, state.first = "steps", int(value), None


def _fold(state: DiffState, value: str) -> None:
    """Open a fold, or close it with the pair in it that is open."""
    first, _, last = value.partition("-")
    if not (value.isascii() and first.isdigit() and last.isdigit()):
        return
    name = f"fold-{first}"
    if name not in state.opened:
        state.opened.add(name)
        return
    state.opened.discard(name)
    if state.step is not None and int(first) <= state.step <= int(last):
        state.step = None


def _turn(state: DiffState, value: str) -> None:
    if value.isascii() and value.isdigit():
        state.first = int(value)


_ACTS: Final[Mapping[str, Callable[[DiffState, str], None]]] = {
    steps.STEP_ACT: _choose_step,
    steps.FOLD_ACT: _fold,
    steps.TURN_ACT: _turn,
    header.GO_ACT: _go_to_step,
}
