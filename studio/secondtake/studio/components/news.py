"""Has one part of a page drawn anew from another, by way of the browser.

Streamlit lets a callback ask for a part by its name, and nothing else; so a part that finds news
while it is drawn has the browser call back.
"""

from collections.abc import Callable
from functools import lru_cache

from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.studio.components.scripts import read_asset


def call_back(news: int, *, key: str, on_news: Callable[[], None]) -> None:
    """Have `on_news` called once for each number.

    Args:
        news: another number each time that there is news; 0 when there is none yet.
        key: of the component.
        on_news: called before any part is drawn again.
    """
    _component()(key=key, data={"news": news}, on_news_change=on_news)


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.news",
        html='<div class="news" hidden></div>',
        js=read_asset("news.js"),
        isolate_styles=False,
    )
