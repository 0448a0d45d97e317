"""The graph of a run, with what was taken of it and what that came to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.records import NodeTiming
from secondtake.backend.models.workflows import GraphEdge, GraphNode, RunGraph
from secondtake.backend.services.graph_layout import layers
from secondtake.backend.services.graph_shapes import (
    END,
    START,
    Shape,
    ShapeEdge,
    declared_shape,
    observed_shape,
    place_of,
    sources_of,
)
from secondtake.backend.services.runs import resolve_run
from secondtake.backend.services.spans import SpanSums, add_known, sums_by_span
from secondtake.backend.store import calls, runs
from secondtake.backend.store.patience import patient
from secondtake.backend.store.snapshot import snapshot

TEXT_CHARACTERS: Final = 300
"""Of texts that a graph shows; names in it are cut as in rows that are clipped."""


@dataclass(kw_only=True)
class _Doings:
    """What became of one node in a run."""

    executions: int = 0
    failed: int = 0
    open: int = 0
    duration_ms: float | None = None
    cost_usd: Decimal | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    def add(self, row: NodeTiming, sums: SpanSums | None) -> None:
        self.executions += 1
        self.failed += row.error_type is not None
        has_ended = row.ended_at is not None or row.duration_ms is not None
        self.open += not has_ended and row.error_type is None
        self.duration_ms = add_known((self.duration_ms, row.duration_ms))
        if sums is not None:
            self.cost_usd = add_known((self.cost_usd, sums.cost_usd))
            self.input_tokens = add_known((self.input_tokens, sums.input_tokens))
            self.output_tokens = add_known((self.output_tokens, sums.output_tokens))


@dataclass(kw_only=True)
class _Happened:
    """What happened in a run, by the names of its graph."""

    status: str
    nodes: dict[str, _Doings] = field(default_factory=dict[str, _Doings])
    entered: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """How often a node was entered from another."""
    is_said: dict[str, bool] = field(default_factory=dict[str, bool])
    """Of each executed node: whether all its executions say what they were entered from."""

    def executions(self, name: str) -> int:
        return self.nodes[name].executions if name in self.nodes else 0


@patient
def run_graph(con: DuckDBPyConnection, name: str) -> RunGraph:
    """Return the graph of a run: as its workflow declares it, else as its nodes tell.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
    """
    with snapshot(con):
        run_id = resolve_run(con, name)
        status = runs.run_times(con, run_id)["status"]
        config = runs.run_config(con, run_id)
        rows = calls.list_node_timings(con, run_id, max_chars=TEXT_CHARACTERS)
        sums = sums_by_span(calls.list_spans(con, run_id))
    return graph_of(run_id, config, rows, sums, status=status)


def graph_of(
    run_id: UUID,
    config: object,
    rows: Sequence[NodeTiming],
    sums: Mapping[str, SpanSums],
    *,
    status: str,
) -> RunGraph:
    """Draw a run: `rows` in the order in which its nodes began, `sums` by span."""
    has_ended = status == "ok"
    shape = declared_shape(config) or observed_shape(rows, has_ended=has_ended)
    happened = _happened(rows, sums, status)
    columns = _columns(shape)
    pairs = Counter((edge.start, edge.end) for edge in shape.edges)
    last = [edge.start for edge in shape.edges if edge.end == END]
    return RunGraph(
        run_id=run_id,
        is_declared=shape.is_declared,
        nodes=[_node(shape, name, columns, happened) for name in shape.nodes],
        edges=[
            GraphEdge(
                start=edge.start,
                end=edge.end,
                condition=edge.condition,
                each=edge.each,
                taken=_ends(edge, last, happened)
                if edge.end == END
                else _taken(edge, happened, is_only=pairs[edge.start, edge.end] == 1),
            )
            for edge in shape.edges
        ],
    )


def _happened(rows: Sequence[NodeTiming], sums: Mapping[str, SpanSums], status: str) -> _Happened:
    happened = _Happened(status=status)
    for row in rows:
        name, parent = place_of(row)
        happened.nodes.setdefault(name, _Doings()).add(row, sums.get(row.span_id))
        sources = sources_of(row, parent)
        happened.is_said[name] = happened.is_said.get(name, True) and sources is not None
        if row.attempt is None or row.attempt <= 1:  # a further attempt did not enter again
            happened.entered.update((source, name) for source in sources or ())
    return happened


def _columns(shape: Shape) -> Mapping[str, int]:
    """Return the column of each node; the start alone in the first, the end alone in the last."""
    inner = [name for name in shape.nodes if name != END]
    pairs = [(edge.start, edge.end) for edge in shape.edges]
    found = layers(inner, [*pairs, *shape.hidden])
    columns = {name: max(column, int(name != START)) for name, column in found.items()}
    return {**columns, END: max(columns.values(), default=0) + 1}


def _node(shape: Shape, name: str, columns: Mapping[str, int], happened: _Happened) -> GraphNode:
    about = shape.nodes[name]
    doings = happened.nodes.get(name, _Doings())
    return GraphNode(
        name=name,
        kind=about.kind,
        description=about.description,
        layer=columns[name],
        executions=doings.executions,
        failed_executions=doings.failed,
        open_executions=doings.open,
        max_visits=about.max_visits,
        duration_ms=doings.duration_ms,
        cost_usd=doings.cost_usd,
        input_tokens=doings.input_tokens,
        output_tokens=doings.output_tokens,
    )


def _taken(edge: ShapeEdge, happened: _Happened, *, is_only: bool) -> int | None:
    """Return how often an edge was taken, each branch of a fan-out counted."""
    if not happened.executions(edge.end):
        return 0
    if not happened.is_said[edge.end]:
        return None
    taken = happened.entered[edge.start, edge.end]
    return taken if is_only or not taken else None  # of two between the same nodes none is named


def _ends(edge: ShapeEdge, last: Sequence[str], happened: _Happened) -> int | None:
    """Return how often an edge to the end was taken; nothing is recorded when it is."""
    if not happened.executions(edge.start) and edge.start != START:
        return 0
    if happened.status != "ok":
        return None
    executed = [name for name in last if happened.executions(name)]
    return 1 if executed == [edge.start] else None
