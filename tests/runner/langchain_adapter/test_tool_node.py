"""An unmodified LangGraph agent with a `ToolNode`, against recorded answers of OpenAI."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import SecretStr
from tests.support.cassettes import read_cassette
from tests.support.graphs import CHAT, Executed, execute, recording_of
from tests.support.journal import recorded
from tests.support.loopback import Loopback

from secondtake.runner import record
from secondtake.runner.hashing import new_run_id
from secondtake.runner.replay import REPLAY_VARIABLE
from secondtake.runner.replay.programs import write_job

QUESTION = {"messages": [("user", "What's the weather in Paris?")]}


@pytest.fixture
def agent(tmp_path: Path) -> Callable[..., Any]:
    """The user's program: it makes the graph; `summary` is one node's system prompt."""

    @tool
    def get_weather(city: str) -> str:
        """Get the current weather for a city."""
        with (tmp_path / "asked.txt").open("a") as file:
            file.write(f"{city}\n")
        return f"Sunny, 22C in {city}"

    def make(url: str, *, system: str = "Be brief.", summary: str = "Sum up.") -> Any:
        chat = ChatOpenAI(model="gpt-5-mini", base_url=f"{url}/v1", api_key=SecretStr("sk-none"))
        bound = chat.bind_tools([get_weather])

        def answer(state: MessagesState) -> dict[str, Any]:
            return {"messages": [bound.invoke([SystemMessage(system), *state["messages"]])]}

        def sum_up(state: MessagesState) -> dict[str, Any]:
            return {"messages": [chat.invoke([SystemMessage(summary), *state["messages"]])]}

        graph = StateGraph(MessagesState)
        graph.add_node("answer", answer)
        graph.add_node("tools", ToolNode([get_weather]))
        graph.add_node("sum_up", sum_up)
        graph.add_edge(START, "answer")
        graph.add_conditional_edges("answer", tools_condition, {"tools": "tools", END: "sum_up"})
        graph.add_edge("tools", "answer")
        return graph.compile(name="weather")

    return make


def _first(shared_data: Path, home: Path, agent: Callable[..., Any]) -> Executed:
    exchanges = read_cassette(shared_data / "wire" / CHAT)
    with Loopback.of_exchanges([*exchanges, exchanges[1]]) as server:
        return execute(home, lambda: agent(server.url).invoke(QUESTION))


def test_every_node_model_call_and_tool_call_of_it_is_recorded(
    shared_data: Path, home: Path, agent: Callable[..., Any]
) -> None:
    source = _first(shared_data, home, agent)

    assert source.replayable == ("full", None)
    assert [node.node_path for node in source.recording.nodes] == [
        "answer[1]", "tools[1]", "answer[2]", "sum_up[1]",
    ]  # fmt: skip
    assert [node.entered_from for node in source.recording.nodes] == [
        ["START"], ["answer"], ["tools"], ["answer"],
    ]  # fmt: skip
    first, second, third = source.llm_calls
    assert [call.node_path for call in source.llm_calls] == ["answer[1]", "answer[2]", "sum_up[1]"]
    assert (first.model, first.provider) == ("openai/gpt-5-mini", "openai")
    assert first.served_model == "gpt-5-mini-2025-08-07"
    assert first.response_id == "chatcmpl-D3Sqix10hJ5DCDejQOQklpm4k7cj8"
    assert (first.finish_reason, second.finish_reason) == ("tool_calls", "stop")
    assert (second.input_tokens, second.output_tokens) == (167, 171)
    assert (second.reasoning_output_tokens, second.text_output_tokens) == (128, 43)
    assert first.tools_hash == second.tools_hash != third.tools_hash
    (looked_up,) = source.tool_calls
    assert looked_up.tool_call_id == "call_aDdJTteHrpMdhdkEkyxjxEHH"
    assert (looked_up.arguments, looked_up.result) == ({"city": "Paris"}, "Sunny, 22C in Paris")
    assert looked_up.node_path == "tools[1]"


def test_the_conversation_is_one_path_in_which_nothing_is_stored_twice(
    shared_data: Path, home: Path, agent: Callable[..., Any]
) -> None:
    source = _first(shared_data, home, agent)

    first, second, _ = source.llm_calls
    roles = [message["role"] for message in source.recording.prompt_of(second)]
    assert roles == ["system", "user", "assistant", "tool"]
    answered = (first.output_message_ids or [])[0]
    by_id = source.recording.messages
    assert by_id[second.input_message_id].parent_id == answered  # type: ignore[index]  # pyright: ignore[reportArgumentType]


def test_a_replay_is_exact_and_the_tool_writes_its_file_once_in_all(
    shared_data: Path, home: Path, tmp_path: Path, agent: Callable[..., Any]
) -> None:
    source = _first(shared_data, home, agent)

    with Loopback([]) as server:
        replay = execute(home, lambda: agent(server.url).invoke(QUESTION), source=source)

    assert replay.verdict == "exact"
    assert server.requests == []
    assert (tmp_path / "asked.txt").read_text() == "Paris\n"
    before = [message.model_dump(exclude={"id"}) for message in source.given["messages"]]
    again = [message.model_dump(exclude={"id"}) for message in replay.given["messages"]]
    assert again == before


def test_with_another_system_prompt_only_what_it_reaches_is_asked_again(
    shared_data: Path, home: Path, tmp_path: Path, agent: Callable[..., Any]
) -> None:
    source = _first(shared_data, home, agent)

    last = read_cassette(shared_data / "wire" / CHAT)[1]
    with Loopback.of_exchanges([last]) as server:
        replay = execute(
            home,
            lambda: agent(server.url, summary="Sum up in French.").invoke(QUESTION),
            source=source,
        )

    assert replay.session is not None
    assert dict(replay.session.live_by_node) == {"sum_up": 1}
    assert [call.served_from for call in replay.llm_calls] == ["recorded", "recorded", "live"]
    assert server.requests[0].json["messages"][0]["content"] == "Sum up in French."
    assert (tmp_path / "asked.txt").read_text() == "Paris\n"
    assert "messages changed" in (replay.verdict or "")


def test_a_prompt_that_reaches_all_models_still_leaves_the_tool_alone(
    shared_data: Path, home: Path, tmp_path: Path, agent: Callable[..., Any]
) -> None:
    source = _first(shared_data, home, agent)

    exchanges = read_cassette(shared_data / "wire" / CHAT)
    with Loopback.of_exchanges([*exchanges, exchanges[1]]) as server:
        replay = execute(
            home, lambda: agent(server.url, system="Be kind.").invoke(QUESTION), source=source
        )

    assert replay.session is not None
    # The same words came back, so what is summed up is the same and is not asked again.
    assert dict(replay.session.live_by_node) == {"answer": 2}
    assert (tmp_path / "asked.txt").read_text() == "Paris\n"
    assert [call.served_from for call in replay.tool_calls] == ["recorded"]


def test_a_wrapped_graph_becomes_the_replay_that_its_process_was_asked_for(
    shared_data: Path,
    home: Path,
    tmp_path: Path,
    agent: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchanges = read_cassette(shared_data / "wire" / CHAT)
    with Loopback.of_exchanges([*exchanges, exchanges[1]]) as server:
        record.wrap(agent(server.url)).invoke(QUESTION)
    source = recording_of(home)

    def replay(url: str, summary: str) -> dict[str, Any]:
        replay_id = new_run_id()
        job = tmp_path / f"{replay_id}.json"
        write_job(
            job, source, run_id=replay_id, texts=[], llm="auto", tools="auto",
            from_node=None, tags={},
        )  # fmt: skip
        monkeypatch.setenv(REPLAY_VARIABLE, str(job))
        record.wrap(agent(url, summary=summary)).invoke(QUESTION)
        ends = recorded(home, "replay_finished")
        return next(end for end in ends if end["run_id"] == str(replay_id))

    with Loopback.of_exchanges([exchanges[1]]) as server:
        same = replay(server.url, "Sum up.")
        assert server.requests == []
        other = replay(server.url, "Sum up in French.")
        assert len(server.requests) == 1

    assert (same["verdict"], same["live_calls"], same["recorded_calls"]) == ("exact", 0, 4)
    assert (other["live_by_node"], other["recorded_calls"]) == ({"sum_up": 1}, 3)
    assert other["diverged_field"] == "messages"
    assert (tmp_path / "asked.txt").read_text() == "Paris\n"
