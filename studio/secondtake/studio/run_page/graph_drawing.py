"""Shapes the graph of a run into a drawing. Pure: no page, no client."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypedDict
from urllib.parse import unquote

from secondtake.backend.formats import counted, duration, money
from secondtake.backend.models.runs import SpanTree
from secondtake.backend.models.workflows import GraphEdge, GraphNode, RunGraph
from secondtake.studio.run_page.graph_layout import Layout, Point, Sizes, lay_out, spread
from secondtake.studio.run_page.waterfall_rows import clip

NODES_MAX: Final = 200
"""More nodes are no picture any more."""

WIDTH: Final = 720.0
"""Pixels that a drawing from left to right may take; else it goes downwards."""

START: Final = "START"
END: Final = "END"
_TERMINALS: Final = frozenset({START, END})

_CARD: Final = (138.0, 46.0)
_TERMINAL: Final = (46.0, 20.0)
_TIMES: Final = "\N{MULTIPLICATION SIGN}"
_MARGIN: Final = 12.0
_FRAME: Final = 8.0
_AXES: Final[tuple[Literal["x", "y"], ...]] = ("x", "y")
_LABEL_HEIGHT: Final = 18.0
_LABEL_ROOM: Final = 104.0
_LABEL_ROOM_WIDE: Final = 120.0


Pair = tuple[str, str]
"""An edge by the names of its ends."""

_VISIT: Final = re.compile(r"\[[^\]]*\]$")


class DrawnNode(TypedDict):
    """A card: a node and what became of it."""

    id: str
    x: float
    y: float
    width: float
    height: float
    prefix: str
    """Names of the nested workflows it is in, with a slash behind."""
    name: str
    kind: str
    facts: str
    fault: str
    state: str
    """`done`, `failed`, `running`, `waiting`, `unused` or `terminal`."""
    tip: str


class DrawnEdge(TypedDict):
    """A curve with its text."""

    path: str
    """Data of an SVG path; it holds numbers only."""
    state: str
    """`taken`, `unused` or `unknown`."""
    label: str
    count: str
    back: bool
    x: float
    """Where the middle of the text goes."""
    y: float
    room: float
    """Width of the text at most."""
    tip: str


class Box(TypedDict):
    """A frame around the nodes of a nested workflow."""

    x: float
    y: float
    width: float
    height: float


class Drawing(TypedDict):
    """All that the component draws."""

    run: str
    width: float
    height: float
    boxes: list[Box]
    nodes: list[DrawnNode]
    edges: list[DrawnEdge]


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """Turns places along and across layers into places on the page."""

    layout: Layout
    is_sideways: bool
    """From left to right, not downwards."""

    def at(self, point: Point) -> Point:
        along, across = point
        x, y = (along, across) if self.is_sideways else (across, along)
        return x + _MARGIN, y + _MARGIN

    def path(self, points: Sequence[Point]) -> str:
        x, y = self.at(points[0])
        parts = [f"M{x:.1f} {y:.1f}"]
        for (along, across), (to_along, to_across) in pairwise(points):
            middle = (along + to_along) / 2
            curve = [(middle, across), (middle, to_across), (to_along, to_across)]
            parts.append("C" + " ".join(f"{x:.1f} {y:.1f}" for x, y in map(self.at, curve)))
        return "".join(parts)


def drawing(graph: RunGraph, *, running: bool = False) -> Drawing:
    """Return how the graph of a run is drawn: from left to right when that fits, else downwards.

    Args:
        graph: the graph.
        running: the run has not ended: nodes that are open are being executed.
    """
    layers = _layers(graph)
    edges = _merged(graph.edges, layers)
    known = {node.name: node for node in graph.nodes if node.name not in _TERMINALS}
    frame = _frame(layers, edges, known)
    nodes = [_node(name, known.get(name), frame, running=running) for name in layers]
    drawn = [_edge(edge, frame, known) for edge in edges.values()]
    _part_labels(drawn, is_sideways=frame.is_sideways)
    along, across = frame.layout.along + 2 * _MARGIN, frame.layout.across + 2 * _MARGIN
    width, height = (along, across) if frame.is_sideways else (across, along)
    width = max([width, *(edge["x"] + edge["room"] / 2 + _MARGIN for edge in drawn)])
    return Drawing(
        run=str(graph.run_id),
        width=round(width),
        height=round(height),
        boxes=_boxes(nodes),
        nodes=nodes,
        edges=drawn,
    )


def _boxes(nodes: Sequence[DrawnNode]) -> list[Box]:
    """Frame the nodes of each nested workflow, whose names then need no prefix.

    Where others stand among them there is no frame, and the names keep their prefix.
    """
    boxes: list[Box] = []
    for prefix in {node["id"].rpartition("/")[0]: None for node in nodes}:
        inside = [node for node in nodes if prefix and node["id"].startswith(f"{prefix}/")]
        if not inside:
            continue
        left, top = (min(node[axis] for node in inside) - _FRAME for axis in _AXES)
        right = max(node["x"] + node["width"] for node in inside) + _FRAME
        bottom = max(node["y"] + node["height"] for node in inside) + _FRAME
        if any(
            node["x"] < right
            and node["x"] + node["width"] > left
            and node["y"] < bottom
            and node["y"] + node["height"] > top
            for node in nodes
            if node not in inside
        ):
            continue
        boxes.append(Box(x=left, y=top, width=right - left, height=bottom - top))
        for node in inside:
            node["prefix"] = node["prefix"].removeprefix(f"{prefix}/")
    return boxes


def _part_labels(edges: Sequence[DrawnEdge], *, is_sideways: bool) -> None:
    """Move texts of edges that would cover each other apart, and give each its room."""

    def gap(edge: DrawnEdge) -> float:
        return edge["x" if is_sideways else "y"]

    def beside(edge: DrawnEdge) -> float:
        return edge["y" if is_sideways else "x"]

    near = _LABEL_ROOM if is_sideways else _LABEL_HEIGHT
    waiting = sorted((edge for edge in edges if edge["label"] or edge["count"]), key=gap)
    while waiting:
        group = [edge for edge in waiting if gap(edge) - gap(waiting[0]) < near]
        waiting = waiting[len(group) :]
        group.sort(key=beside)
        most = _LABEL_ROOM if is_sideways else (_LABEL_ROOM_WIDE if len(group) > 1 else WIDTH / 2)
        for edge in group:
            edge["room"] = min(_text_width(edge), most)
            if edge["back"] and not is_sideways:
                edge["x"] += edge["room"] / 2 - 12  # beside its curve, not on the cards
        lengths = [_LABEL_HEIGHT if is_sideways else edge["room"] for edge in group]
        places = spread([beside(edge) for edge in group], lengths, 4.0)
        for edge, place in zip(group, places, strict=True):
            edge["y" if is_sideways else "x"] = round(place, 1)


def _text_width(edge: DrawnEdge) -> float:
    """Return about how wide the text of an edge is, in pixels."""
    return 18.0 + 6.7 * (len(edge["label"]) + len(edge["count"]))


def first_span_of(tree: SpanTree, node: str) -> str | None:
    """Return the span with which a node of the graph was executed first; None when it was not."""
    for span in tree.spans:
        if span.span_kind != "llm" and graph_name(span.node_path) == node:
            return span.span_id
    return None


def graph_name(node_path: str | None) -> str | None:
    """Return the name in the graph of the node at a path: `triage[1]/draft[2]` is `triage/draft`."""
    if not node_path:
        return None
    return "/".join(unquote(_VISIT.sub("", step)) for step in node_path.split("/"))


def _layers(graph: RunGraph) -> dict[str, int]:
    """Return the layer of each node without gaps; the start and the end are where edges name them."""
    layers = {node.name: node.layer for node in graph.nodes}
    least, most = min(layers.values(), default=0), max(layers.values(), default=0)
    for edge in graph.edges:
        if edge.start == START:
            layers.setdefault(START, least - 1)
        if edge.end == END:
            layers.setdefault(END, most + 1)
    for terminal in _TERMINALS - {name for edge in graph.edges for name in (edge.start, edge.end)}:
        layers.pop(terminal, None)
    used = sorted(set(layers.values()))
    return {name: used.index(layer) for name, layer in layers.items()}


def _merged(edges: Sequence[GraphEdge], layers: Mapping[str, int]) -> dict[Pair, GraphEdge]:
    """Return one edge for each pair of nodes: two conditions on the same way are one line."""
    merged: dict[Pair, GraphEdge] = {}
    for edge in edges:
        pair = (edge.start, edge.end)
        if not layers.keys() >= set(pair):
            continue
        if (other := merged.get(pair)) is not None:
            conditions = [each.condition for each in (other, edge) if each.condition]
            known = [each.taken for each in (other, edge) if each.taken is not None]
            edge = edge.model_copy(
                update={
                    "condition": " or ".join(conditions) or None,
                    "each": edge.each or other.each,
                    "taken": sum(known) if len(known) == 2 else None,
                }
            )
        merged[pair] = edge
    return merged


def _frame(
    layers: Mapping[str, int],
    edges: Mapping[Pair, GraphEdge],
    known: Mapping[str, GraphNode],
) -> _Frame:
    count = max(layers.values(), default=-1) + 1
    labelled = {
        layers[start]
        for (start, end), edge in edges.items()
        if layers[start] < layers[end] and _label(edge)
    }
    cards = {layers[name] for name in known}
    for is_sideways, (wide, narrow) in ((True, (110.0, 30.0)), (False, (42.0, 26.0))):
        axis = 0 if is_sideways else 1
        sizes = Sizes(
            along=[_CARD[axis] if number in cards else _TERMINAL[axis] for number in range(count)],
            across=_CARD[1 - axis],
            between=24.0,
            gaps=[wide if number in labelled else narrow for number in range(count)],
        )
        if not is_sideways or sum(sizes.along) + sum(sizes.gaps[:-1]) <= WIDTH:
            break
    return _Frame(layout=lay_out(layers, list(edges), sizes), is_sideways=is_sideways)


def _label(edge: GraphEdge) -> str:
    parts = [f"each of {edge.each}" if edge.each else None, edge.condition]
    return clip(" · ".join(part for part in parts if part))


def _node(name: str, node: GraphNode | None, frame: _Frame, *, running: bool) -> DrawnNode:
    prefix, slash, last = name.rpartition("/")
    x, y = frame.at(frame.layout.places[name])
    width, height = _CARD if node else _TERMINAL
    facts, fault = (_facts(node), _fault(node)) if node else ("", "")
    state = _state(node, running=running)
    if state == "waiting":
        facts = "waits for a person"
    told = [clip(name), node and node.kind, node and node.description, facts, fault]
    return DrawnNode(
        id=name,
        x=round(x - width / 2, 1),
        y=round(y - height / 2, 1),
        width=width,
        height=height,
        prefix=clip(prefix + slash),
        name=clip(last) if node else name.lower(),
        kind=(node and node.kind) or "node",
        facts=facts,
        fault=fault,
        state=state,
        tip="\n".join(clip(part, 600) for part in told if part),
    )


def _state(node: GraphNode | None, *, running: bool) -> str:
    if node is None:
        return "terminal"
    if node.open_executions and running:
        return "waiting" if node.kind == "human" else "running"
    if node.failed_executions:
        return "failed"
    return "done" if node.executions else "unused"


def _facts(node: GraphNode) -> str:
    if not node.executions:
        return "not executed"
    parts = [
        f"{_TIMES}{node.executions:,}"
        if node.executions > 1 and not node.failed_executions
        else None,
        duration(node.duration_ms) if node.duration_ms is not None else None,
        money(node.cost_usd) if node.cost_usd is not None else None,
    ]
    shown = " · ".join(part for part in parts if part)
    return shown or counted(node.executions, "execution")


def _fault(node: GraphNode) -> str:
    if not node.failed_executions:
        return ""
    if node.executions == 1:
        return "failed"
    return f"{node.failed_executions:,} of {node.executions:,} failed"


def _edge(edge: GraphEdge, frame: _Frame, known: Mapping[str, GraphNode]) -> DrawnEdge:
    pair = (edge.start, edge.end)
    label, count = _label(edge), ""
    is_back = pair in frame.layout.returns
    target = known.get(edge.end)
    if is_back and target is not None and target.max_visits and edge.taken != 0:
        count = f"{target.executions:,} of {target.max_visits:,}"
    elif edge.taken is not None and edge.taken > 1:
        count = f"{_TIMES}{edge.taken:,}"
    path, (x, y) = _return(pair, frame) if is_back else _onwards(pair, frame)
    told = [
        f"{clip(edge.start)} → {clip(edge.end)}",
        label,
        None if edge.taken is None else f"taken {counted(edge.taken, 'time')}",
        f"visit {count}" if is_back and " of " in count else None,
    ]
    states = {None: "unknown", 0: "unused"}
    return DrawnEdge(
        path=path,
        state=states.get(edge.taken, "taken"),
        label=label,
        count=count,
        back=is_back,
        x=round(x, 1),
        y=round(y, 1),
        room=0.0,
        tip="\n".join(part for part in told if part),
    )


def _onwards(pair: Pair, frame: _Frame) -> tuple[str, Point]:
    """Return an edge to a later layer, and where its text goes: where edges have parted."""
    points = frame.layout.routes[pair]
    (along, across), (to_along, to_across) = points[0], points[1]
    part = 0.5 if frame.is_sideways else 0.58
    bent = 3 * part**2 - 2 * part**3  # how far across the curve is there
    x, y = frame.at((along + (to_along - along) * part, across + (to_across - across) * bent))
    return frame.path(points), (x, y - _LABEL_HEIGHT / 2 if frame.is_sideways else y)


def _return(pair: Pair, frame: _Frame) -> tuple[str, Point]:
    """Return an edge to an earlier layer or to itself: it swings beside all nodes on its way."""
    (start, start_across), (end, end_across) = (frame.layout.places[name] for name in pair)
    half = _CARD[1 if frame.is_sideways else 0] / 2
    swing = frame.layout.returns[pair]
    if pair[0] == pair[1]:
        start, end = start + 14, end - 14
    # A cubic curve reaches three quarters of the way to its control points.
    a, b = start_across + half, end_across + half
    reach = (swing - (a + b) / 8) / 0.75
    ends = [(start, a), (start, reach), (end, reach), (end, b)]
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = map(frame.at, ends)
    path = f"M{x0:.1f} {y0:.1f}C{x1:.1f} {y1:.1f} {x2:.1f} {y2:.1f} {x3:.1f} {y3:.1f}"
    return path, frame.at(((start + end) / 2, swing))
