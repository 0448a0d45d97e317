"""The waterfall and the graph on a page: what the components are given, and what they answer."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest
from tests.support.span_trees import component_data, graph, graph_edge, graph_node, span, tree

from secondtake.backend.models.runs import SpanTree
from secondtake.backend.models.workflows import RunGraph

SPANS = tree(span("a", "node"), span("b", "llm", depth=1))
GRAPH = graph(
    [graph_node("plan", 1), graph_node("write", 2)],
    [graph_edge("START", "plan"), graph_edge("plan", "write"), graph_edge("write", "END")],
)


def draw_waterfall(shown: "SpanTree") -> None:
    import streamlit as st

    from secondtake.studio.run_page.waterfall import shaped, show_waterfall

    chosen = show_waterfall(
        shaped(shown, name="research"), selected=st.session_state.get("span"), key="waterfall"
    )
    st.session_state["span"] = chosen


def draw_graph(shown: "RunGraph") -> None:
    import streamlit as st

    from secondtake.studio.run_page.graph import show_graph

    st.session_state["node"] = show_graph(shown, selected=st.session_state.get("node"), key="graph")


def waterfall_page(shown: SpanTree = SPANS) -> AppTest:
    page = AppTest.from_function(draw_waterfall, kwargs={"shown": shown}).run()
    assert not page.exception
    return page


def graph_page(shown: RunGraph) -> AppTest:
    page = AppTest.from_function(draw_graph, kwargs={"shown": shown}).run()
    assert not page.exception
    return page


def given(page: AppTest) -> dict[str, Any]:
    return component_data(page, "secondtake.waterfall")


def test_the_component_gets_a_row_for_each_span() -> None:
    shaped = json.loads(given(waterfall_page())["shaped"])

    assert [(row["name"], row["depth"]) for row in shaped["rows"]] == [
        ("research", 0),
        ("a", 1),
        ("b", 2),
    ]


def test_a_click_is_what_is_selected_and_nothing_is_sent_again() -> None:
    page = waterfall_page()
    before = given(page)

    page.session_state["waterfall"] = {"sel": {"id": "b", "click": 1}}
    page.run()

    assert page.session_state["span"] == "b"
    assert given(page) == before


def test_the_page_moves_the_selection_of_the_component() -> None:
    page = waterfall_page()
    page.session_state["waterfall"] = {"sel": {"id": "b", "click": 1}}
    page.run()
    before = given(page)

    page.session_state["span"] = "a"
    page.run()

    after = given(page)
    assert page.session_state["span"] == "a"
    assert after["told"] == "a"
    assert after["news"] != before["news"]
    assert after["shaped"] == before["shaped"]


def test_a_rerun_that_selects_nothing_new_is_no_news() -> None:
    page = waterfall_page()
    page.session_state["waterfall"] = {"sel": {"id": "b", "click": 1}}
    page.run()
    before = given(page)

    page.run()

    assert given(page)["news"] == before["news"]


def test_the_same_span_can_be_clicked_again_after_the_page_selected_another() -> None:
    page = waterfall_page()
    page.session_state["waterfall"] = {"sel": {"id": "b", "click": 1}}
    page.run()
    page.session_state["span"] = "a"
    page.run()

    page.session_state["waterfall"] = {"sel": {"id": "b", "click": 2}}
    page.run()

    assert page.session_state["span"] == "b"


def test_the_graph_gets_cards_and_edges_and_a_click_names_the_node() -> None:
    page = graph_page(GRAPH)
    shaped = json.loads(component_data(page, "secondtake.graph")["shaped"])

    page.session_state["graph"] = {"sel": {"id": "write", "click": 1}}
    page.run()

    assert [node["name"] for node in shaped["nodes"]] == ["plan", "write", "start", "end"]
    assert [edge["state"] for edge in shaped["edges"]] == ["taken"] * 3
    assert page.session_state["node"] == "write"


def test_a_run_without_nodes_says_so_instead_of_a_graph() -> None:
    page = graph_page(graph([], [], declared=False))

    assert not page.get("bidi_component")
    assert "This run has no nodes" in page.get("html")[0].proto.body


def test_a_graph_of_too_many_nodes_says_so() -> None:
    page = graph_page(graph([graph_node(f"n{number}", number) for number in range(201)], []))

    assert not page.get("bidi_component")
    assert "201 nodes, too many" in page.get("html")[0].proto.body
