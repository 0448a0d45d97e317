"""Graphs of python and tool nodes: order, parallelism, joins, state, failure. No model."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.runner.workflows.graphs import FAN_OUT, FAN_OUT_CODE, folded, run
from tests.support.journal import recorded, recorded_lines

Steps = Callable[[str], str]


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
