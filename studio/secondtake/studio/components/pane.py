"""Escaped markup that keeps its folds and its place when it changes, and says what was clicked.

`st.html` draws markup anew at every change: folds close and the reader loses the place. This
component changes only what is different, and lets through only what `html.el` can make.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final

import streamlit as st
from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.studio.components.scripts import read_asset
from secondtake.studio.html import ATTRIBUTES, TAGS, Html
from secondtake.studio.navigation import RUN_PATH

ACT: Final = "act"


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something that was clicked: an element with `data-act`, and its `data-value`."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Download:
    """A text for the browser to save, once."""

    token: str
    """Another token is another download."""
    file_name: str
    text: str


def show_pane(
    markup: Html,
    *,
    key: str,
    on_act: Callable[[Act], None] | None = None,
    scroll_to: str | None = None,
    fits_window: bool = False,
    address: Mapping[str, str] | None = None,
    page: str = RUN_PATH,
    subject: Sequence[str] = ("id",),
    download: Download | None = None,
    test_id: str | None = None,
) -> None:
    """Draw markup.

    Args:
        markup: elements with the same `data-key` are the same element, whatever changed inside.
            `data-copy` copies its value when it is clicked; `data-act` tells `on_act`; a
            `details` with `data-lazy` tells it when it is opened. A link to another page of the
            studio is followed without loading it anew: by its key too, if it has
            `aria-keyshortcuts`, and without a step in the history, if it has `data-replaces`.
            An element with `data-act` and `data-reach`, `up` or `down`, tells `on_act` as well when
            the reader scrolls near it that way. What is under the pointer stays there. Elements with `data-stop` are gone through by j and k.
        key: of the component.
        on_act: called before the page is drawn again; None where nothing has `data-act`.
        scroll_to: the `data-key` of what should be seen; followed when it changes.
        fits_window: scroll inside, down to the window's lower edge.
        address: what the query of the address should be. Written without a step in the history.
        page: whose address it is; another page's is left alone.
        subject: names in the query that say what the page is about; where they differ, the reader
            is on the way to something else, and the address is left alone.
        download: a text to save.
        test_id: what tests call it by.
    """
    data = {
        "html": str(markup),
        "tags": sorted(TAGS),
        "attributes": sorted(ATTRIBUTES),
        "scroll": scroll_to,
        "fits": fits_window,
        "address": dict(address) if address is not None else None,
        "page": page,
        "subject": list(subject),
        "download": asdict(download) if download else None,
        "test_id": test_id,
    }

    def acted() -> None:
        act = read_act(st.session_state.get(key))
        if act is not None and on_act is not None:
            on_act(act)

    _component()(key=key, data=data, on_act_change=acted)


def read_act(state: Any) -> Act | None:
    """Return what the browser says was clicked; None when it says nothing of the kind."""
    value = state.get(ACT) if isinstance(state, Mapping) else None
    if not isinstance(value, Mapping):
        return None
    name, said = value.get("name"), value.get("value")
    if not isinstance(name, str) or not isinstance(said, str):
        return None
    return Act(name=name, value=said)


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.pane",
        html='<div class="pane-root"></div>',
        js=read_asset("go.js") + read_asset("elapsed.js") + read_asset("pane.js"),
        isolate_styles=False,
    )
