"""How python and tool nodes fail, time out, are tried again and are stopped."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.runner.workflows.graphs import FAN_OUT, folded, run
from tests.support.journal import recorded, recorded_lines

from secondtake.runner.errors import UsageError, WorkflowError

Steps = Callable[[str], str]


def one_node(module: str, function: str, **extra: str) -> str:
    more = "".join(f", {key}: {value}" for key, value in extra.items())
    return f"""\
    name: one
    state:
      a: {{type: integer, default: 1}}
      b: {{type: list, default: [1]}}
    nodes:
      step: {{kind: python, function: "{module}:{function}", inputs: [b], output: a{more}}}
    edges: [{{from: START, to: step}}, {{from: step, to: END}}]
    """


def test_an_exception_is_recorded_with_its_traceback_and_ends_the_run(
    home: Path, steps: Steps
) -> None:
    module = steps("def boom(b): raise ValueError('broken inside')")
    result = run(one_node(module, "boom"))
    assert (result.status, result.error_type) == ("error", "ValueError")
    assert result.error_message == "broken inside"
    (node,) = recorded(home, "node_finished")
    (finished,) = recorded(home, "run_finished")
    for event in (node, finished):
        assert event["error_type"] == "ValueError"
        assert "def boom(b)" in event["error_traceback"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("def f(b): return 'x'", "does not fit `a` (integer): the text 'x' is not an integer"),
        ("def f(b): return {1, 2}", "a Python set is not an integer"),
        ("def f(b): return True", "the boolean true is not an integer"),
    ],
)
def test_a_result_that_does_not_fit_the_state_fails_the_node(
    home: Path, steps: Steps, code: str, text: str
) -> None:
    result = run(one_node(steps(code), "f"))
    assert (result.status, result.error_type) == ("error", "NodeError")
    assert text in (result.error_message or "")


def test_a_function_cannot_change_the_state_unseen(home: Path, steps: Steps) -> None:
    result = run(one_node(steps("def f(b):\n    b.append(2)\n    return len(b)"), "f"))
    assert result.output == {"a": 2, "b": [1]}


def test_an_async_function_is_awaited(home: Path, steps: Steps) -> None:
    code = "import asyncio\nasync def f(b):\n    await asyncio.sleep(0)\n    return 5"
    assert run(one_node(steps(code), "f")).output == {"a": 5, "b": [1]}


def test_a_node_is_tried_again_and_every_attempt_is_recorded(home: Path, steps: Steps) -> None:
    code = """
        tries = []
        def f(b):
            tries.append(1)
            if len(tries) < 3:
                raise OSError("not yet")
            return len(tries)
    """
    result = run(one_node(steps(code), "f", retry="{attempts: 3, backoff_s: 0.01}"))
    assert result.output == {"a": 3, "b": [1]}
    rows = recorded(home, "node_finished")
    assert [row["attempt"] for row in rows] == [1, 2, 3]
    assert [row.get("error_type") for row in rows] == ["OSError", "OSError", None]


def test_a_function_that_takes_too_long_fails_the_node_in_time(home: Path, steps: Steps) -> None:
    code = "import time\ndef f(b):\n    time.sleep(20)\n    return 1"
    started_s = time.monotonic()
    result = run(one_node(steps(code), "f", timeout_s="0.2"))
    assert time.monotonic() - started_s < 10
    assert (result.status, result.error_type) == ("error", "NodeTimeout")
    assert "took longer than 0.2 s" in (result.error_message or "")


def test_the_seconds_of_a_run_end_it_inside_a_blocking_function(home: Path, steps: Steps) -> None:
    code = "import time\ndef f(b):\n    time.sleep(20)\n    return 1"
    result = run(one_node(steps(code), "f"), None, "limits.seconds=0.3")
    assert result.status == "budget_exceeded"
    assert "limits.seconds" in (result.error_message or "")
    assert result.duration_ms < 5000
    (node,) = recorded(home, "node_finished")
    assert node["error_type"] == "BudgetExceeded"


def test_a_cancelled_run_ends_inside_a_blocking_branch_and_keeps_what_was_done(
    home: Path, steps: Steps
) -> None:
    module = steps("""
        import time
        from secondtake.runner.context import current
        def look(item):
            if item == "slow":
                time.sleep(0.3)
                current().run.request_stop("cancelled", "the user asked")
                time.sleep(20)
            return {"note": item, "n": 1, "s": {}}
        def write(notes):
            return "never"
    """)
    text = FAN_OUT.format(m=module).replace("output: report\n", "output: [notes, report]\n")
    started_s = time.monotonic()
    result = run(text, {"items": ["slow", "a", "b"]})
    assert time.monotonic() - started_s < 10
    assert result.status == "cancelled"
    assert result.error_message == "the user asked"
    assert result.output == {"notes": ["a", "b"], "report": None}
    assert folded(home, result.run_id)["notes"] == ["a", "b"]


def test_a_failing_branch_ends_the_run_and_names_itself(home: Path, steps: Steps) -> None:
    module = steps("""
        import time
        def look(item):
            if item == "bad":
                raise LookupError("bad item")
            time.sleep(0.1)
            return {"note": item, "n": 1, "s": {}}
        def write(notes):
            return "never"
    """)
    result = run(FAN_OUT.format(m=module), {"items": ["a", "bad", "b", "c"]})
    assert (result.status, result.error_type) == ("error", "LookupError")
    failed = [row for row in recorded(home, "node_finished") if row.get("error_type")]
    assert [row["error_type"] for row in failed] == ["LookupError"]
    assert [row["node"] for row in recorded(home, "node_started")].count("write") == 0


def test_an_untrusted_or_missing_function_is_refused_before_there_is_a_run(
    home: Path, steps: Steps
) -> None:
    module = steps("def f(b): return 1")
    with pytest.raises(WorkflowError, match="`os` is not trusted"):
        run(one_node("os", "system"))
    with pytest.raises(UsageError, match="has no function `g`; it has: f"):
        run(one_node(module, "g"))
    with pytest.raises(UsageError, match="Cannot import"):
        run(one_node(f"{module}.sub", "g"))
    with pytest.raises(UsageError, match="Input `items` is missing"):
        run(FAN_OUT.format(m=module))
    assert not (home / "journal").exists() or recorded_lines(home) == []


def test_tool_nodes_pass_values_on_with_their_types(home: Path, steps: Steps) -> None:
    steps("")
    text = """\
    name: tools
    inputs: {n: {type: integer, default: 3}}
    state: {total: {type: number}, double: {type: number}, hour: {type: string}}
    nodes:
      total: {kind: tool, tool: calculator, arguments: {expression: "{{ n }} * 14"}, output: total}
      double: {kind: tool, tool: calculator, arguments: {expression: "2 * {{ total }}"}, output: double}
    edges:
      - {from: START, to: total}
      - {from: total, to: double}
      - {from: double, to: END}
    output: [total, double]
    """
    result = run(text)
    assert result.output == {"total": 42, "double": 84}
    calls = recorded(home, "tool_call")
    assert [call["arguments"] for call in calls] == [
        {"expression": "3 * 14"}, {"expression": "2 * 42"},
    ]  # fmt: skip
    assert [call["node_path"] for call in calls] == ["total[1]", "double[1]"]


def test_a_tool_error_fails_a_tool_node(home: Path, steps: Steps) -> None:
    steps("")
    text = """\
    name: tools
    state: {a: {type: any}}
    nodes: {step: {kind: tool, tool: read_file, arguments: {path: ../secret}, output: a}}
    edges: [{from: START, to: step}, {from: step, to: END}]
    """
    result = run(text)
    assert (result.status, result.error_type) == ("error", "ToolError")
    (call,) = recorded(home, "tool_call")
    assert call["error_type"] == "ToolError"


def test_a_value_that_is_not_there_yet_is_named(home: Path, steps: Steps) -> None:
    module = steps("def f(): return None")
    text = f"""\
    name: unset
    state: {{a: {{type: object}}, b: {{type: any}}}}
    nodes:
      one: {{kind: python, function: "{module}:f", output: a}}
      two: {{kind: tool, tool: calculator, arguments: {{expression: "{{{{ a.price }}}}"}}, output: b}}
    edges: [{{from: START, to: one}}, {{from: one, to: two}}, {{from: two, to: END}}]
    """
    result = run(text)
    assert (result.status, result.error_type) == ("error", "TemplateError")
    assert "price" in (result.error_message or "")
