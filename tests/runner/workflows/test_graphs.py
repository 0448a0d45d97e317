"""Graphs of python and tool nodes: order, parallelism, joins, state, failure. No model."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.runner.workflows.conftest import parse
from tests.support.journal import recorded, recorded_lines

from secondtake.runner.errors import UsageError, WorkflowError
from secondtake.runner.run import RunResult
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.value_types import Reducer, reduce

Steps = Callable[[str], str]

FAN_OUT = """\
name: fan
inputs:
  items: {{type: "list[string]"}}
state:
  notes: {{type: "list[string]", reducer: append}}
  total: {{type: number, reducer: add}}
  seen: {{type: object, reducer: merge}}
  report: {{type: string}}
nodes:
  look: {{kind: python, function: "{m}:look", inputs: [item], output: {{notes: note, total: n, seen: s}}}}
  write: {{kind: python, function: "{m}:write", inputs: [notes], output: report}}
edges:
  - {{from: START, to: look, each: items, as: item}}
  - {{from: look, to: write}}
  - {{from: write, to: END}}
output: report
"""

FAN_OUT_CODE = """
import random, threading, time
def look(item):
    time.sleep(random.random() / 50)
    return {"note": item, "n": len(item) / 10, "s": {item: 1}}
def write(notes):
    return "|".join(notes)
"""


def run(text: str, inputs: dict[str, Any] | None = None, *overrides: str) -> RunResult:
    settings = load_settings()
    workflow = parse(text, settings)
    return run_workflow(workflow, inputs or {}, settings=settings, overrides=overrides)


def folded(home: Path, run_id: Any) -> dict[str, Any]:
    """Fold the recorded state rows in order of `seq`."""
    reducers: dict[str, Reducer] = {"append": "append", "add": "add", "merge": "merge"}
    state: dict[str, Any] = {}
    rows = [row for row in recorded(home, "memory") if row["run_id"] == str(run_id)]
    for row in sorted(rows, key=lambda row: row["seq"]):
        reducer = reducers.get(row["operation"], "replace")
        state[row["key"]] = reduce(state.get(row["key"]), row.get("value"), reducer)
    return state


@pytest.mark.parametrize("repeat", range(3))
def test_branches_join_once_and_in_the_order_of_the_list(
    home: Path, steps: Steps, repeat: int
) -> None:
    module = steps(FAN_OUT_CODE)
    items = [f"i{n}" for n in range(20)]
    random.Random(repeat).shuffle(items)
    result = run(FAN_OUT.format(m=module), {"items": items})
    assert result.status == "ok", result.error_message
    assert result.output == "|".join(items)
    assert [t.node for t in result.timings].count("write") == 1


def test_the_recorded_state_folds_to_the_state_of_the_run(home: Path, steps: Steps) -> None:
    module = steps(FAN_OUT_CODE)
    text = FAN_OUT.format(m=module).replace("output: report\n", "output: [notes, total, seen]\n")
    result = run(text, {"items": ["aa", "b", "aa", "ccc"]})
    state = folded(home, result.run_id)
    assert {key: state[key] for key in ("notes", "total", "seen")} == result.output
    assert state["notes"] == ["aa", "b", "aa", "ccc"]
    assert state["report"] == "aa|b|aa|ccc"


def test_state_rows_come_before_the_nodes_that_see_them(home: Path, steps: Steps) -> None:
    run(FAN_OUT.format(m=steps(FAN_OUT_CODE)), {"items": ["a", "b"]})
    lines = sorted(recorded_lines(home), key=lambda line: line["seq"])
    first_node = next(i for i, e in enumerate(lines) if e["kind"] == "node_started")
    assert {e["operation"] for e in lines[:first_node] if e["kind"] == "memory"} == {"init"}
    write = next(i for i, e in enumerate(lines) if e.get("node") == "write")
    assert [e["value"] for e in lines[:write] if e.get("operation") == "append"] == [["a"], ["b"]]


def test_each_branch_has_a_key_that_depends_on_its_item_alone(home: Path, steps: Steps) -> None:
    module = steps(FAN_OUT_CODE)
    keys = {}
    for items in (["a", "b", "a"], ["b", "a", "a"]):
        run(FAN_OUT.format(m=module), {"items": items})
        rows = recorded(home, "node_started")[-4:-1]
        keys[tuple(items)] = sorted(row["node_path"] for row in rows)
    first, second = keys.values()
    assert first == second
    assert len(set(first)) == 3


def test_branches_run_at_the_same_time(home: Path, steps: Steps) -> None:
    module = steps("""
        import threading
        barrier = threading.Barrier(4, timeout=10)
        def look(item):
            barrier.wait()
            return {"note": item, "n": 1, "s": {}}
        def write(notes):
            return str(len(notes))
    """)
    assert run(FAN_OUT.format(m=module), {"items": list("abcd")}).output == "4"


def test_no_more_branches_run_at_once_than_allowed(home: Path, steps: Steps) -> None:
    module = steps("""
        import threading, time
        lock, now, most = threading.Lock(), [0], [0]
        def look(item):
            with lock:
                now[0] += 1; most[0] = max(most[0], now[0])
            time.sleep(0.02)
            with lock:
                now[0] -= 1
            return {"note": item, "n": 1, "s": {}}
        def write(notes):
            return str(most[0])
    """)
    text = FAN_OUT.format(m=module)
    assert run(text, {"items": list("abcdef")}, "concurrency=2").output == "2"


def test_an_empty_list_goes_on_at_the_join(home: Path, steps: Steps) -> None:
    result = run(FAN_OUT.format(m=steps(FAN_OUT_CODE)), {"items": []})
    assert (result.status, result.output) == ("ok", "")


def test_a_node_waits_for_all_its_edges_however_long_the_paths(home: Path, steps: Steps) -> None:
    module = steps("""
        def one(): return ["one"]
        def end(log): return log + ["end"]
    """)
    node = f'{{kind: python, function: "{module}:one", output: log}}'
    text = f"""\
    name: diamond
    state:
      log: {{type: list, reducer: append}}
      result: {{type: list}}
    nodes:
      a: {node}
      b: {node}
      c: {node}
      end: {{kind: python, function: "{module}:end", inputs: [log], output: result}}
    edges:
      - {{from: START, to: a}}
      - {{from: START, to: b}}
      - {{from: b, to: c}}
      - {{from: a, to: end}}
      - {{from: c, to: end}}
      - {{from: end, to: END}}
    output: result
    """
    result = run(text)
    assert result.output == ["one", "one", "one", "end"]
    assert [timing.node for timing in result.timings].count("end") == 1


def test_a_state_key_may_be_called_like_a_node(home: Path, steps: Steps) -> None:
    module = steps("def report(): return 'x'")
    text = f"""\
    name: same
    state: {{report: {{type: string}}}}
    nodes: {{report: {{kind: python, function: "{module}:report", output: report}}}}
    edges: [{{from: START, to: report}}, {{from: report, to: END}}]
    """
    assert run(text).output == {"report": "x"}


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


def test_a_long_chain_has_no_hidden_limit(home: Path, steps: Steps) -> None:
    module = steps("def f(): return 1")
    names = [f"n{index}" for index in range(40)]
    nodes = "\n".join(
        f'  {n}: {{kind: python, function: "{module}:f", output: sum}}' for n in names
    )
    edges = "\n".join(
        f"  - {{from: {a}, to: {b}}}"
        for a, b in zip(["START", *names], [*names, "END"], strict=True)
    )
    text = f"name: long\nstate: {{sum: {{type: integer, reducer: add}}}}\nnodes:\n{nodes}\nedges:\n{edges}\n"
    assert run(text).output == {"sum": 40}


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15
)
@given(items=st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=6))
def test_any_list_of_items_gives_the_same_in_every_order_of_completion(
    home: Path, steps: Steps, items: list[str]
) -> None:
    module = steps(FAN_OUT_CODE)
    text = FAN_OUT.format(m=module).replace("output: report\n", "output: [notes, total, report]\n")
    result = run(text, {"items": items})
    state = folded(home, result.run_id)
    assert result.output == {key: state[key] for key in ("notes", "total", "report")}
    assert result.output["notes"] == items
