"""Light, dark, or as the system has it."""

from functools import lru_cache

from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.studio.components.scripts import read_asset


def theme_switch() -> None:
    """Draw the switch. Streamlit keeps the choice in the browser; a new one loads the page anew."""
    _component()(key="theme_switch")


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.theme_switch",
        html='<div class="switch" role="radiogroup" aria-label="Theme"></div>',
        css=read_asset("theme_switch.css"),
        js=read_asset("theme_switch.js"),
    )
