"""The waterfall of a run on the page."""

from dataclasses import dataclass

import orjson
import streamlit as st

from secondtake.backend.models.runs import SpanTree
from secondtake.studio.components.waterfall import draw_waterfall
from secondtake.studio.run_page.waterfall_rows import waterfall


@dataclass(frozen=True, kw_only=True)
class _Shaped:
    """A tree as it was shaped; the same tree is not shaped again."""

    tree: SpanTree
    name: str | None
    running: bool
    text: str

    def is_of(self, tree: SpanTree, name: str | None, *, running: bool) -> bool:
        return self.tree is tree and (self.name, self.running) == (name, running)


def show_waterfall(
    tree: SpanTree,
    *,
    selected: str | None,
    key: str,
    name: str | None = None,
    running: bool = False,
) -> str | None:
    """Show the spans of a run in time, and return the selected one; None is the whole run.

    Keep the tree between runs of the page while it is the same: it is known by identity.

    Args:
        tree: the spans.
        selected: the span that the page has selected. What the function returns goes here the
            next time; anything else moves the selection.
        key: of the component.
        name: of the run, for the row that stands for it.
        running: the run has not ended.
    """
    if not tree.spans:
        return selected
    text = _shaped(tree, key=key, name=name, running=running)
    return draw_waterfall(text, selected=selected, key=key)


def _shaped(tree: SpanTree, *, key: str, name: str | None, running: bool) -> str:
    kept = st.session_state.get(f"{key}:shaped")
    if isinstance(kept, _Shaped) and kept.is_of(tree, name, running=running):
        return kept.text
    text = orjson.dumps(waterfall(tree, name=name, running=running)).decode()
    st.session_state[f"{key}:shaped"] = _Shaped(tree=tree, name=name, running=running, text=text)
    return text
