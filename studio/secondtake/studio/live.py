"""Parts of a page that renew themselves."""

from collections.abc import Callable
from functools import wraps
from typing import Final

import streamlit as st

from secondtake.studio.connection import away_is_said

EVERY_S: Final = 1.0
"""A step of a run is seen within a second."""


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
