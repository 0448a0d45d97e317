"""The waterfall in the browser: a tree of spans with their cost and time, of any length."""

from functools import lru_cache

from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.studio.components.scripts import read_asset
from secondtake.studio.components.selection import settle


def draw_waterfall(shaped: str, *, selected: str | None, key: str) -> str | None:
    """Draw a waterfall and return the span that is selected, None for the whole run.

    Args:
        shaped: `run_page.waterfall_rows.Waterfall` as JSON. Kept as text: what did not change is
            known by comparing texts, here and in the browser.
        selected: what the page has selected; a click since the last time goes before it.
        key: of the component; its state `sel` is `{"id": span id, "click": number}`.
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
        "secondtake.waterfall",
        html='<div class="waterfall"></div>',
        css=read_asset("waterfall.css"),
        js=read_asset("elapsed.js") + read_asset("waterfall.js"),
    )
