"""The graph of a workflow in the browser: cards, and curves between them."""

from functools import lru_cache

from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.studio.components.scripts import read_asset
from secondtake.studio.components.selection import settle


def draw_graph(shaped: str, *, selected: str | None, key: str) -> str | None:
    """Draw a graph and return the node that is selected.

    Args:
        shaped: `run_page.graph_drawing.Drawing` as JSON.
        selected: what the page has selected; a click since the last time goes before it.
        key: of the component; its state `sel` is `{"id": node, "click": number}`.
    """
    selection = settle(key, selected)
    _component()(
        key=key,
        data={"shaped": shaped, "told": selection.told, "news": selection.news},
        on_sel_change=_nothing,
    )
    return selection.value


def _nothing() -> None:
    """Take note of a click: the next run of the page reads it."""


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.graph",
        html='<div class="graph"></div>',
        css=read_asset("graph.css"),
        js=read_asset("graph.js"),
    )
