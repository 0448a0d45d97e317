"""A question to a person: its choices as buttons, or a field for any answer."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import streamlit as st
from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.studio.components.scripts import read_asset


def ask(
    question: str,
    choices: Sequence[str],
    *,
    where: str,
    note: str | None,
    key: str,
    on_answer: Callable[[str], None],
) -> None:
    """Draw a question. What it says is text, whatever it holds.

    Args:
        question: what is asked.
        choices: what there is to choose from; without any the answer is free.
        where: who asks.
        note: what came of the last answer; None when there was none.
        key: of the component.
        on_answer: called with the answer before the page is drawn again.
    """

    def answered() -> None:
        answer = read_answer(st.session_state.get(key))
        if answer is not None:
            on_answer(answer)

    _component()(
        key=key,
        data={"question": question, "choices": list(choices), "where": where, "note": note},
        on_answer_change=answered,
    )


def read_answer(state: Any) -> str | None:
    """Return what was answered; None when the browser says nothing of the kind."""
    value = state.get("answer") if isinstance(state, Mapping) else None
    text = value.get("text") if isinstance(value, Mapping) else None
    return text if isinstance(text, str) else None


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.choices",
        html='<section class="ask" aria-live="polite"></section>',
        css=read_asset("choices.css"),
        js=read_asset("choices.js"),
    )
