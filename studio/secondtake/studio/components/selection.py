"""One selection, shared by a component in the browser and the page in Python.

A click is shown by the component at once and told to Python. When Python selects something else,
the component is told; a number says whether what it is told is news, so that an answer which
was on its way when a person clicked does not take the click back.
"""

from dataclasses import dataclass

import streamlit as st


@dataclass(kw_only=True)
class _Memory:
    """What is known of a component between two runs of the page."""

    heard: object = None
    """The newest click that was taken note of."""
    shown: str | None = None
    """What the component shows, as far as Python knows."""
    told: str | None = None
    news: int = 0


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is selected, and what the component is to be told."""

    value: str | None
    told: str | None
    news: int
    """Differs from the last when the component has to show `told`."""


def settle(key: str, selected: str | None) -> Selection:
    """Return what is selected: a click since the last time, else what the page says.

    The component of this `key` sends clicks as its state `sel`: `{"id": ..., "click": n}`. After
    a click nothing new is told, so that the same data need not be sent again.
    """
    memory = st.session_state.setdefault(f"{key}:selection", _Memory())
    state = st.session_state.get(key) or {}
    click = state.get("sel")
    if click is not None and click != memory.heard:
        memory.heard = click
        memory.shown = click.get("id")
        return Selection(value=memory.shown, told=memory.told, news=memory.news)
    if selected != memory.shown:
        memory.news += 1
    memory.shown = memory.told = selected
    return Selection(value=selected, told=selected, news=memory.news)
