"""`record.wrap` of a user's graph: each call is a run, however it is called."""

import asyncio
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState
from langgraph.prebuilt import ToolNode, tools_condition
from tests.support.graphs import calling, new_graph, recording_of, saying
from tests.support.journal import recorded

from secondtake.runner import record

QUESTION: Any = {"messages": [HumanMessage("Go.")]}


class Topic(TypedDict, total=False):
    topic: str
    answer: str


@tool
def add(one: int, two: int) -> int:
    """Add."""
    return one + two


def _agent(**options: Any) -> Any:
    model = calling("add", {"one": 1, "two": 2})

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    def ask_at_once(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    from langchain_core.runnables import RunnableLambda

    graph = new_graph(MessagesState)
    graph.add_node("agent", RunnableLambda(ask_at_once, afunc=ask))
    graph.add_node("tools", ToolNode([add]))
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", tools_condition)
    graph.add_edge("tools", "agent")
    return graph.compile(name="adder", **options)


def _simple() -> Any:
    graph = new_graph(Topic)
    graph.add_node("ask", lambda state: {"answer": saying(state["topic"]).invoke("x").text})
    graph.add_edge(START, "ask")
    return graph.compile(name="simple")


SAID = [
    {"role": "user", "content": "Go."},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "type": "function",
                "id": "call_0",
                "function": {"name": "add", "arguments": '{"one": 1, "two": 2}'},
            }
        ],
    },
    {"role": "tool", "content": "3", "name": "add", "tool_call_id": "call_0"},
    {"role": "assistant", "content": "done"},
]


def test_an_invoked_graph_is_a_run_with_inputs_output_and_drawing(home: Path) -> None:
    given = record.wrap(_agent()).invoke(QUESTION)

    recording = recording_of(home)
    assert given["messages"][-1].text == "done"
    assert recording.start.name == "adder"
    assert recording.start.inputs == {"messages": [{"role": "user", "content": "Go."}]}
    assert set(recording.start.config["langgraph"]["nodes"]) >= {"agent", "tools"}
    assert recording.end is not None
    assert recording.end.output == {"messages": SAID}
    assert (recording.end.status, recording.end.replayable) == ("ok", "full")
    assert [node.node_path for node in recording.nodes] == ["agent[1]", "tools[1]", "agent[2]"]


@pytest.mark.parametrize("mode", ["values", "updates", "messages", ["values", "messages"], "debug"])
def test_a_streamed_graph_is_the_same_run_whatever_its_consumer_reads(
    home: Path, mode: Any
) -> None:
    graph = _agent()
    plain = [type(piece) for piece in graph.stream(QUESTION, stream_mode=mode)]
    pieces = [type(piece) for piece in record.wrap(graph).stream(QUESTION, stream_mode=mode)]

    assert pieces == plain != []
    recording = recording_of(home)
    assert recording.end is not None
    assert recording.end.output == {"messages": SAID}
    assert len(recording.llm_calls) == 2
    assert len(recording.tool_calls) == 1


def test_asynchronous_calls_are_runs_too(home: Path) -> None:
    graph = record.wrap(_agent())

    async def both() -> None:
        await graph.ainvoke(QUESTION)
        async for _ in graph.astream(QUESTION, stream_mode="updates"):
            pass

    asyncio.run(both())

    outputs = [end["output"] for end in recorded(home, "run_finished")]
    assert outputs == [{"messages": SAID}] * 2


def test_several_asynchronous_runs_at_once_are_kept_apart(home: Path) -> None:
    graph = record.wrap(_agent())

    async def many() -> None:
        await asyncio.gather(*[graph.ainvoke(QUESTION) for _ in range(4)])

    asyncio.run(many())

    assert len(recorded(home, "run_finished")) == 4
    runs = [call["run_id"] for call in recorded(home, "llm_call")]
    assert sorted(runs.count(run) for run in set(runs)) == [2, 2, 2, 2]


def test_each_input_of_a_batch_is_a_run(home: Path) -> None:
    given = record.wrap(_simple()).batch([{"topic": "heat"}, {"topic": "cold"}])

    assert [each["answer"] for each in given] == ["heat", "cold"]
    outputs = [end["output"] for end in recorded(home, "run_finished")]
    assert sorted(output["answer"] for output in outputs) == ["cold", "heat"]


def test_each_input_of_a_batch_of_a_chain_is_a_run(home: Path) -> None:
    chain = record.wrap(ChatPromptTemplate.from_template("About {topic}") | saying("x"), name="c")
    chain.batch([{"topic": "heat"}, {"topic": "cold"}])

    starts = recorded(home, "run_started")
    assert [start["name"] for start in starts] == ["c", "c"]
    assert sorted(start["inputs"]["topic"] for start in starts) == ["cold", "heat"]


def test_the_twin_is_still_a_graph(home: Path) -> None:
    graph = _simple()
    twin = record.wrap(graph)

    assert type(twin) is type(graph)
    assert twin.get_graph().draw_mermaid() == graph.get_graph().draw_mermaid()
    assert twin.with_config({"tags": ["a"]}).invoke({"topic": "heat"})["answer"] == "heat"
    assert len(recorded(home, "run_finished")) == 1
    graph.invoke({"topic": "cold"})
    assert len(recorded(home, "run_finished")) == 1


def test_a_twin_inside_a_run_is_a_node_of_it(home: Path) -> None:
    twin = record.wrap(_simple())

    @record.run
    def program() -> Any:
        return twin.invoke({"topic": "heat"})

    program()

    recording = recording_of(home)
    paths = [node.node_path for node in recording.nodes]
    assert sorted(map(str, paths)) == ["simple[1]", "simple[1]/ask[1]"]


def test_a_wrapped_model_is_a_run_and_inside_a_run_a_call(home: Path) -> None:
    model = record.wrap(saying("yes"), name="judge")

    assert model.invoke("Is it?").text == "yes"
    recording = recording_of(home)
    assert (recording.start.name, recording.start.inputs) == ("judge", {"input": "Is it?"})
    assert len(recording.llm_calls) == 1

    graph = new_graph(MessagesState)
    graph.add_node("ask", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_edge(START, "ask")
    record.wrap(graph.compile()).invoke(QUESTION)

    recording = recording_of(home)
    assert [node.node_path for node in recording.nodes] == ["ask[1]"]
    assert recording.llm_calls[0].node_path == "ask[1]"


def test_a_thread_is_a_session_and_going_on_with_it_cannot_be_replayed_whole(home: Path) -> None:
    graph = record.wrap(_agent(checkpointer=InMemorySaver()))
    config: Any = {"configurable": {"thread_id": "t1"}}
    graph.invoke(QUESTION, config)
    graph.invoke({"messages": [AIMessage("and now?")]}, config)

    assert [start["session_id"] for start in recorded(home, "run_started")] == ["t1", "t1"]
    ends = recorded(home, "run_finished")
    assert [end["replayable"] for end in ends] == ["full", "stepwise"]


def test_a_failed_graph_is_a_failed_run(home: Path) -> None:
    def fail(_: Topic) -> Topic:
        raise LookupError("nothing there")

    graph = new_graph(Topic)
    graph.add_node("fail", fail)
    graph.add_edge(START, "fail")

    with pytest.raises(LookupError, match="nothing there"):
        record.wrap(graph.compile()).invoke({"topic": "x"})

    (end,) = recorded(home, "run_finished")
    assert (end["status"], end["error_type"]) == ("error", "LookupError")
