"""Where nodes and edges of a graph go: nothing overlaps, little crosses, loops swing around."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondtake.studio.run_page.graph_layout import Layout, Sizes, crossings, lay_out, spread

SIZES = Sizes(along=[100.0] * 12, across=40.0, between=20.0, gaps=[30.0] * 12)


def test_layers_follow_each_other() -> None:
    layout = lay_out({"a": 0, "b": 1, "c": 2}, [("a", "b"), ("b", "c")], SIZES)

    assert [layout.places[name] for name in "abc"] == [(50.0, 20.0), (180.0, 20.0), (310.0, 20.0)]
    assert layout.routes["a", "b"] == [(100.0, 20.0), (130.0, 20.0)]
    assert (layout.along, layout.across) == (360.0, 40.0)


def test_a_node_stands_between_its_neighbours() -> None:
    layout = lay_out(
        {"a": 0, "b": 1, "c": 1, "d": 2}, [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], SIZES
    )

    across = {name: place[1] for name, place in layout.places.items()}
    assert across["a"] == across["d"] == pytest.approx((across["b"] + across["c"]) / 2)


def test_nodes_are_ordered_so_that_edges_do_not_cross() -> None:
    layers = {"a": 0, "b": 0, "x": 1, "y": 1}

    layout = lay_out(layers, [("a", "y"), ("b", "x")], SIZES)

    a, b, x, y = (layout.places[name][1] for name in ("a", "b", "x", "y"))
    assert (a < b) == (y < x)


def test_a_long_edge_goes_past_the_nodes_on_its_way() -> None:
    layout = lay_out({"a": 0, "b": 1, "c": 2}, [("a", "b"), ("b", "c"), ("a", "c")], SIZES)

    passing = layout.routes["a", "c"][1][1]
    assert abs(passing - layout.places["b"][1]) >= 20.0


def test_a_loop_swings_beyond_every_node_between_its_ends() -> None:
    layers = {"a": 0, "b": 1, "c": 1, "d": 2}
    layout = lay_out(layers, [("a", "b"), ("a", "c"), ("b", "d"), ("d", "a")], SIZES)

    lowest = max(across for _, across in layout.places.values())
    assert layout.returns["d", "a"] > lowest + 20.0
    assert layout.across >= layout.returns["d", "a"]


def test_crossings_are_counted() -> None:
    assert crossings(["a", "b"], ["x", "y"], [("a", "y"), ("b", "x")]) == 1
    assert crossings(["a", "b"], ["x", "y"], [("a", "x"), ("b", "y"), ("a", "y")]) == 0


def test_things_stay_where_they_want_to_be_as_far_as_there_is_room() -> None:
    assert spread([0.0, 100.0], [10.0, 10.0], 5.0) == [0.0, 100.0]
    assert spread([50.0, 50.0], [10.0, 10.0], 5.0) == [42.5, 57.5]


@given(
    layers=st.dictionaries(st.sampled_from("abcdefghij"), st.integers(0, 5), min_size=1),
    pairs=st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("abcdefghij"))),
)
def test_no_two_nodes_overlap(layers: dict[str, int], pairs: list[tuple[str, str]]) -> None:
    edges = [pair for pair in dict.fromkeys(pairs) if pair[0] in layers and pair[1] in layers]

    layout = lay_out(layers, edges, SIZES)

    for layer in set(layers.values()):
        places = sorted(layout.places[name][1] for name in layers if layers[name] == layer)
        assert all(below - above >= 59.9 for above, below in pairwise(places))
    assert_all_inside(layout)


def assert_all_inside(layout: Layout) -> None:
    for along, across in layout.places.values():
        assert 50.0 <= along <= layout.along - 49.9
        assert 19.9 <= across <= layout.across - 19.9
