"""The tabs of a page: one view of several, chosen by a click or by the address."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

T = TypeVar("T", bound=str)


def show_tabs(
    label: str,
    tabs: Sequence[T],
    *,
    key: str,
    chosen: T,
    word_of: Callable[[T], str],
    on_choose: Callable[[T], None],
) -> None:
    """Draw the tabs.

    Args:
        label: what is chosen, for screen readers.
        tabs: all of them.
        key: of the widget.
        chosen: the one that is shown.
        word_of: what a tab is called; no text of a user or a model.
        on_choose: told which one was clicked, before the page is drawn again.
    """
    if st.session_state.get(key) != chosen:
        st.session_state[key] = chosen

    def clicked() -> None:
        # A second click on the same tab chooses none.
        for tab in tabs:
            if tab == st.session_state.get(key):
                on_choose(tab)

    st.segmented_control(
        label,
        tabs,
        format_func=word_of,
        key=key,
        on_change=clicked,
        label_visibility="collapsed",
    )
