"""What stands in the place of the list when it has no rows."""

from typing import Final

import streamlit as st

from secondtake.studio.html import el, icon, show
from secondtake.studio.runs_page.state import change_view, current_view

WAYS: Final = (
    (
        "Run a workflow; sim/* models need no key",
        "secondtake run data/workflows/research.yaml -i topic='heat pumps in old houses'",
    ),
    ("Record an agent of your own", "from secondtake.runner import record  # @record.run"),
    ("Import recordings", "secondtake import tau-bench results.json"),
)
"""How runs get here: what it does, and what to type."""


def show_no_runs() -> None:
    """Say what the page is for and how the first run gets here."""
    with st.container(key="runs_first"):
        show(
            el(
                "div",
                icon("view_list", cls="empty-icon"),
                el("h2", "No runs yet"),
                el(
                    "p",
                    "A run is one execution of an agent: what its models were asked and said, its"
                    " tool calls, times and costs. Each run is one row here, and opens with a click.",
                ),
                cls="empty",
            )
        )
        for told, command in WAYS:
            show(el("div", told, cls="meta"))
            st.code(command, language=None, wrap_lines=True)


def show_none_fits(*, reason: str) -> None:
    """Say that no run fits, with a button that shows all."""
    with st.container(key="runs_none_fit"):
        show(
            el(
                "div",
                icon("filter_list_off", cls="empty-icon"),
                el("h2", "No run fits"),
                el("p", reason),
                cls="empty",
            )
        )
        st.button("Show all runs", key="runs_clear", on_click=_clear)


def _clear() -> None:
    change_view(current_view().cleared())
