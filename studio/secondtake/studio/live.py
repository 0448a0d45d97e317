"""Parts of a page that renew themselves."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Final, Protocol

import streamlit as st

from secondtake.studio.components.news import call_back
from secondtake.studio.connection import away_is_said

EVERY_S: Final = 1.0
"""A step of a run is seen within a second."""
LOOK_EVERY_S: Final = 0.5
REST: Final = 4.0
"""Looking at a large run takes long: the rest before the next look is so many times as long."""


class Followed(Protocol):
    """What one reader knows of something that goes on."""

    news: int
    """How often more of it was found."""
    look_at_s: float
    """When it may be looked at again, by the monotonic clock."""


def section(body: Callable[[], None], *, every_s: float | None = None) -> None:
    """Draw a part of the page that a click inside it renews alone.

    Args:
        body: draws it. While the server is away, one sentence with the cure stands in its place.
        every_s: renew it by itself this often, without touching the rest of the page; None: never.
    """

    @wraps(body)
    def guarded() -> None:
        with away_is_said():
            body()

    st.fragment(guarded, run_every=every_s)()


def follow(followed: Followed, finds_news: Callable[[], bool], *, part: str, name: str) -> None:
    """Have a part of the page drawn anew whenever there is more to see.

    A small part of the page looks, again and again; only when something has changed is the large
    one drawn anew. Streamlit never interrupts a part that is being drawn for one that renews
    itself, but asks for it once more at every interval: a page that took longer to draw than that
    was always busy.

    Args:
        followed: what is looked at.
        finds_news: looks; it may have all of the page drawn anew instead.
        part: key of the part that is drawn anew.
        name: key of the small part.
    """

    def look() -> None:
        # Each look that finds something calls for the part, until it was drawn: none gets lost.
        begun_s = time.monotonic()
        if begun_s >= followed.look_at_s and finds_news():
            followed.news += 1
        now_s = time.monotonic()
        followed.look_at_s = max(followed.look_at_s, now_s + REST * (now_s - begun_s))
        call_back(followed.news, key=name, on_news=draw)

    def draw() -> None:
        st.rerun(scope=part)

    st.fragment(look, run_every=LOOK_EVERY_S)()
