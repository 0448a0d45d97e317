"""The filters that are set, each with a button that takes it away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st
from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.studio.components.scripts import read_asset


@dataclass(frozen=True, kw_only=True)
class FilterChip:
    """A filter in words."""

    name: str
    """Of what is filtered, as `Model`."""
    text: str
    """What it is filtered by; any text, control characters made visible."""


def filter_chips(
    chips: Sequence[FilterChip],
    *,
    key: str,
    on_remove: Callable[[int], None],
    on_clear: Callable[[], None],
) -> None:
    """Draw the chips in one row, with a button that clears all.

    Args:
        chips: in the order in which they are shown.
        key: of the component.
        on_remove: called with the place of the chip to take away.
        on_clear: called to take all away.
    """

    def removed() -> None:
        place = st.session_state[key].get("remove")
        if isinstance(place, int) and 0 <= place < len(chips):
            on_remove(place)

    _component()(
        key=key,
        data={"chips": [{"name": chip.name, "text": chip.text} for chip in chips]},
        on_remove_change=removed,
        on_clear_change=on_clear,
    )


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.filter_chips",
        html='<div class="row" role="list" aria-label="Filters"></div>',
        css=read_asset("filter_chips.css"),
        js=read_asset("filter_chips.js"),
    )
