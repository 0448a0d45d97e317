"""Tools and retrievers: what is recorded of them, and what a replay gives instead."""

import asyncio
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, InjectedToolCallId, ToolException, tool
from langgraph.graph import START, MessagesState
from langgraph.prebuilt import InjectedState, ToolNode, tools_condition
from langgraph.types import Command
from tests.support.graphs import Executed, calling, execute, new_graph

QUESTION = {"messages": [HumanMessage("Go.")]}


class Refused(Exception):
    """An error of the user's own."""


def _agent(*tools: BaseTool, errors: Any = False, **arguments: Any) -> Callable[[], Any]:
    """Return a program: a model that calls the first tool once, and a `ToolNode`."""

    def program() -> Any:
        model = calling(tools[0].name, arguments)
        graph = new_graph(MessagesState)
        graph.add_node("agent", lambda state: {"messages": [model.invoke(state["messages"])]})
        graph.add_node("tools", ToolNode(list(tools), handle_tool_errors=errors))
        graph.add_edge(START, "agent")
        graph.add_conditional_edges("agent", tools_condition)
        graph.add_edge("tools", "agent")
        return graph.compile().invoke(QUESTION)["messages"]

    return program


def _both(home: Path, program: Callable[[], Any]) -> tuple[Executed, Executed]:
    source = execute(home, program)
    return source, execute(home, program, source=source)


def _without_ids(messages: Any) -> Any:
    return [message.model_dump(exclude={"id"}) for message in messages]


def test_an_artifact_and_its_content_are_given_again(home: Path) -> None:
    runs: list[str] = []

    @tool(response_format="content_and_artifact")
    def search(query: str) -> tuple[str, dict[str, Any]]:
        """Search."""
        runs.append(query)
        return f"about {query}", {"hits": [1, 2]}

    source, replay = _both(home, _agent(search, query="heat"))

    assert source.replayable == ("full", None)
    assert replay.verdict == "exact"
    assert runs == ["heat"]
    assert replay.given[2].artifact == {"hits": [1, 2]}
    assert _without_ids(replay.given) == _without_ids(source.given)


def test_what_tool_node_turns_into_text_is_given_again_as_that_text(home: Path) -> None:
    @tool
    def today() -> datetime.date:
        """Say the day."""
        return datetime.date(2026, 2, 3)

    source, replay = _both(home, _agent(today))

    assert source.tool_calls[0].result == source.given[2].content == "2026-02-03"
    assert replay.verdict == "exact"
    assert _without_ids(replay.given) == _without_ids(source.given)


def test_a_tool_may_return_a_command_that_changes_the_state(home: Path) -> None:
    runs: list[str] = []

    @tool
    def note(text: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Take a note."""
        runs.append(text)
        messages = [ToolMessage(f"noted {text}", tool_call_id=tool_call_id)]
        return Command(update={"messages": messages})

    source, replay = _both(home, _agent(note, text="milk"))

    assert source.tool_calls[0].arguments == {"text": "milk"}
    assert source.tool_calls[0].result == {
        "$command": {"update": {"messages": [{"$message": {"type": "tool", "content": "noted milk"}}]}}
    }  # fmt: skip
    assert replay.verdict == "exact"
    assert runs == ["milk"]
    assert _without_ids(replay.given) == _without_ids(source.given)


def test_an_error_that_tool_node_handles_is_handled_again(home: Path) -> None:
    runs: list[int] = []

    @tool
    def divide(by: int) -> float:
        """Divide."""
        runs.append(by)
        raise Refused(f"not by {by}")

    source, replay = _both(home, _agent(divide, errors=(Refused,), by=0))

    assert source.tool_calls[0].error_type == "Refused"
    assert source.given[2].status == "error"
    assert replay.verdict == "exact"
    assert runs == [0]
    assert _without_ids(replay.given) == _without_ids(source.given)


def test_an_error_that_nobody_handles_ends_the_replay_alike(home: Path) -> None:
    @tool
    def divide(by: int) -> float:
        """Divide."""
        return 1 / by

    source, replay = _both(home, _agent(divide, by=0))

    assert type(source.error) is type(replay.error) is ZeroDivisionError
    assert replay.verdict == "exact"


def test_a_tool_exception_becomes_the_message_that_the_tool_says(home: Path) -> None:
    @tool
    def look_up(key: str) -> str:
        """Look up."""
        raise ToolException(f"no {key}")

    look_up.handle_tool_error = True
    source, replay = _both(home, _agent(look_up, key="x"))

    assert source.given[2].content == "no x"
    assert source.given[2].status == "error"
    assert replay.verdict == "exact"
    assert _without_ids(replay.given) == _without_ids(source.given)


def test_arguments_that_do_not_fit_are_a_recorded_failure(home: Path) -> None:
    @tool
    def add(one: int, two: int) -> int:
        """Add."""
        return one + two

    source, replay = _both(home, _agent(add, errors=True, one="many"))

    assert source.tool_calls[0].error_type == "ValidationError"
    assert source.tool_calls[0].arguments == {"one": "many"}
    assert replay.verdict == "exact"
    assert _without_ids(replay.given) == _without_ids(source.given)


def test_injected_state_is_no_argument(home: Path) -> None:
    @tool
    def count(word: str, state: Annotated[dict[str, Any], InjectedState]) -> int:
        """Count."""
        return len(state["messages"])

    source, replay = _both(home, _agent(count, word="x"))

    assert source.tool_calls[0].arguments == {"word": "x"}
    assert source.given[2].content == "2"
    assert replay.verdict == "exact"


def test_a_result_that_is_no_json_makes_the_run_stepwise(home: Path) -> None:
    class Handle:
        pass

    @tool
    def open_it(name: str) -> Any:
        """Open."""
        return Handle()

    source = execute(home, lambda: open_it.invoke({"name": "door"}))

    assert isinstance(source.given, Handle)
    assert source.replayable == ("stepwise", "tool `open_it` gave a Handle, which is no JSON")


@pytest.mark.parametrize(
    "result",
    [
        None,
        3,
        1.5,
        "text",
        ["a", 1],
        {"a": {"b": [True]}},
        ("a", 1),
        Document("d", metadata={"p": 1}),
    ],
)
def test_a_direct_call_gives_the_same_value_again(home: Path, result: Any) -> None:
    @tool
    def give(name: str) -> Any:
        """Give."""
        return result

    source, replay = _both(home, lambda: give.invoke({"name": "x"}))

    assert replay.given == source.given == result
    assert type(replay.given) is type(result)
    assert replay.verdict == "exact"


def test_an_asynchronous_tool_is_answered_too(home: Path) -> None:
    runs: list[str] = []

    @tool
    async def fetch(page: str) -> str:
        """Fetch."""
        await asyncio.sleep(0)
        runs.append(page)
        return f"<{page}>"

    call = {"name": "fetch", "args": {"page": "p"}, "id": "c1", "type": "tool_call"}
    source, replay = _both(home, lambda: asyncio.run(fetch.ainvoke(call)))

    assert source.given == replay.given == ToolMessage("<p>", name="fetch", tool_call_id="c1")
    assert runs == ["p"]
    assert replay.verdict == "exact"


def test_a_tool_with_other_arguments_is_not_executed_by_a_replay(home: Path) -> None:
    runs: list[str] = []

    @tool
    def send(to: str) -> str:
        """Send a mail."""
        runs.append(to)
        return "sent"

    def program(to: str) -> Any:
        node = ToolNode([send], handle_tool_errors=True)
        call = {"name": "send", "args": {"to": to}, "id": "c1", "type": "tool_call"}
        graph = new_graph(MessagesState)
        graph.add_node("tools", node)
        graph.add_edge(START, "tools")
        asked = AIMessage("", tool_calls=[call])
        return graph.compile().invoke({"messages": [asked]})

    source = execute(home, lambda: program("ann"))
    replay = execute(home, lambda: program("bob"), source=source)

    assert runs == ["ann"]
    assert type(replay.error).__name__ == "ReplayDiverged"
    assert "`send`" in str(replay.error)


def test_a_tool_that_declares_that_it_changes_nothing_may_be_executed(home: Path) -> None:
    @tool
    def read(name: str) -> str:
        """Read."""
        return f"content of {name}"

    read.metadata = {"read_only": True}
    source = execute(home, lambda: read.invoke({"name": "a"}))
    replay = execute(home, lambda: read.invoke({"name": "b"}), source=source)

    assert replay.given == "content of b"
    assert [call.served_from for call in replay.tool_calls] == ["live"]


def test_a_message_answers_the_tool_call_of_the_replay_not_that_of_the_source(home: Path) -> None:
    @tool(response_format="content_and_artifact")
    def search(query: str) -> tuple[str, list[int]]:
        """Search."""
        return query, [1]

    def call(call_id: str) -> Any:
        asked: Any = {"name": "search", "args": {"query": "q"}, "id": call_id, "type": "tool_call"}
        return search.invoke(asked)

    source = execute(home, lambda: call("call_1"))
    replay = execute(home, lambda: call("call_2"), source=source)

    assert (source.given.tool_call_id, replay.given.tool_call_id) == ("call_1", "call_2")
    assert replay.given.artifact == [1]
    assert replay.session is not None
    assert replay.session.live_count == 0


def test_a_retrievers_search_is_recorded_and_its_documents_are_given_again(home: Path) -> None:
    searches: list[str] = []

    class Shelf(BaseRetriever):
        def _get_relevant_documents(
            self, query: str, *, run_manager: CallbackManagerForRetrieverRun
        ) -> list[Document]:
            searches.append(query)
            return [Document(f"about {query}", id="d1", metadata={"page": 7})]

    def program() -> Any:
        return [Shelf().invoke("heat"), asyncio.run(Shelf().ainvoke("cold"))]

    source, replay = _both(home, program)

    assert [call.span_kind for call in source.tool_calls] == ["retriever"] * 2
    assert [call.arguments for call in source.tool_calls] == [{"query": "heat"}, {"query": "cold"}]
    assert replay.given == source.given
    assert searches == ["heat", "cold"]
    assert replay.verdict == "exact"
