"""The left pane: the run in time or as a graph, and its state below."""

from typing import Final, get_args

import streamlit as st

from secondtake.backend.client import Client
from secondtake.studio.html import Html, el
from secondtake.studio.html import show as put
from secondtake.studio.run_page.data import RunView, load_graph
from secondtake.studio.run_page.graph import show_graph
from secondtake.studio.run_page.graph_drawing import first_span_of, graph_name
from secondtake.studio.run_page.json_text import laid_out
from secondtake.studio.run_page.long_text import BLOCK_CHARS
from secondtake.studio.run_page.page_state import Left, PageState
from secondtake.studio.run_page.state import show_no_state, show_state
from secondtake.studio.run_page.waterfall import show_waterfall

KEY: Final = "run_left"
WORDS: Final[dict[Left, str]] = {"waterfall": "Waterfall", "graph": "Graph"}


def show_left(client: Client, view: RunView, state: PageState) -> None:
    """Draw the left pane and take over what was chosen in it."""
    if view.detail.node_timings or view.detail.summary.workflow:
        _switch(state)
    if state.left == "graph":
        _show_graph(client, view, state)
    else:
        _show_waterfall(view, state)
    if view.detail.memory:
        state.step = show_state(
            client,
            view.run_id,
            step=state.step,
            span_id=state.span_id,
            tree=view.tree,
            memory=view.detail.memory,
        )
    else:
        show_no_state(running=view.is_running)


def _switch(state: PageState) -> None:
    if st.session_state.get(KEY) != state.left:
        st.session_state[KEY] = state.left

    def chosen() -> None:
        state.left = "graph" if st.session_state.get(KEY) == "graph" else "waterfall"

    st.segmented_control(
        "Drawing of the run",
        get_args(Left),
        format_func=_word,
        key=KEY,
        on_change=chosen,
        label_visibility="collapsed",
    )


def _word(left: Left) -> str:
    return WORDS[left]


def _show_waterfall(view: RunView, state: PageState) -> None:
    if not view.tree.spans:
        put(no_steps(view))
        return
    chosen = show_waterfall(view.waterfall, selected=state.span_id, key="run_waterfall")
    state.choose(chosen or None)


def no_steps(view: RunView) -> Html:
    """Return what there is to see of a run without a single step: what it was given."""
    running = view.is_running
    said = "No step has begun yet." if running else "No step of this run was recorded."
    inputs = view.detail.summary.inputs
    given = [
        el("div", "inputs", cls="label"),
        el("div", laid_out(inputs)[:BLOCK_CHARS], cls="mono"),
    ]
    return el("div", el("p", said), given if inputs is not None else [], cls="pane no-steps")


def _show_graph(client: Client, view: RunView, state: PageState) -> None:
    """Draw the graph; a node that is chosen there is the first span of it."""
    span = next((span for span in view.tree.spans if span.span_id == state.span_id), None)
    now = graph_name(span.node_path) if span is not None else None
    graph = load_graph(client, view)
    chosen = show_graph(graph, selected=now, key="run_graph", running=view.is_running)
    if chosen != now:
        state.choose(first_span_of(view.tree, chosen) if chosen else None)
