"""The graph of a run: as it was declared, or as its nodes tell."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

from duckdb import DuckDBPyConnection
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.stored import STARTED_AT, write_research_run

from secondtake.backend.loader import load_pending
from secondtake.backend.models.records import NodeTiming
from secondtake.backend.models.workflows import RunGraph
from secondtake.backend.services.graph import graph_of, run_graph
from secondtake.backend.services.graph_layout import layers
from secondtake.backend.services.spans import sums_by_span

RUN = uuid4()
CONFIG: dict[str, Any] = {
    "definition": {
        "nodes": {
            "draft": {"kind": "llm", "description": "Writes.", "max_visits": 3},
            "review": {"kind": "llm"},
            "triage": {"kind": "workflow"},
            "ask": {"kind": "human"},
        },
        "edges": [
            {"from": "START", "to": "draft"},
            {"from": "draft", "to": "review"},
            {"from": "review", "to": "draft", "when": "score < 8"},
            {"from": "review", "to": "triage", "otherwise": True},
            {"from": "triage", "to": "ask", "each": "items", "as": "item"},
            {"from": "ask", "to": "END"},
        ],
    },
    "nested": {
        "triage": {
            "definition": {
                "nodes": {"classify": {"kind": "llm"}, "route": {"kind": "python"}},
                "edges": [
                    {"from": "START", "to": "classify"},
                    {"from": "classify", "to": "route"},
                    {"from": "route", "to": "END"},
                ],
            }
        }
    },
}


def row(path: str, entered: list[str] | None, **fields: Any) -> NodeTiming:
    name = path.rpartition("/")[2].partition("[")[0]
    known = {"span_id": path, "duration_ms": 10.0, "node_kind": "llm", "attempt": 1}
    return NodeTiming(
        run_id=RUN, node=name, node_path=path, entered_from=entered, **(known | fields)
    )


def drawn(
    config: Any,
    rows: list[NodeTiming],
    calls: list[dict[str, Any]] | None = None,
    *,
    status: str = "ok",
) -> RunGraph:
    names = (
        "seq", "span_kind", "name", "node_path", "started_at", "ended_at", "duration_ms",
        "error_type", "error_message", "input_tokens", "output_tokens", "cost_usd", "served_from",
        "parent_span_id",
    )  # fmt: skip
    spans = [dict.fromkeys(names) | {"span_id": r.span_id} for r in rows]
    spans += [dict.fromkeys(names) | call for call in calls or []]
    return graph_of(RUN, config, rows, sums_by_span(spans), status=status)


def taken(graph: RunGraph) -> dict[tuple[str, str], int | None]:
    return {(edge.start, edge.end): edge.taken for edge in graph.edges}


LOOPED = [
    row("draft[1]", ["START"]),
    row("review[1]", ["draft"]),
    row("draft[2]", ["review"], error_type="Timeout", attempt=1),
    row("draft[2]", ["review"], attempt=2, span_id="again"),
    row("review[2]", ["draft"]),
    row("triage[1]", ["review"]),
    row("triage[1]/classify[1]", ["START"]),
    row("triage[1]/route[1]", ["classify"]),
    row("ask[1:aa]", ["triage"], duration_ms=None, ended_at=None),
    row("ask[1:bb]", ["triage"]),
]


def test_a_declared_graph_says_what_was_taken_of_it() -> None:
    graph = drawn(CONFIG, LOOPED)
    assert graph.is_declared
    assert taken(graph) == {
        ("START", "draft"): 1,
        ("draft", "review"): 2,
        ("review", "draft"): 1,
        ("review", "triage"): 1,
        ("triage", "ask"): 2,
        ("ask", "END"): 1,
        ("triage", "triage/classify"): 1,
        ("triage/classify", "triage/route"): 1,
    }
    by_name = {node.name: node for node in graph.nodes}
    assert (graph.nodes[0].name, graph.nodes[-1].name) == ("START", "END")
    draft, ask = by_name["draft"], by_name["ask"]
    assert (draft.executions, draft.failed_executions, draft.max_visits) == (3, 1, 3)
    assert (draft.kind, draft.description, draft.duration_ms) == ("llm", "Writes.", 30.0)
    assert (ask.executions, ask.open_executions, ask.duration_ms) == (2, 1, 10.0)
    conditions = {(edge.start, edge.end): edge.condition for edge in graph.edges}
    assert conditions["review", "draft"] == "score < 8"
    assert conditions["review", "triage"] == "otherwise"
    assert next(edge.each for edge in graph.edges if edge.end == "ask") == "items"


def test_the_columns_go_from_left_to_right() -> None:
    columns = {node.name: node.layer for node in drawn(CONFIG, LOOPED).nodes}
    order = ["START", "draft", "review", "triage", "triage/classify", "triage/route", "ask", "END"]
    assert [columns[name] for name in order] == list(range(8))


def test_amounts_are_of_what_is_below_a_node() -> None:
    call = {
        "span_kind": "llm",
        "served_from": "live",
        "input_tokens": 5,
        "cost_usd": Decimal("0.1"),
    }
    graph = drawn(
        CONFIG,
        [row("draft[1]", ["START"]), row("review[1]", ["draft"])],
        [call | {"span_id": str(n), "parent_span_id": "draft[1]"} for n in range(2)],
    )
    by_name = {node.name: node for node in graph.nodes}
    assert (by_name["draft"].cost_usd, by_name["draft"].input_tokens) == (Decimal("0.2"), 10)
    assert (by_name["review"].cost_usd, by_name["ask"].duration_ms) == (None, None)


def test_a_run_that_does_not_say_how_its_nodes_were_reached_has_unknown_edges() -> None:
    graph = drawn(CONFIG, [row("draft[1]", None), row("review[1]", None)], status="running")
    assert taken(graph)["START", "draft"] is None
    assert taken(graph)["draft", "review"] is None
    assert taken(graph)["triage", "ask"] == 0
    assert taken(graph)["ask", "END"] == 0


def test_of_two_edges_between_the_same_nodes_neither_is_said_to_be_taken() -> None:
    twice = [{"from": "a", "to": "b", "when": "x"}, {"from": "a", "to": "b", "otherwise": True}]
    config = {"definition": {"nodes": {"a": {}, "b": {}}, "edges": twice}}
    graph = drawn(config, [row("a[1]", ["START"]), row("b[1]", ["a"])])
    assert [edge.taken for edge in graph.edges] == [None, None]


def timed(path: str, begun_s: float, ended_s: float, **fields: Any) -> NodeTiming:
    begun, ended = (STARTED_AT + timedelta(seconds=each) for each in (begun_s, ended_s))
    return row(path, None, started_at=begun, ended_at=ended, **fields)


def test_a_graph_that_nobody_declared_is_read_from_times() -> None:
    rows = [
        timed("plan[1]", 0, 1), timed("search[1]", 1, 4), timed("read[1]", 1, 3),
        timed("write[1]", 5, 9), timed("write[1]/polish[1]", 6, 7),
    ]  # fmt: skip
    graph = drawn(None, rows)
    assert not graph.is_declared
    assert set(taken(graph)) == {
        ("START", "plan"), ("plan", "search"), ("plan", "read"), ("search", "write"),
        ("read", "write"), ("write", "write/polish"), ("write", "END"),
    }  # fmt: skip
    assert set(taken(graph).values()) == {None, 1}  # only that the end was reached is known


def test_nodes_without_times_follow_each_other() -> None:
    graph = drawn(
        {"definition": "gone"}, [row("a[1]", None), row("b%2Fc[1]", None)], status="error"
    )
    assert list(taken(graph)) == [("START", "a"), ("a", "b/c")]


def test_a_run_without_nodes_has_no_graph() -> None:
    graph = drawn(None, [])
    assert (graph.is_declared, graph.nodes, graph.edges) == (False, [], [])


def test_the_graph_of_a_stored_run(con: DuckDBPyConnection, home: Path) -> None:
    write_research_run(home)
    load_pending(con, home)
    graph = run_graph(con, "last")
    assert [node.name for node in graph.nodes] == ["START", "plan", "look_up", "END"]
    plan = graph.nodes[1]
    assert (plan.executions, plan.cost_usd, plan.input_tokens) == (1, Decimal("0.012345678"), 9412)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "definition",
                    "nodes",
                    "edges",
                    "nested",
                    "from",
                    "to",
                    "a",
                    "START",
                    "END",
                    "kind",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(deadline=None)
@given(json_values)
def test_whatever_a_configuration_holds_gives_a_graph(config: Any) -> None:
    graph = drawn(config, LOOPED)
    known = {node.name for node in graph.nodes}
    assert all(edge.start in known and edge.end in known for edge in graph.edges)


names = st.sampled_from("abcdefgh")


@settings(deadline=None)
@given(st.lists(st.tuples(names, names), max_size=30))
def test_every_node_has_a_column_and_without_cycles_edges_lead_to_the_right(
    edges: list[tuple[str, str]],
) -> None:
    columns = layers("abcdefgh", edges)
    assert set(columns) == set("abcdefgh")
    forward = [(start, end) for start, end in edges if start < end]
    columns = layers("abcdefgh", forward)
    assert all(columns[start] < columns[end] for start, end in forward)


def test_a_way_longer_than_pythons_stack_is_laid_out() -> None:
    nodes = [str(number) for number in range(5000)]
    edges = [*pairwise(nodes), ("4999", "0")]
    assert layers(nodes, edges)["4999"] == 4999
