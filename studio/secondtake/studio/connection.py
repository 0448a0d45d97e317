"""The backend that the studio shows, and what is shown while it is away."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

import streamlit as st

from secondtake.backend.client import Client, find_server
from secondtake.backend.errors import NoServerError
from secondtake.studio.html import el, icon, show

SERVER_VARIABLE: Final = "SECONDTAKE_STUDIO_SERVER"
"""Holds the address of the server, as `secondtake up` says it."""
HOME_VARIABLE: Final = "SECONDTAKE_HOME"
DEFAULT_URL: Final = "http://127.0.0.1:8000"


def server_url() -> str:
    """Return where the server is: as the studio was told, else as its home says, else as usual."""
    if told := os.environ.get(SERVER_VARIABLE):
        return told
    home = os.environ.get(HOME_VARIABLE)
    return (find_server(Path(home)) if home else None) or DEFAULT_URL


def backend() -> Client:
    """Return the client of the backend; the process has one for each address."""
    return _client(server_url())


@contextmanager
def away_is_said() -> Iterator[None]:
    """Show one sentence with the cure instead of what is inside, when the server is away."""
    try:
        yield
    except NoServerError:
        show_away()


def show_away() -> None:
    """Say that the server is away and what to do, with a button that tries again."""
    with st.container(key="away"):
        show(
            el(
                "div",
                icon("cloud_off", cls="empty-icon"),
                el("h2", "The server does not answer"),
                el(
                    "p",
                    f"Nothing answers at {server_url()}. Start it with ",
                    el("code", "secondtake up"),
                    ", then retry. What is being recorded meanwhile waits on disk.",
                ),
                cls="empty",
            )
        )
        st.button("Retry", type="primary", key="away_retry")


@lru_cache
def _client(url: str) -> Client:
    return Client(url)
