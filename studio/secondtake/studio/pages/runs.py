"""The page of all runs."""

import streamlit as st

from secondtake.studio.html import el, icon
from secondtake.studio.html import show as put
from secondtake.studio.navigation import open_run


def show() -> None:
    """Draw the page."""
    put(
        el(
            "div",
            icon("check_circle", cls="ok", label="ok"),
            "Runs ",
            el("code", "x <b>"),
            cls="meta",
        )
    )
    st.button("open", on_click=open_run, args=["abc"])
