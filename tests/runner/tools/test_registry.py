from pathlib import Path

import pytest

from secondtake.runner.errors import ToolError, UsageError
from secondtake.runner.settings import load_settings
from secondtake.runner.tools.registry import (
    BUILT_IN,
    CHANGING,
    ToolRegistry,
    built_in_tools,
    make_tool,
)


@pytest.fixture
def tools(home: Path) -> ToolRegistry:
    return built_in_tools(load_settings())


def test_the_built_in_tools_are_those_that_workflows_may_name(tools: ToolRegistry) -> None:
    assert tuple(tools.names()) == BUILT_IN
    assert {name for name in BUILT_IN if not tools.get(name).read_only} == CHANGING


def test_every_built_in_tool_describes_itself_and_each_argument(tools: ToolRegistry) -> None:
    for definition in tools.definitions():
        function = definition["function"]
        assert function["description"]
        for name, schema in function["parameters"]["properties"].items():
            assert schema.get("description"), f"{function['name']}.{name}"


def test_a_wrong_name_is_answered_with_the_right_one(tools: ToolRegistry) -> None:
    with pytest.raises(UsageError, match="did you mean `calculator`"):
        tools.get("calculater")
    with pytest.raises(ToolError, match="did you mean `read_file`"):
        tools.call("readfile", {})


def test_a_call_outside_a_run_executes(tools: ToolRegistry) -> None:
    assert tools.call("calculator", {"expression": "2 * 21"}) == 42
    with pytest.raises(ToolError, match="`expression` is missing"):
        tools.call("calculator", {})


def test_current_time_takes_a_zone_and_explains_a_wrong_one(tools: ToolRegistry) -> None:
    assert tools.call("current_time", {}).endswith("UTC")
    assert tools.call("current_time", {"timezone": "Europe/Berlin"}).endswith(("CET", "CEST"))
    for wrong in ("Mars/Base", "../etc/passwd", "", "\0"):
        with pytest.raises(ToolError, match="IANA"):
            tools.call("current_time", {"timezone": wrong})


def test_a_selection_keeps_the_order_that_was_asked_for(tools: ToolRegistry) -> None:
    chosen = tools.select(["read_file", "calculator"])
    assert [d["function"]["name"] for d in chosen.definitions()] == ["read_file", "calculator"]


def test_own_functions_join_the_registry(tools: ToolRegistry) -> None:
    def double(number: int) -> int:
        """Double a number."""
        return 2 * number

    assert tools.having(make_tool(double)).call("double", {"number": 4}) == 8
