"""The waterfall of a run on the page."""

import orjson

from secondtake.backend.models.runs import SpanTree
from secondtake.studio.components.waterfall import draw_waterfall
from secondtake.studio.run_page.waterfall_rows import waterfall


def shaped(tree: SpanTree, *, name: str | None = None, running: bool = False) -> str:
    """Return the spans of a run as the component takes them.

    Keep what it returns while the run is the same: what did not change is known by that.

    Args:
        tree: the spans.
        name: of the run, for the row that stands for it.
        running: the run has not ended.
    """
    return orjson.dumps(waterfall(tree, name=name, running=running)).decode()


def show_waterfall(text: str, *, selected: str | None, key: str) -> str | None:
    """Show the spans of a run in time, and return the selected one; None is the whole run.

    Args:
        text: the spans, from `shaped`.
        selected: the span that the page has selected. What the function returns goes here the
            next time; anything else moves the selection.
        key: of the component.
    """
    return draw_waterfall(text, selected=selected, key=key)
