"""Goes to another page of the studio by itself, once: when what was waited for is there."""

from functools import lru_cache

from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.studio.components.scripts import read_asset


def arrive(address: str, *, from_page: str, token: str, key: str) -> None:
    """Go to another page.

    Args:
        address: of that page, as `navigation.py` makes it.
        from_page: the path of this page; a reader who has left it is left alone.
        token: another one is another journey; the same one is made once.
        key: of the component.
    """
    _component()(key=key, data={"address": address, "from": from_page, "token": token})


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.arrive",
        html='<div class="arrive" hidden></div>',
        js=read_asset("go.js") + read_asset("arrive.js"),
        isolate_styles=False,
    )
