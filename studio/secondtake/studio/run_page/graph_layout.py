"""Where the nodes and edges of a layered graph go. Pure geometry, in pixels, without a page.

Layers are given. Within a layer, nodes are ordered by the mean place of their neighbours, swept to
and fro (Sugiyama, Tagawa and Toda 1981), and moved towards them as far as their distance allows
(isotonic regression by pooling adjacent violators).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

Edge = tuple[str, str]
Point = tuple[float, float]
"""Along the layers, then across them."""

_SWEEPS: Final = 12


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large things are; `along` is the direction in which layers follow each other."""

    along: Sequence[float]
    """Of the nodes of each layer."""
    across: float
    """Of a node."""
    between: float
    """Room between two nodes of a layer."""
    gaps: Sequence[float]
    """Room behind each layer."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The centres of nodes and the points that edges go through."""

    places: Mapping[str, Point]
    routes: Mapping[Edge, Sequence[Point]]
    """Of edges that lead onwards: from the side of one node to the side of another."""
    returns: Mapping[Edge, float]
    """Of edges that lead back: how far across, beyond all nodes on their way, they swing."""
    along: float
    across: float
    """Extent of the whole."""


@dataclass
class _Grid:
    """Nodes and the bends of long edges, by layer and in order."""

    layers: list[list[str]] = field(default_factory=list[list[str]])
    links: list[Edge] = field(default_factory=list[Edge])
    bends: dict[Edge, list[str]] = field(default_factory=dict[Edge, list[str]])


def lay_out(layers: Mapping[str, int], edges: Sequence[Edge], sizes: Sizes) -> Layout:
    """Return where everything goes.

    Args:
        layers: of each node, from 0 on; the order of the mapping decides where nothing else does.
        edges: between these nodes; one that does not lead to a later layer leads back.
        sizes: of nodes, and the room between them.
    """
    onwards = [edge for edge in edges if layers[edge[0]] < layers[edge[1]]]
    back = [edge for edge in edges if layers[edge[0]] >= layers[edge[1]]]
    grid = _grid(layers, onwards)
    _order(grid)
    across = _across(grid, layers, sizes)
    begins = [0.0]
    for number in range(len(grid.layers)):
        begins.append(begins[-1] + sizes.along[number] + sizes.gaps[number])
    where = {
        name: (begins[number] + sizes.along[number] / 2, across[name])
        for number, layer in enumerate(grid.layers)
        for name in layer
    }
    places = {name: where[name] for name in layers}
    returns = {edge: _swing(edge, layers, places, sizes) for edge in back}
    edge_of_nodes = max((across for _, across in where.values()), default=0.0) + sizes.across / 2
    return Layout(
        places=places,
        routes={edge: _route(edge, grid, where, layers, sizes) for edge in onwards},
        returns=returns,
        along=begins[-1] - (sizes.gaps[len(grid.layers) - 1] if grid.layers else 0.0),
        across=max([edge_of_nodes, *returns.values()]),
    )


def crossings(above: Sequence[str], below: Sequence[str], links: Sequence[Edge]) -> int:
    """Return how many pairs of links between two layers cross."""
    tops = {name: place for place, name in enumerate(above)}
    bottoms = {name: place for place, name in enumerate(below)}
    ends = sorted((tops[a], bottoms[b]) for a, b in links if a in tops and b in bottoms)
    return sum(
        1
        for number, (top, bottom) in enumerate(ends)
        for other_top, other_bottom in ends[number + 1 :]
        if top < other_top and bottom > other_bottom
    )


def _grid(layers: Mapping[str, int], onwards: Sequence[Edge]) -> _Grid:
    grid = _Grid(layers=[[] for _ in range(max(layers.values(), default=-1) + 1)])
    for name, layer in layers.items():
        grid.layers[layer].append(name)
    for number, edge in enumerate(onwards):
        # Not the name of a node: those are no numbers between two line breaks.
        bends = [f"\n{number}\n{layer}" for layer in range(layers[edge[0]] + 1, layers[edge[1]])]
        for layer, bend in enumerate(bends, start=layers[edge[0]] + 1):
            grid.layers[layer].append(bend)
        chain = [edge[0], *bends, edge[1]]
        grid.links += list(pairwise(chain))
        grid.bends[edge] = bends
    return grid


def _order(grid: _Grid) -> None:
    """Order each layer so that few links cross; the best order met is kept."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for start, end in grid.links:
        after[start].append(end)
        before[end].append(start)
    best = [list(layer) for layer in grid.layers]
    fewest = _all_crossings(best, grid.links)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        downwards = sweep % 2 == 0
        numbers = range(1, len(grid.layers)) if downwards else range(len(grid.layers) - 2, -1, -1)
        for number in numbers:
            beside = grid.layers[number - 1 if downwards else number + 1]
            _sort_layer(grid.layers[number], beside, before if downwards else after)
        crossed = _all_crossings(grid.layers, grid.links)
        if crossed < fewest:
            fewest, best = crossed, [list(layer) for layer in grid.layers]
    grid.layers = best


def _sort_layer(
    layer: list[str], beside: Sequence[str], neighbours: Mapping[str, Sequence[str]]
) -> None:
    places = {name: place for place, name in enumerate(beside)}
    own = {name: float(place) for place, name in enumerate(layer)}
    layer.sort(
        key=lambda name: _mean([places[other] for other in neighbours.get(name, ())], own[name])
    )


def _all_crossings(layers: Sequence[Sequence[str]], links: Sequence[Edge]) -> int:
    return sum(crossings(above, below, links) for above, below in pairwise(layers))


def _across(grid: _Grid, layers: Mapping[str, int], sizes: Sizes) -> dict[str, float]:
    """Return the place of each node and bend across the layers, from the top or left edge."""
    neighbours: dict[str, list[str]] = defaultdict(list)
    for start, end in grid.links:
        neighbours[start].append(end)
        neighbours[end].append(start)

    def room(name: str) -> float:
        return (sizes.across if name in layers else sizes.between) / 2

    places: dict[str, float] = {}
    for layer in grid.layers:
        lengths = [2 * room(name) for name in layer]
        places |= dict(zip(layer, spread([0.0] * len(layer), lengths, sizes.between), strict=True))
    for sweep in range(_SWEEPS):
        for layer in grid.layers if sweep % 2 == 0 else reversed(grid.layers):
            wanted = [
                _mean([places[other] for other in neighbours[name]], places[name]) for name in layer
            ]
            apart = spread(wanted, [2 * room(name) for name in layer], sizes.between)
            places |= dict(zip(layer, apart, strict=True))
    least = min((place - room(name) for name, place in places.items()), default=0.0)
    return {name: place - least for name, place in places.items()}


def spread(wanted: Sequence[float], lengths: Sequence[float], between: float) -> list[float]:
    """Return places as near to the wanted ones, by squares, as order and distance allow.

    Args:
        wanted: where the middle of each thing would best be.
        lengths: how long each thing is.
        between: room between two of them at least.
    """
    offsets = [0.0]
    for one, other in pairwise(lengths):
        offsets.append(offsets[-1] + one / 2 + between + other / 2)
    pools: list[tuple[float, int]] = []  # sum of what is wanted without the offsets, and how many
    for wish, offset in zip(wanted, offsets, strict=False):
        total, count = wish - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    levels = [total / count for total, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=False)]


def _route(
    edge: Edge,
    grid: _Grid,
    where: Mapping[str, Point],
    layers: Mapping[str, int],
    sizes: Sizes,
) -> list[Point]:
    (start, start_across), (end, end_across) = where[edge[0]], where[edge[1]]
    first, last = layers[edge[0]], layers[edge[1]]
    points = [(start + sizes.along[first] / 2, start_across)]
    for layer, bend in enumerate(grid.bends[edge], start=first + 1):
        along, across = where[bend]
        half = sizes.along[layer] / 2
        points += [(along - half, across), (along + half, across)]
    return [*points, (end - sizes.along[last] / 2, end_across)]


def _swing(
    edge: Edge, layers: Mapping[str, int], places: Mapping[str, Point], sizes: Sizes
) -> float:
    """Return how far across an edge back has to go to pass all nodes between its ends."""
    first, last = sorted((layers[edge[0]], layers[edge[1]]))
    passed = [places[name][1] for name, layer in layers.items() if first <= layer <= last]
    return max(passed) + sizes.across / 2 + 20.0 + 12.0 * min(last - first, 5)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
