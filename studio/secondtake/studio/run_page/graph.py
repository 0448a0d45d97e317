"""The graph of a run's workflow on the page."""

import orjson

from secondtake.backend.formats import count
from secondtake.backend.models.workflows import RunGraph
from secondtake.studio.components.graph import draw_graph
from secondtake.studio.html import el, show
from secondtake.studio.run_page.graph_drawing import NODES_MAX, drawing


def show_graph(
    graph: RunGraph, *, selected: str | None, key: str, running: bool = False
) -> str | None:
    """Show the workflow of a run with what was taken, and return the selected node's name.

    `graph_drawing.first_span_of` gives the span to go to.

    Args:
        graph: the graph.
        selected: the node that the page has selected. What the function returns goes here the
            next time; anything else moves the selection.
        key: of the component.
        running: the run has not ended.
    """
    if not graph.nodes:
        _say("This run has no nodes: its calls were recorded without a workflow.")
        return selected
    if len(graph.nodes) > NODES_MAX:
        _say(f"This run has {count(len(graph.nodes))} nodes, too many for a picture.")
        return selected
    text = orjson.dumps(drawing(graph, running=running)).decode()
    chosen = draw_graph(text, selected=selected, key=key)
    if not graph.is_declared:
        _say("Drawn from what happened: the run names no workflow that says what could have.")
    return chosen


def _say(sentence: str) -> None:
    show(el("p", sentence, cls="quiet-note"))
