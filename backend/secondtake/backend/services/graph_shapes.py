"""The shape of a run's graph: as its workflow declares it, or as its nodes tell.

What a workflow declared is in the configuration of the run. That is data of any age and origin:
what does not look as it should is passed over.
"""

import re
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from secondtake.backend.models.records import NodeTiming
from secondtake.runner.narrow import is_list, is_object

START: Final = "START"
END: Final = "END"
OTHERWISE: Final = "otherwise"
NESTED_MAX: Final = 20
TEXT_CHARACTERS: Final = 300
"""Of a name, a condition or a description: what is executed is cut after as many."""

_VISIT: Final = re.compile(r"\[[^\]]*\]$")


@dataclass(frozen=True, kw_only=True)
class ShapeNode:
    """A node, whatever became of it."""

    name: str
    kind: str | None = None
    description: str | None = None
    max_visits: int | None = None


@dataclass(frozen=True, kw_only=True)
class ShapeEdge:
    """An edge, whether it was taken or not."""

    start: str
    end: str
    condition: str | None = None
    each: str | None = None


@dataclass(kw_only=True)
class Shape:
    """Nodes and edges, in the order in which they are declared or first seen."""

    is_declared: bool
    nodes: dict[str, ShapeNode] = field(default_factory=dict[str, ShapeNode])
    edges: list[ShapeEdge] = field(default_factory=list[ShapeEdge])
    hidden: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Edges that are not drawn and only say what stands right of what."""


def place_of(row: NodeTiming) -> tuple[str, str | None]:
    """Return the name that a node has in the graph, `triage/classify`, and that of what it is in.

    None stands for the run itself.
    """
    if not row.node_path:
        return row.node or "node", None
    steps = [unquote(_VISIT.sub("", step)) for step in row.node_path.split("/")]
    return "/".join(steps), "/".join(steps[:-1]) if len(steps) > 1 else None


def sources_of(row: NodeTiming, parent: str | None) -> list[str] | None:
    """Return, by their names in the graph, the nodes that led to an execution; None if unknown."""
    if row.entered_from is None:
        return None
    prefix = f"{parent}/" if parent else ""
    return [(parent or START) if name == START else prefix + name for name in row.entered_from]


def declared_shape(config: Any) -> Shape | None:
    """Return what the configuration of a run declares; None when it declares no graph."""
    shape = Shape(is_declared=True)
    shape.nodes[START] = ShapeNode(name=START)
    if not _add_workflow(shape, config, prefix="", depth=0):
        return None
    shape.nodes[END] = ShapeNode(name=END)
    shape.edges = [e for e in shape.edges if e.start in shape.nodes and e.end in shape.nodes]
    return shape


def _add_workflow(shape: Shape, config: Any, *, prefix: str, depth: int) -> bool:
    definition = config.get("definition") if is_object(config) else None
    nodes = definition.get("nodes") if is_object(definition) else None
    if not is_object(definition) or not is_object(nodes) or not nodes or depth > NESTED_MAX:
        return False
    nested = config.get("nested")
    for whole_name, node in nodes.items():
        name = whole_name[:TEXT_CHARACTERS]
        full = prefix + name
        about: dict[str, Any] = node if is_object(node) else {}
        shape.nodes[full] = ShapeNode(
            name=full,
            kind=_text(about.get("kind")),
            description=_text(about.get("description")),
            max_visits=_count(about.get("max_visits")),
        )
        if is_object(nested) and whole_name in nested:
            _add_workflow(shape, nested[whole_name], prefix=f"{full}/", depth=depth + 1)
    declared = definition.get("edges")
    edges = list(_edges(declared, nodes)) if is_list(declared) else []
    for edge in edges:
        _add_edge(shape, edge, prefix)
    if is_object(nested):
        _keep_right(shape, [edge for edge in edges if edge.start in nested], prefix)
    return True


def _edges(declared: list[Any], nodes: dict[str, Any]) -> Iterator[ShapeEdge]:
    names = {name[:TEXT_CHARACTERS] for name in nodes}
    for edge in declared:
        if not is_object(edge):
            continue
        start, end = _text(edge.get("from")), _text(edge.get("to"))
        if start is None or end is None:
            continue
        if start in (START, *names) and end in (END, *names):
            yield ShapeEdge(
                start=start,
                end=end,
                condition=OTHERWISE if edge.get("otherwise") is True else _text(edge.get("when")),
                each=_text(edge.get("each")),
            )


def _add_edge(shape: Shape, edge: ShapeEdge, prefix: str) -> None:
    """Add an edge; a nested workflow is entered from the node that it is in."""
    outer = prefix.removesuffix("/")
    start, end = prefix + edge.start, prefix + edge.end
    if outer and edge.end == END:
        return
    if edge.start == START:
        start = outer or START
    if edge.end == END:
        end = END
    shape.edges.append(ShapeEdge(start=start, end=end, condition=edge.condition, each=edge.each))


def _keep_right(shape: Shape, edges: Sequence[ShapeEdge], prefix: str) -> None:
    """What follows a nested workflow stands right of all that is in it."""
    for edge in edges:
        if edge.end == END:
            continue
        inside = f"{prefix}{edge.start}/"
        shape.hidden += [
            (name, prefix + edge.end) for name in shape.nodes if name.startswith(inside)
        ]


def _text(value: Any) -> str | None:
    return value[:TEXT_CHARACTERS] if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def observed_shape(rows: Sequence[NodeTiming], *, has_ended: bool) -> Shape:
    """Return the graph that the executed nodes tell, by first appearance.

    An edge leads from where a node says that it was entered from; else from the nodes of the same
    level that had ended when it began, those aside that others of them had followed already.

    Args:
        rows: in the order in which they began.
        has_ended: whether the run has, and so all its last nodes lead to the end.
    """
    shape = Shape(is_declared=False)
    if not rows:
        return shape
    shape.nodes[START] = ShapeNode(name=START)
    levels: dict[str, _Level] = {}
    seen: dict[tuple[str, str], None] = {}
    for row in rows:
        name, parent = place_of(row)
        if name not in shape.nodes:
            shape.nodes[name] = ShapeNode(name=name, kind=row.node_kind)
        # By its path and not its name: what a second visit calls is a level of its own.
        path = (row.node_path or "").rpartition("/")[0]
        level = levels.setdefault(path, _Level(first=parent or START))
        for start in sources_of(row, parent) or level.before(row.started_at):
            seen[start, name] = None
        level.add(name, row)
    if has_ended and "" in levels:
        seen |= {(name, END): None for name in levels[""].last()}
    shape.nodes[END] = ShapeNode(name=END)
    shape.edges = [ShapeEdge(start=start, end=end) for start, end in seen if start in shape.nodes]
    return shape


@dataclass(kw_only=True)
class _Level:
    """The nodes of one level that were seen so far."""

    first: str
    """What leads to its first node."""
    previous: str | None = None
    ended: list[tuple[datetime, datetime, str]] = field(
        default_factory=list[tuple[datetime, datetime, str]]
    )
    """End, beginning and name, in order of the end."""

    def before(self, began: datetime | None) -> list[str]:
        """Return what led to a node that began then."""
        if self.previous is None:
            return [self.first]
        if began is None or not self.ended:
            return [self.previous]
        past = self.ended[: bisect_right(self.ended, began, key=lambda each: each[0])]
        if not past:
            return [self.first]
        newest = max(began_at for _, began_at, _ in past)
        # Those that another one followed can lead to nothing that comes later either.
        keep = [each for each in past if _is_last(each, newest)]
        self.ended[: len(past)] = keep
        return list(dict.fromkeys(name for _, _, name in keep)) or [past[-1][2]]

    def add(self, name: str, row: NodeTiming) -> None:
        """Note a node."""
        self.previous = name
        if row.started_at is not None and row.ended_at is not None:
            insort(self.ended, (max(row.ended_at, row.started_at), row.started_at, name))

    def last(self) -> list[str]:
        """Return the nodes that no other one followed."""
        if not self.ended:
            return [] if self.previous is None else [self.previous]
        newest = max(began_at for _, began_at, _ in self.ended)
        return list(dict.fromkeys(each[2] for each in self.ended if _is_last(each, newest)))


def _is_last(each: tuple[datetime, datetime, str], newest: datetime) -> bool:
    """Tell whether no other began when or after this one had ended; `newest` is when one did."""
    ended_at, began_at, _ = each
    return ended_at > newest or began_at == ended_at == newest
