"""The frame around every page: navigation, theme, stylesheet, and the word when the server is away.

A page is a module with a function `show`, which draws it.
"""

import streamlit as st

from secondtake.studio.components.theme_switch import theme_switch
from secondtake.studio.connection import away_is_said
from secondtake.studio.navigation import (
    COMPARE_PATH,
    DIFF_PATH,
    REPLAY_PATH,
    RUN_PATH,
    note_page,
)
from secondtake.studio.pages import compare, diff, replay, run, runs
from secondtake.studio.theme.logo import SIGN
from secondtake.studio.theme.stylesheet import apply_stylesheet


def show_studio() -> None:
    """Draw the frame and the page that was asked for."""
    st.set_page_config(page_title="Second Take", page_icon=SIGN, layout="wide")
    apply_stylesheet()
    st.logo(SIGN, size="large")
    runs_page = st.Page(runs.show, title="Runs", icon=":material/view_list:", default=True)
    run_page = st.Page(run.show, title="Run", url_path=RUN_PATH, visibility="hidden")
    diff_page = st.Page(diff.show, title="Diff", url_path=DIFF_PATH, icon=":material/difference:")
    replay_page = st.Page(
        replay.show, title="Replay", url_path=REPLAY_PATH, icon=":material/replay:"
    )
    compare_page = st.Page(
        compare.show, title="Compare models", url_path=COMPARE_PATH, icon=":material/balance:"
    )
    pages = [runs_page, run_page, replay_page, diff_page, compare_page]
    page = st.navigation(pages, position="hidden")
    with st.sidebar:
        st.page_link(runs_page)
        st.page_link(replay_page)
        st.page_link(diff_page)
        st.page_link(compare_page)
        theme_switch()
    note_page(page)
    with away_is_said():
        page.run()
