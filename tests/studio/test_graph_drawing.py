"""The drawing of a run's graph: what its cards and edges say."""

import re
from decimal import Decimal
from itertools import pairwise

from tests.support.span_trees import graph, graph_edge, graph_node, span, tree

from secondtake.backend.models.workflows import RunGraph
from secondtake.studio.run_page.graph_drawing import (
    WIDTH,
    DrawnEdge,
    DrawnNode,
    drawing,
    first_span_of,
    graph_name,
)

TIMES = "\N{MULTIPLICATION SIGN}"
LOOP = graph(
    [
        graph_node("draft", 1, executions=2, max_visits=3, duration_ms=2240.0),
        graph_node("review", 2, kind="human", cost_usd=Decimal("0.0039")),
        graph_node("send", 3, executions=0),
    ],
    [
        graph_edge("START", "draft"),
        graph_edge("draft", "review", 2),
        graph_edge("review", "draft", 1, condition="score < 9"),
        graph_edge("review", "send", 0, condition="score >= 9"),
        graph_edge("send", "END", None),
    ],
)


def cards(shown: RunGraph, *, running: bool = False) -> dict[str, DrawnNode]:
    return {node["id"]: node for node in drawing(shown, running=running)["nodes"]}


def edges(shown: RunGraph) -> dict[str, DrawnEdge]:
    return {edge["tip"].splitlines()[0]: edge for edge in drawing(shown)["edges"]}


def test_a_card_says_how_often_how_long_and_how_dear() -> None:
    nodes = cards(LOOP)

    assert nodes["draft"]["facts"] == f"{TIMES}2 · 2.24 s"
    assert nodes["review"]["facts"] == "$0.0039"
    assert (nodes["send"]["facts"], nodes["send"]["state"]) == ("not executed", "unused")
    assert (nodes["START"]["name"], nodes["START"]["state"]) == ("start", "terminal")


def test_what_was_taken_what_was_not_and_what_nobody_knows_are_apart() -> None:
    drawn = edges(LOOP)

    assert (drawn["draft → review"]["state"], drawn["draft → review"]["count"]) == (
        "taken",
        f"{TIMES}2",
    )
    assert drawn["review → send"]["state"] == "unused"
    assert drawn["send → END"]["state"] == "unknown"


def test_a_loop_leads_back_and_counts_its_visits() -> None:
    back = edges(LOOP)["review → draft"]

    assert back["back"]
    assert (back["label"], back["count"]) == ("score < 9", "2 of 3")


def test_a_loop_that_was_not_taken_counts_nothing() -> None:
    unused = graph(
        [graph_node("a", 1, max_visits=3), graph_node("b", 2)],
        [graph_edge("a", "b"), graph_edge("b", "a", 0)],
    )

    assert edges(unused)["b → a"]["count"] == ""


def test_open_nodes_run_or_wait_while_the_run_does() -> None:
    shown = graph(
        [
            graph_node("ask", 1, kind="human", open_executions=1),
            graph_node("think", 1, open_executions=1),
            graph_node("broken", 1, executions=3, failed_executions=2),
        ],
        [],
    )

    states = {name: node["state"] for name, node in cards(shown, running=True).items()}
    assert states == {"ask": "waiting", "think": "running", "broken": "failed"}
    assert cards(shown)["think"]["state"] == "done"
    assert cards(shown)["broken"]["fault"] == "2 of 3 failed"


def test_two_conditions_on_one_way_are_one_line() -> None:
    shown = graph(
        [graph_node("a", 1), graph_node("b", 2)],
        [graph_edge("a", "b", None, condition="x"), graph_edge("a", "b", None, condition="y")],
    )

    assert [edge["label"] for edge in drawing(shown)["edges"]] == ["x or y"]


def test_a_short_chain_goes_sideways_and_a_long_one_down() -> None:
    names = [f"n{number}" for number in range(9)]
    long = graph(
        [graph_node(name, number) for number, name in enumerate(names)],
        [graph_edge(a, b) for a, b in pairwise(names)],
    )

    short, tall = drawing(LOOP), drawing(long)

    assert short["width"] <= WIDTH + 24
    assert short["width"] > short["height"]
    assert tall["height"] > tall["width"]


def test_a_nested_workflow_is_framed_and_its_names_lose_their_prefix() -> None:
    shown = graph(
        [
            graph_node("triage", 1, kind="workflow"),
            graph_node("triage/read", 2),
            graph_node("triage/sort", 3),
            graph_node("answer", 4),
        ],
        [
            graph_edge("triage", "triage/read"),
            graph_edge("triage/read", "triage/sort"),
            graph_edge("triage", "answer"),
        ],
    )

    drawn = drawing(shown)

    assert len(drawn["boxes"]) == 1
    assert [node["prefix"] + node["name"] for node in drawn["nodes"]] == [
        "triage",
        "read",
        "sort",
        "answer",
    ]


def test_a_nested_workflow_that_others_stand_among_keeps_its_prefix() -> None:
    shown = graph(
        [graph_node("t/a", 1), graph_node("other", 2), graph_node("t/b", 3)],
        [graph_edge("t/a", "other"), graph_edge("other", "t/b")],
    )

    drawn = drawing(shown)

    assert drawn["boxes"] == []
    assert [node["prefix"] for node in drawn["nodes"]] == ["t/", "", "t/"]


def test_texts_beside_each_other_do_not_cover_each_other() -> None:
    names = [f"branch{number}" for number in range(3)]
    shown = graph(
        [
            graph_node("a", 1),
            *(graph_node(name, 2) for name in names),
            *(graph_node(f"n{number}", number) for number in range(3, 9)),
        ],
        [graph_edge("a", name, condition="a long condition on the state") for name in names],
    )

    labels = sorted((edge["x"], edge["room"]) for edge in drawing(shown)["edges"])

    for (x, room), (next_x, next_room) in pairwise(labels):
        assert x + room / 2 <= next_x - next_room / 2


def test_foreign_text_is_never_part_of_a_path() -> None:
    hostile = '"/><script>alert(1)</script>'
    shown = graph(
        [graph_node(hostile, 1), graph_node("b", 2)], [graph_edge(hostile, "b", condition=hostile)]
    )

    (edge,) = drawing(shown)["edges"]

    assert re.fullmatch(r"[MC0-9. -]+", edge["path"])
    assert edge["label"] == hostile


def test_a_node_leads_to_its_first_span() -> None:
    shown = tree(
        span("n1", "node", node_path="triage[1]"),
        span("n2", "node", node_path="triage[1]/draft[1]"),
        span("call", "llm", node_path="triage[1]/draft[1]"),
        span("n3", "node", node_path="triage[1]/draft[2:9f3a]"),
    )

    assert first_span_of(shown, "triage/draft") == "n2"
    assert first_span_of(shown, "nothing") is None
    assert graph_name("a%2Fb[1]") == "a/b"
