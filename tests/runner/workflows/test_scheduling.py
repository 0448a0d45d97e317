"""Which nodes run next: conditions, loops, joins. Pure, no run is executed."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondtake.runner.workflows.failures import NodeError
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.scheduling import Scheduler
from secondtake.runner.workflows.schema import Definition


def edge(text: str, **more: Any) -> dict[str, Any]:
    """Return the edge `a -> b`."""
    start, end = text.split(" -> ")
    return {"from": start, "to": end, **more}


def scheduler(edges: Sequence[dict[str, Any]], **limits: int) -> Scheduler:
    names = {e[end] for e in edges for end in ("from", "to")} - {"START", "END"}
    nodes = {
        name: {"kind": "tool", "tool": "calculator", "max_visits": limits.get(name)}
        for name in sorted(names)
    }
    data = {"name": "w", "nodes": nodes, "edges": list(edges)}
    return Scheduler(Graph(Definition.model_validate(data)))


def steps(asked: Scheduler, *values: dict[str, Any], at_most: int = 50) -> list[list[str]]:
    """Return the names that run in each step; the last of `values` holds from there on."""
    found: list[list[str]] = []
    while len(found) <= at_most:
        known = values[min(len(found), len(values) - 1)] if values else {}
        entries = asked.advance(known)
        if not entries:
            return found
        found.append([e.node for e in entries])
    raise AssertionError(f"no end: {found}")


DIAMOND = [
    edge("START -> ask"),
    edge("ask -> left", when="want == 'left' or want == 'both'"),
    edge("ask -> right", when="want == 'right' or want == 'both'"),
    edge("right -> more"),
    edge("left -> join"),
    edge("more -> join"),
    edge("join -> END"),
]


@pytest.mark.parametrize(
    ("want", "expected"),
    [
        ("left", [["ask"], ["left"], ["join"]]),
        ("right", [["ask"], ["right"], ["more"], ["join"]]),
        ("both", [["ask"], ["left", "right"], ["more"], ["join"]]),
    ],
)
def test_a_join_waits_for_the_branches_that_were_taken_and_for_no_other(
    want: str, expected: list[list[str]]
) -> None:
    assert steps(scheduler(DIAMOND), {"want": want}) == expected


def test_when_nothing_holds_the_run_is_told_so_with_the_values() -> None:
    asked = scheduler(DIAMOND)
    asked.advance({"want": "neither"})
    with pytest.raises(NodeError) as failed:
        asked.advance({"want": "neither"})
    assert failed.value.message == (
        "No edge of `ask` can be taken: `want == 'left' or want == 'both'` does not hold "
        "(want = 'neither'); `want == 'right' or want == 'both'` does not hold (want = 'neither'). "
        "Add an edge with `otherwise: true` that says where to go then."
    )


LOOP = [
    edge("START -> draft"),
    edge("draft -> review"),
    edge("review -> draft", when="score < 8"),
    edge("review -> send", otherwise=True),
    edge("send -> END"),
]


def test_a_loop_ends_by_its_condition_or_by_its_limit() -> None:
    bad, good = {"score": 3}, {"score": 9}
    asked = scheduler(LOOP, draft=3)
    assert steps(asked, bad) == [["draft"], ["review"]] * 3 + [["send"]]
    assert asked.visits == {"draft": 3, "review": 3, "send": 1}
    assert steps(scheduler(LOOP, draft=3), good) == [["draft"], ["review"], ["send"]]
    first_bad = [bad, bad, bad, bad, good]
    assert steps(scheduler(LOOP, draft=3), *first_bad) == [["draft"], ["review"]] * 2 + [["send"]]


def test_a_loop_without_a_way_out_names_the_limit() -> None:
    edges = [*LOOP[:3], edge("review -> send", when="score >= 8"), LOOP[4]]
    with pytest.raises(NodeError, match=r"`draft` has used up its 2 visits \(`max_visits`\)"):
        steps(scheduler(edges, draft=2), {"score": 1})


def test_a_plain_edge_to_a_limited_node_repeats_it_so_often() -> None:
    edges = [edge("START -> a"), edge("a -> a"), edge("a -> END", otherwise=True)]
    assert steps(scheduler(edges, a=4)) == [["a"]] * 4


def test_a_condition_may_count_the_visits() -> None:
    edges = [
        edge("START -> a"),
        edge("a -> a", when="visits.a < limit"),
        edge("a -> END", otherwise=True),
    ]
    assert steps(scheduler(edges, a=9), {"limit": 3}) == [["a"]] * 3


def test_a_join_waits_for_a_loop_beside_it() -> None:
    edges = [
        edge("START -> a"),
        edge("START -> b"),
        edge("a -> a", when="true"),
        edge("a -> join", otherwise=True),
        edge("b -> join"),
        edge("join -> END"),
    ]
    assert steps(scheduler(edges, a=3)) == [["a", "b"], ["a"], ["a"], ["join"]]


def test_a_join_inside_a_loop_runs_once_a_round() -> None:
    edges = [
        edge("START -> top"),
        edge("top -> x"),
        edge("top -> y"),
        edge("y -> z"),
        edge("x -> join"),
        edge("z -> join"),
        edge("join -> top", when="true"),
        edge("join -> END", otherwise=True),
    ]
    once = [["top"], ["x", "y"], ["z"], ["join"]]
    assert steps(scheduler(edges, top=2)) == once * 2


def test_entries_name_where_they_come_from_and_the_end_too() -> None:
    asked = scheduler(DIAMOND)
    values = {"want": "both"}
    entries = [entry for _ in range(5) for entry in asked.advance(values)]
    sources = {entry.node: entry.entered_from for entry in entries}
    assert sources == {
        "ask": ("START",),
        "left": ("ask",),
        "right": ("ask",),
        "more": ("right",),
        "join": ("left", "more"),
    }
    assert asked.ended_from == ["join"]


FAN = [
    edge("START -> plan"),
    edge("plan -> look", each="items", **{"as": "item"}),
    edge("plan -> note", when="careful"),
    edge("note -> write"),
    edge("look -> write"),
    edge("write -> plan", when="again"),
    edge("write -> END", otherwise=True),
]


def test_a_fan_out_beside_a_condition_joins_once() -> None:
    values = {"items": ["a", "b"], "careful": True, "again": False}
    asked = scheduler(FAN, plan=2)
    assert steps(asked, values) == [["plan"], ["look", "note"], ["write"]]
    assert asked.ended_from == ["write"]


def test_a_fan_out_over_nothing_goes_on_at_once() -> None:
    values = {"items": [], "careful": False, "again": True}
    asked = scheduler(FAN, plan=2)
    assert steps(asked, values) == [["plan"], ["write"]] * 2
    assert asked.visits["look"] == 2
    values["careful"] = True
    assert steps(scheduler(FAN, plan=1), values) == [["plan"], ["note"], ["write"]]


def test_a_fan_out_over_what_is_no_list_is_an_error() -> None:
    asked = scheduler(FAN, plan=2)
    asked.advance({})
    with pytest.raises(NodeError, match="`items` is not a list"):
        asked.advance({"items": 3, "careful": False})


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Draw a graph whose forward edges are acyclic, with limited loops back."""
    count = draw(st.integers(1, 7))
    names = [f"n{index}" for index in range(count)]
    edges = {("START", draw(st.sampled_from(names)))}
    for index, name in enumerate(names):
        later = [*names[index + 1 :], "END"]
        edges |= {(name, draw(st.sampled_from(later))) for _ in range(draw(st.integers(1, 3)))}
        edges.add((name, draw(st.sampled_from(later))))
    limits: dict[str, int] = {}
    for _ in range(draw(st.integers(0, 3))):
        start, back = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        if names.index(back) <= names.index(start):
            edges.add((start, back))
            limits[back] = draw(st.integers(1, 3))
    made = [
        edge(f"{a} -> {b}", **({"when": f"c{i}"} if a != "START" and draw(st.booleans()) else {}))
        for i, (a, b) in enumerate(sorted(edges))
    ]
    for name in names:
        made = [e for e in made if (e["from"], e["to"]) != (name, "END")]
        made.append(edge(f"{name} -> END", otherwise=True))
    return made, limits


@given(graphs(), st.data())
def test_every_run_ends_and_no_node_exceeds_its_limit(
    drawn: tuple[list[dict[str, Any]], dict[str, int]], data: st.DataObject
) -> None:
    edges, limits = drawn
    asked = scheduler(edges, **limits)
    graph = asked.graph
    names = [f"c{index}" for index in range(len(edges))]
    for _ in range(500):
        values = {name: data.draw(st.booleans()) for name in names}
        entries = asked.advance(values)
        if not entries:
            assert asked.ended_from
            break
        running = [entry.node for entry in entries]
        assert len(set(running)) == len(running)
        for one in running:
            assert not any(one in graph.ahead[other] for other in running), "it had to wait"
    else:
        raise AssertionError("no end")
    for name, limit in limits.items():
        assert asked.visits[name] <= limit
