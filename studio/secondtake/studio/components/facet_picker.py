"""Lists of values to filter by, with how many runs have each. Names that users gave are text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import streamlit as st
from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.backend.formats import count, visible
from secondtake.backend.models.statistics import FacetValue
from secondtake.studio.components.scripts import read_asset


@dataclass(frozen=True, kw_only=True)
class Facet:
    """One list."""

    name: str
    title: str
    values: Sequence[FacetValue]
    chosen: Sequence[str]
    """Shown also when no run has them any more."""


def facet_picker(facets: Sequence[Facet], *, key: str, on_pick: Callable[[str, str], None]) -> None:
    """Draw the lists.

    Args:
        facets: from top to bottom; those without values are left out.
        key: of the component.
        on_pick: called with a facet's name and the value that was clicked.
    """
    drawn = [drawn_facet(facet) for facet in facets]
    named = {
        facet.name: [value["value"] for value in one["values"]]
        for facet, one in zip(facets, drawn, strict=True)
    }

    def picked() -> None:
        pick = st.session_state[key].get("pick")
        if not isinstance(pick, dict):
            return
        facet, value = pick.get("facet"), pick.get("value")
        if isinstance(facet, str) and isinstance(value, str) and value in named.get(facet, ()):
            on_pick(facet, value)

    _component()(
        key=key, data={"facets": [one for one in drawn if one["values"]]}, on_pick_change=picked
    )


def drawn_facet(facet: Facet) -> dict[str, Any]:
    """Return what the browser draws of a list: what was chosen first, then the most frequent."""
    runs = {value.value: value.runs for value in facet.values}
    ordered = [*facet.chosen, *(value for value in runs if value not in facet.chosen)]
    return {
        "name": facet.name,
        "title": facet.title,
        "values": [
            {
                "value": value,
                "label": visible(value),
                "runs": count(runs[value]) if value in runs else "0",
                "chosen": value in facet.chosen,
            }
            for value in ordered
        ],
    }


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.facet_picker",
        html='<div class="picker"><input class="find" type="text" placeholder="Find a value"'
        ' aria-label="Find a value"><div class="lists"></div></div>',
        css=read_asset("facet_picker.css"),
        js=read_asset("facet_picker.js"),
    )
