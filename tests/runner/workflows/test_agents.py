"""Tool loops: what is executed, what is told to the model, where they end."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.runner.workflows.models import AGENT, run, tool_texts
from tests.support.journal import recorded

from secondtake.runner.providers.scripted import (
    ScriptedCall,
    ScriptedModel,
    tool_call,
)
from secondtake.runner.settings import load_settings
from secondtake.runner.tools.registry import tool
from secondtake.runner.workflows.execute import run_prompt

Steps = Callable[[str], str]


def test_an_agent_calls_a_tool_and_answers(home: Path) -> None:
    model = ScriptedModel([tool_call("calculator", expression="6 * 7"), "It is 42."])
    result = run(AGENT, model)
    assert (result.status, result.output) == ("ok", "It is 42."), result.error_message
    assert tool_texts(model.requests[1]) == ["42"]
    assert [t["function"]["name"] for t in model.requests[0].tools] == ["calculator", "list_files"]
    (call,) = recorded(home, "tool_call")
    assert call["arguments"] == {"expression": "6 * 7"}
    assert call["result"] == 42
    assert call["node_path"].startswith("work[1]")
    ids = model.requests[1].messages[2]["tool_calls"][0]["id"]
    assert call["tool_call_id"] == ids == model.requests[1].messages[3]["tool_call_id"]


def test_calls_of_one_turn_are_answered_in_their_order(home: Path) -> None:
    turn = [tool_call("calculator", expression=f"{n} + 0") for n in (3, 1, 2)]
    model = ScriptedModel([turn, "done"])
    assert run(AGENT, model).output == "done"
    assert tool_texts(model.requests[1]) == ["3", "1", "2"]
    assert len(recorded(home, "tool_call")) == 3


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (tool_call("calculater", expression="1"), "There is no tool `calculater`; did you mean"),
        (ScriptedCall("calculator", "{'expression': '1'}"), "the arguments are not JSON"),
        (ScriptedCall("calculator", '{"expression": '), "the arguments are not JSON"),
        (ScriptedCall("calculator", '["1"]'), "the arguments are not an object"),
        (
            tool_call("calculator", expresion="1"),
            "there is no `expresion`, did you mean `expression`?",
        ),
        (tool_call("calculator"), "`expression` is missing"),
        (tool_call("calculator", expression="1 / 0"), "Division by zero."),
        (tool_call("read_file", path="x"), "There is no tool `read_file`"),
    ],
)
def test_what_is_wrong_with_a_call_is_told_to_the_model_and_recorded(
    home: Path, call: ScriptedCall, text: str
) -> None:
    model = ScriptedModel([call, "sorry"])
    assert run(AGENT, model).output == "sorry"
    (told,) = tool_texts(model.requests[1])
    assert told.startswith("Error: ")
    assert text in told
    (row,) = recorded(home, "tool_call")
    assert row["error_type"] == "ToolError"


def test_a_call_that_cannot_be_parsed_is_recorded_as_it_was_written(home: Path) -> None:
    run(AGENT, ScriptedModel([ScriptedCall("calculator", "{'a': 1}"), "sorry"]))
    (row,) = recorded(home, "tool_call")
    assert row["arguments"] == {"_unparsed": "{'a': 1}"}


def test_the_last_step_forbids_tools(home: Path) -> None:
    again = tool_call("calculator", expression="1")
    model = ScriptedModel([again, again, "enough"])
    assert run(AGENT, model).output == "enough"
    assert [r.parameters.get("tool_choice") for r in model.requests] == [None, None, "none"]


@pytest.mark.parametrize("at_limit", ["answer", "error"])
def test_an_agent_that_never_stops_is_stopped(home: Path, at_limit: str) -> None:
    again = tool_call("calculator", expression="1")
    model = ScriptedModel([again] * 5)
    result = run(AGENT, model, None, f"nodes.work.at_limit={at_limit}")
    assert (result.status, result.error_type) == ("error", "NodeError")
    assert "within 3 steps; raise `max_steps`" in (result.error_message or "")
    assert len(model.requests) == 3
    assert len(recorded(home, "tool_call")) == 2


def test_an_empty_answer_is_an_error_and_not_an_empty_text(home: Path) -> None:
    result = run(AGENT, ScriptedModel([""]))
    assert "answered nothing" in (result.error_message or "")


def test_a_tool_that_breaks_is_told_to_the_model(home: Path) -> None:
    @tool()
    def breaks(x: int) -> int:
        """Break."""
        raise RuntimeError("disk on fire")

    with ScriptedModel([tool_call("breaks", x=1), "sorry"]) as model:
        result = run_prompt("go", settings=load_settings(), model=model.name, tools=[breaks])
    assert result.output == "sorry"
    assert tool_texts(model.requests[1]) == [
        "Error: the tool failed with RuntimeError: disk on fire"
    ]
    (row,) = recorded(home, "tool_call")
    assert row["error_type"] == "RuntimeError"


def test_calls_of_one_turn_run_at_the_same_time(home: Path) -> None:
    barrier = threading.Barrier(3, timeout=10)

    @tool()
    def meet(n: int) -> int:
        """Meet the others."""
        barrier.wait()
        return n

    with ScriptedModel([[tool_call("meet", n=n) for n in range(3)], "met"]) as model:
        result = run_prompt("go", settings=load_settings(), model=model.name, tools=[meet])
    assert result.output == "met"
    assert tool_texts(model.requests[1]) == ["0", "1", "2"]


def test_a_long_tool_result_is_cut_for_the_model(home: Path) -> None:
    @tool()
    def flood() -> str:
        """Return much."""
        return "x" * 300_000

    with ScriptedModel([tool_call("flood"), "much"]) as model:
        run_prompt("go", settings=load_settings(), model=model.name, tools=[flood])
    (told,) = tool_texts(model.requests[1])
    assert len(told) < 101_000
    assert told.endswith("[200000 more characters left out]")


def test_results_that_are_no_text_are_told_as_json(home: Path) -> None:
    @tool()
    def table() -> list[dict[str, Any]]:
        """Return rows."""
        return [{"a": 1, "b": ("é", None)}]

    with ScriptedModel([tool_call("table"), "seen"]) as model:
        run_prompt("go", settings=load_settings(), model=model.name, tools=[table])
    assert json.loads(tool_texts(model.requests[1])[0]) == [{"a": 1, "b": ["é", None]}]
