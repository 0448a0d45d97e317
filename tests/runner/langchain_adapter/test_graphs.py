"""LangGraph's nodes, branches, subgraphs and state as those of a run."""

import asyncio
import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START
from langgraph.types import Command, RetryPolicy, Send, interrupt
from tests.support.graphs import Executed, ScriptedChat, execute, new_graph, saying

from secondtake.runner.context import current


class State(TypedDict, total=False):
    topics: list[str]
    topic: str
    found: Annotated[list[str], operator.add]
    answer: str


def _paths(source: Executed) -> list[str | None]:
    return [node.node_path for node in source.recording.nodes]


def _fold(source: Executed, scope: str = "state") -> dict[str, Any]:
    """Return the state that the recorded changes add up to."""
    state: dict[str, Any] = {}
    for change in source.recording.memory:
        if change.scope == scope:
            known: list[Any] = state[change.key] if change.operation == "append" else []
            state[change.key] = [*known, *change.value] if known else change.value
    return state


def _fan_out(topics: list[str], model: ScriptedChat) -> Any:
    def search(state: State) -> dict[str, Any]:
        return {"found": [model.invoke("Search.").text]}

    graph = new_graph(State)
    graph.add_node("plan", lambda state: {"topics": topics})
    graph.add_node("search", search)
    graph.add_node("join", lambda state: {"answer": " ".join(state["found"])})
    graph.add_edge(START, "plan")
    graph.add_conditional_edges(
        "plan",
        lambda state: [Send("search", {"topic": topic}) for topic in state["topics"]],
        ["search"],
    )
    graph.add_edge("search", "join")
    return graph.compile()


def test_branches_that_ask_the_same_each_get_their_own_answer_again(home: Path) -> None:
    """They race: the order in which their calls are made is another one each time."""
    count = iter(range(100))
    model = ScriptedChat(reply=lambda _: AIMessage(f"answer {next(count)}"))
    topics = ["heat", "cold", "rain", "wind", "snow"]

    source = execute(home, lambda: _fan_out(topics, model).invoke({}))
    replays = [
        execute(home, lambda: _fan_out(topics, model).invoke({}), source=source) for _ in range(5)
    ]

    branches = {node.branch_key for node in source.recording.nodes if node.node == "search"}
    assert len(branches) == 5
    assert [replay.verdict for replay in replays] == ["exact"] * 5
    assert [replay.given for replay in replays] == [source.given] * 5
    assert len(model.asked) == 5


def test_branches_that_were_sent_the_same_are_told_apart(home: Path) -> None:
    source = execute(home, lambda: _fan_out(["heat", "heat"], saying("x")).invoke({}))

    keys = sorted(node.branch_key or "" for node in source.recording.nodes if node.branch_key)
    assert keys[1] == f"{keys[0]}.1"


def test_nodes_know_which_nodes_led_to_them(home: Path) -> None:
    source = execute(home, lambda: _fan_out(["heat"], saying("x")).invoke({}))

    led = {node.node: node.entered_from for node in source.recording.nodes}
    assert led == {"plan": ["START"], "search": ["plan"], "join": ["search"]}


def test_the_recorded_state_folds_to_the_state_that_the_graph_had(home: Path) -> None:
    source = execute(home, lambda: _fan_out(["heat", "cold"], saying("x")).invoke({"found": ["0"]}))

    assert _fold(source) == source.given
    writers = {
        (change.key, change.operation, change.node_path) for change in source.recording.memory
    }
    assert ("found", "init", None) in writers
    assert ("topics", "set", "plan[1]") in writers


def test_a_subgraph_is_inside_the_node_that_it_runs_in(home: Path) -> None:
    inner = new_graph(State)
    inner.add_node("ask", lambda state: {"answer": saying("inner").invoke("hi").text})
    inner.add_edge(START, "ask")
    outer = new_graph(State)
    outer.add_node("team", inner.compile())
    outer.add_edge(START, "team")

    source = execute(home, lambda: outer.compile().invoke({"topic": "heat"}))

    assert sorted(_paths(source), key=str) == ["team[1]", "team[1]/ask[1]"]
    assert source.llm_calls[0].node_path == "team[1]/ask[1]"
    assert _fold(source)["answer"] == "inner"
    assert _fold(source, "node")["team[1]/answer"] == "inner"


def test_the_attempts_of_a_node_are_one_visit(home: Path) -> None:
    def flaky(_: list[BaseMessage]) -> AIMessage:
        if len(model.asked) < 3:
            raise ConnectionError("try again")
        return AIMessage("at last")

    model = ScriptedChat(reply=flaky)

    def program() -> Any:
        graph = new_graph(State)
        policy = RetryPolicy(initial_interval=0.001, jitter=False, max_attempts=3)
        graph.add_node("ask", lambda _: {"answer": model.invoke("hi").text}, retry_policy=policy)
        graph.add_edge(START, "ask")
        return graph.compile().invoke({})

    source = execute(home, program)
    replay = execute(home, program, source=source)

    assert [(node.node_path, node.attempt) for node in source.recording.nodes] == [
        ("ask[1]", 1), ("ask[1]", 2), ("ask[1]", 3),
    ]  # fmt: skip
    assert [call.error_type for call in source.llm_calls] == ["ConnectionError"] * 2 + [None]
    assert replay.verdict == "exact"
    assert len(model.asked) == 3


def test_a_node_that_asks_a_person_is_no_failure_and_a_resumed_run_says_what_it_lacks(
    home: Path,
) -> None:
    graph = new_graph(State)
    graph.add_node("approve", lambda state: {"answer": interrupt("Go on?")})
    graph.add_edge(START, "approve")
    compiled = graph.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t1"}}

    asked = execute(home, lambda: compiled.invoke({"topic": "heat"}, config))
    resumed = execute(home, lambda: compiled.invoke(Command(resume="yes"), config))

    assert [node.error_type for node in asked.recording.nodes] == [None]
    assert asked.recording.end is not None
    assert asked.recording.end.output["__interrupt__"] == [{"value": "Go on?"}]
    assert asked.replayable == ("full", None)
    assert resumed.given["answer"] == "yes"
    assert resumed.replayable == (
        "stepwise",
        "it continued from a checkpoint of thread t1, which is not recorded",
    )


def test_a_command_to_the_parent_graph_is_no_failure(home: Path) -> None:
    inner = new_graph(State)
    inner.add_node("hand_over", lambda _: Command(graph=Command.PARENT, goto="other"))
    inner.add_edge(START, "hand_over")
    outer = new_graph(State)
    outer.add_node("first", inner.compile(), destinations=("other",))
    outer.add_node("other", lambda _: {"answer": "handed over"})
    outer.add_edge(START, "first")

    source = execute(home, lambda: outer.compile().invoke({}))

    assert source.given["answer"] == "handed over"
    assert {node.error_type for node in source.recording.nodes} == {None}
    assert sorted(_paths(source), key=str) == ["first[1]", "first[1]/hand_over[1]", "other[1]"]


def test_a_node_that_fails_is_recorded_and_its_error_raised_unchanged(home: Path) -> None:
    error = RuntimeError("broken")

    def fail(_: State) -> State:
        raise error

    graph = new_graph(State)
    graph.add_node("fail", fail)
    graph.add_edge(START, "fail")

    source = execute(home, lambda: graph.compile().invoke({}))

    assert source.error is error
    assert [node.error_type for node in source.recording.nodes] == ["RuntimeError"]


def test_an_asynchronous_graph_is_recorded_and_answered_alike(home: Path) -> None:
    count = iter(range(100))
    model = ScriptedChat(reply=lambda _: AIMessage(f"answer {next(count)}"))

    async def ask(state: State) -> dict[str, Any]:
        said = await model.ainvoke("hi")
        return {"found": [f"{state.get('topic')}: {said.text}"]}

    def program() -> Any:
        graph = new_graph(State)
        graph.add_node("ask", ask)
        sends = [Send("ask", {"topic": topic}) for topic in ("heat", "cold", "rain")]
        graph.add_conditional_edges(START, lambda _: sends, ["ask"])
        graph.add_edge("ask", END)
        return asyncio.run(graph.compile().ainvoke({}))

    source = execute(home, program)
    replay = execute(home, program, source=source)

    assert len({call.node_path for call in source.llm_calls}) == 3
    assert replay.verdict == "exact"
    assert replay.given == source.given


def test_tasks_of_the_functional_interface_are_nodes(home: Path) -> None:
    @task
    def ask(topic: str) -> str:
        return saying(f"about {topic}").invoke(topic).text

    @entrypoint()
    def flow(topics: list[str]) -> list[str]:
        waiting = [ask(topic) for topic in topics]
        return [each.result() for each in waiting]

    source = execute(home, lambda: flow.invoke(["heat", "cold"]))
    replay = execute(home, lambda: flow.invoke(["heat", "cold"]), source=source)

    assert source.given == ["about heat", "about cold"]
    assert all((path or "").startswith("flow[1]") for path in _paths(source))
    assert len(source.llm_calls) == 2
    assert replay.verdict == "exact"


def test_the_node_is_known_in_the_threads_of_langgraph(home: Path) -> None:
    seen: list[str | None] = []

    def look(state: State) -> dict[str, Any]:
        here = current()
        seen.append(here.node_path if here else None)
        return {}

    graph = new_graph(State)
    for name in ("one", "two", "three"):
        graph.add_node(name, look)
        graph.add_edge(START, name)

    execute(home, lambda: graph.compile().invoke({"topic": "x"}))

    assert sorted(map(str, seen)) == ["one[1]", "three[1]", "two[1]"]
