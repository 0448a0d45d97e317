"""Trees of spans and graphs of runs, for tests of what draws them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from streamlit.testing.v1 import AppTest

from secondtake.backend.models.runs import CriticalPiece, SpanTree, TreeSpan
from secondtake.backend.models.workflows import GraphEdge, GraphNode, RunGraph

RUN_ID = UUID(int=7)
BEGAN_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
CALLS = ("llm", "tool", "retriever")


def span(span_id: str, kind: str, start_ms: float | None = 0.0, **fields: Any) -> TreeSpan:
    """Return a span; calls are served live unless told otherwise."""
    begun = None if start_ms is None else BEGAN_AT + timedelta(milliseconds=start_ms)
    values: dict[str, Any] = {
        **dict.fromkeys(TreeSpan.model_fields),
        "span_id": span_id,
        "span_kind": kind,
        "name": span_id,
        "depth": 0,
        "started_at": begun,
        "unpriced_calls": 0,
        "llm_calls": 0,
        "tool_calls": 0,
        "is_critical": False,
        "served_from": "live" if kind in CALLS else None,
    }
    return TreeSpan(**{**values, **fields})


def tree(
    *spans: TreeSpan,
    length_ms: float | None = 1000.0,
    path: tuple[tuple[str, float, float], ...] = (),
) -> SpanTree:
    """Return a tree whose critical path goes through the named spans."""
    kinds = {each.span_id: each.span_kind for each in spans}
    ended = None if length_ms is None else BEGAN_AT + timedelta(milliseconds=length_ms)
    return SpanTree(
        run_id=RUN_ID,
        spans=list(spans),
        started_at=None if length_ms is None else BEGAN_AT,
        ended_at=ended,
        critical_path=[
            CriticalPiece(span_id=name, span_kind=kinds[name], started_ms=start, ended_ms=end)
            for name, start, end in path
        ],
    )


def graph_node(name: str, layer: int, **fields: Any) -> GraphNode:
    """Return a node that was executed once."""
    values = {
        **dict.fromkeys(GraphNode.model_fields),
        "kind": "llm",
        "executions": 1,
        "failed_executions": 0,
        "open_executions": 0,
    }
    return GraphNode(**{**values, "name": name, "layer": layer, **fields})


def graph_edge(start: str, end: str, taken: int | None = 1, **fields: Any) -> GraphEdge:
    """Return an edge that was taken once."""
    values = {"condition": None, "each": None, **fields}
    return GraphEdge(start=start, end=end, taken=taken, **values)


def graph(nodes: list[GraphNode], edges: list[GraphEdge], *, declared: bool = True) -> RunGraph:
    """Return a graph."""
    return RunGraph(run_id=RUN_ID, is_declared=declared, nodes=nodes, edges=edges)


def component_data(page: AppTest, name: str) -> dict[str, Any]:
    """Return what the one component of this name was given."""
    protos = [element.proto for element in page.get("bidi_component")]
    (found,) = [proto for proto in protos if proto.component_name == name]
    given: dict[str, Any] = json.loads(found.json)
    return given
