import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.journal import all_bytes, recorded, recorded_lines

from secondtake.runner import record
from secondtake.runner.context import current
from secondtake.runner.limits import Limits


@record.tool
def add(a: int, b: int = 1) -> int:
    return a + b


@record.tool("lookup", retriever=True)
async def look_up(query: str) -> str:
    await asyncio.sleep(0)
    return f"about {query}"


@record.node
def plan(topic: str) -> int:
    return add(len(topic))


@record.llm(model="openai/gpt-4o")
def ask(messages: list[dict[str, Any]], temperature: float = 0.0) -> str:
    return f"answer to {messages[-1]['content']} at {temperature}"


@record.run(tags={"team": "search"}, session_id="s1")
def agent(topic: str) -> dict[str, Any]:
    return {"plan": plan(topic), "answer": ask([{"role": "user", "content": topic}])}


def test_a_decorated_function_is_a_run_with_inputs_and_output(home: Path) -> None:
    result = agent("heat")

    assert result == {"plan": 5, "answer": "answer to heat at 0.0"}
    (started,) = recorded(home, "run_started")
    (finished,) = recorded(home, "run_finished")
    assert started["name"] == "agent"
    assert started["inputs"] == {"topic": "heat"}
    assert started["tags"] == {"team": "search"}
    assert started["session_id"] == "s1"
    assert finished["status"] == "ok"
    assert finished["output"] == result
    assert finished["replayable"] == "full"
    assert finished["duration_ms"] >= 0


def test_events_are_numbered_without_a_gap(home: Path) -> None:
    agent("heat")

    assert [line["seq"] for line in recorded_lines(home)] == list(range(len(recorded_lines(home))))


def test_a_tool_in_a_node_has_the_nodes_span_and_path(home: Path) -> None:
    agent("heat")

    (node,) = recorded(home, "node_finished")
    (tool,) = recorded(home, "tool_call")
    assert node["node_path"] == "plan[1]"
    assert tool["node_path"] == "plan[1]"
    assert tool["parent_span_id"] == node["span_id"]
    assert tool["arguments"] == {"a": 4, "b": 1}
    assert tool["result"] == 5
    assert node["self_ms"] <= node["duration_ms"]


def test_an_llm_function_is_a_call_with_messages_and_parameters(home: Path) -> None:
    agent("heat")

    (call,) = recorded(home, "llm_call")
    question, answer = recorded(home, "message")
    assert call["model"] == "openai/gpt-4o"
    assert call["parameters"] == {"temperature": 0.0}
    assert call["input_message_id"] == question["message_id"]
    assert call["output_message_ids"] == [answer["message_id"]]
    assert answer["parent_id"] == question["message_id"]
    assert "input_tokens" not in call
    assert "cost_usd" not in call


def test_what_the_function_raises_is_recorded_and_raised_on(home: Path) -> None:
    @record.tool
    def divide(a: int) -> float:
        return a / 0

    @record.run
    def failing() -> None:
        divide(1)

    with pytest.raises(ZeroDivisionError):
        failing()

    (tool,) = recorded(home, "tool_call")
    (finished,) = recorded(home, "run_finished")
    assert tool["error_type"] == finished["error_type"] == "ZeroDivisionError"
    assert finished["status"] == "error"
    assert finished["error_message"] == "division by zero"
    assert "return a / 0" in finished["error_traceback"]
    assert "runner/record.py" not in finished["error_traceback"]


def test_coroutines_in_parallel_keep_their_own_node_paths(home: Path) -> None:
    @record.node
    async def branch(query: str) -> str:
        return str(await look_up(query))

    @record.run
    async def fan_out() -> list[str]:
        return list(await asyncio.gather(*(branch(f"q{n}") for n in range(5))))

    assert asyncio.run(fan_out()) == [f"about q{n}" for n in range(5)]

    nodes = {node["span_id"]: node for node in recorded(home, "node_finished")}
    tools = recorded(home, "tool_call")
    assert {tool["span_kind"] for tool in tools} == {"retriever"}
    assert len({tool["parent_span_id"] for tool in tools}) == 5
    for tool in tools:
        assert tool["node_path"] == nodes[tool["parent_span_id"]]["node_path"]


def test_a_thread_pool_finds_the_run_through_wrap(home: Path) -> None:
    def shout(text: str) -> str:
        return text.upper()

    @record.run
    def pooled() -> list[str]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(record.wrap(shout), ["a", "b", "c"]))

    assert pooled() == ["A", "B", "C"]
    assert sorted(call["result"] for call in recorded(home, "tool_call")) == ["A", "B", "C"]


def test_a_bare_thread_without_wrap_is_not_taken_for_part_of_a_run(home: Path) -> None:
    @record.run
    def threaded() -> None:
        thread = threading.Thread(target=add, args=(1,))
        thread.start()
        thread.join()

    threaded()

    assert recorded(home, "tool_call") == []


def test_a_generator_is_recorded_while_it_works_and_not_while_it_is_consumed(home: Path) -> None:
    @record.run
    def stream(count: int) -> Iterator[int]:
        for value in range(count):
            yield add(value)

    seen = []
    for value in stream(3):
        assert current() is None
        add(100)
        seen.append(value)

    assert seen == [1, 2, 3]
    assert [call["arguments"]["a"] for call in recorded(home, "tool_call")] == [0, 1, 2]
    assert recorded(home, "run_finished")[0]["output"] == [1, 2, 3]


def test_a_generator_that_is_left_early_ends_its_run_as_cancelled(home: Path) -> None:
    @record.run
    def stream() -> Iterator[int]:
        yield 1
        yield 2

    generator = stream()
    next(generator)
    generator.close()  # type: ignore[attr-defined]

    assert recorded(home, "run_finished")[0]["status"] == "cancelled"
    assert current() is None


def test_an_async_generator_is_recorded(home: Path) -> None:
    @record.run
    async def stream() -> AsyncIterator[str]:
        for query in ("a", "b"):
            yield await look_up(query)

    async def consume() -> list[str]:
        return [item async for item in stream()]

    assert asyncio.run(consume()) == ["about a", "about b"]
    assert recorded(home, "run_finished")[0]["output"] == ["about a", "about b"]


def test_a_with_block_can_only_be_watched(home: Path) -> None:
    with record.run("nightly") as run, record.node("load"):
        add(1)
        run.set_output("done")

    (finished,) = recorded(home, "run_finished")
    assert recorded(home, "run_started")[0]["name"] == "nightly"
    assert recorded(home, "tool_call")[0]["node_path"] == "load[1]"
    assert finished["replayable"] == "stepwise"
    assert "with" in finished["replayable_reason"]


def test_a_run_inside_a_run_is_a_node_of_it(home: Path) -> None:
    @record.run
    def outer() -> Any:
        return agent("x")

    outer()

    assert [line["name"] for line in recorded(home, "run_started")] == ["outer"]
    assert recorded(home, "node_finished")[-1]["span_kind"] == "agent"


def test_outside_a_run_the_functions_simply_work(home: Path) -> None:
    assert add(1) == 2
    assert plan("abc") == 4
    assert ask([{"role": "user", "content": "hi"}]) == "answer to hi at 0.0"
    assert not (home / "journal").exists()


def test_a_second_visit_of_a_node_is_told_apart(home: Path) -> None:
    @record.run
    def loop() -> None:
        for topic in ("a", "b"):
            plan(topic)

    loop()

    paths = [node["node_path"] for node in recorded(home, "node_finished")]
    assert paths == ["plan[1]", "plan[2]"]


def test_limits_stop_a_run_even_when_it_catches_exceptions(home: Path) -> None:
    @record.run(limits=Limits(calls=2))
    def greedy() -> int:
        answers = 0
        for _ in range(5):
            with contextlib.suppress(Exception):
                ask([{"role": "user", "content": "more"}])
                answers += 1
        return answers

    with pytest.raises(BaseException, match=r"raise limits\.calls"):
        greedy()

    assert len(recorded(home, "llm_call")) == 2
    assert recorded(home, "run_finished")[0]["status"] == "budget_exceeded"


def test_ctrl_c_is_recorded_as_cancelled(home: Path) -> None:
    @record.run
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert recorded(home, "run_finished")[0]["status"] == "cancelled"


def test_content_off_keeps_structure_and_no_text(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECONDTAKE_CONTENT", "off")

    agent("classified")

    assert b"classified" not in all_bytes(home)
    assert len(recorded(home, "message")) == 2
    assert recorded(home, "tool_call")[0]["tool"] == "add"
    assert recorded(home, "run_finished")[0]["replayable"] == "no"


def test_a_value_that_cannot_be_shown_does_not_break_the_run(home: Path) -> None:
    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    @record.tool
    def keep(thing: Rude) -> Rude:
        return thing

    @record.run
    def rude() -> None:
        keep(Rude())

    rude()

    assert recorded(home, "tool_call")[0]["result"] == {"$repr": "<Rude>"}


def test_settings_that_cannot_be_read_are_said_and_the_function_works(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "secondtake.toml").write_text("home = [")

    with caplog.at_level(logging.WARNING, logger="secondtake"):
        assert agent("heat")["plan"] == 5

    assert "secondtake.toml" in caplog.text


def test_a_generator_cannot_be_a_tool() -> None:
    with pytest.raises(TypeError, match="decorate the function that consumes it"):

        @record.tool
        def stream() -> Iterator[int]:
            yield 1


def test_content_off_keeps_no_text_of_the_command_line_or_the_parameters(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECONDTAKE_CONTENT", "off")
    monkeypatch.setattr("sys.argv", ["agent.py", "--prompt", "classified"])

    @record.llm(model="openai/gpt-4o")
    def predict(prompt: str, stop: str, temperature: float) -> str:
        return "classified"

    @record.run
    def once() -> None:
        predict("classified", stop="classified", temperature=0.5)

    once()

    assert b"classified" not in all_bytes(home)
    assert recorded(home, "run_started")[0]["environment"]["argv"] == ["agent.py"]
    assert recorded(home, "llm_call")[0]["parameters"] == {"temperature": 0.5}
