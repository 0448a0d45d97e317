"""Workflows inside workflows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.runner.workflows.graphs import folded
from tests.support.journal import recorded

from secondtake.runner.errors import UsageError, WorkflowError
from secondtake.runner.result import RunResult
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.load import find_workflow, load_workflow

Steps = Callable[[str], str]

INNER = """\
name: inner
inputs: {{text: {{type: string}}, times: {{type: integer, default: 2}}}}
state: {{words: {{type: "list[string]", reducer: append}}, result: {{type: string}}}}
nodes:
  split: {{kind: python, function: "{m}:split", inputs: [text, visits, times], output: words, max_visits: 5}}
  join: {{kind: python, function: "{m}:join", inputs: [words], output: result}}
edges:
  - {{from: START, to: split}}
  - {{from: split, to: split, when: visits.split < times}}
  - {{from: split, to: join, otherwise: true}}
  - {{from: join, to: END}}
output: {output}
"""
OUTER = """\
name: outer
inputs: {items: {type: "list[string]", default: [a, b]}}
state: {found: {type: "list[string]", reducer: append}, result: {type: string}}
nodes:
  look: {kind: workflow, workflow: inner, inputs: {text: "{{ item }}!"}, output: found}
  last: {kind: workflow, workflow: ./inner.yaml, inputs: {text: "{{ found | join }}", times: 1}, output: result}
edges:
  - {from: START, to: look, each: items, as: item}
  - {from: look, to: last}
  - {from: last, to: END}
"""
CODE = """
def split(text, visits, times):
    if text == "fail!": raise ValueError("no fail")
    return text
def join(words): return "+".join(words)
"""


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def outer(home: Path, tmp_path: Path, steps: Steps) -> Path:
    write(tmp_path / "flows", "inner", INNER.format(m=steps(CODE), output="result"))
    return write(tmp_path / "flows", "outer", OUTER)


def run_file(path: Path, inputs: dict[str, Any] | None = None, *overrides: str) -> RunResult:
    settings = load_settings()
    workflow = load_workflow(path, settings=settings)
    return run_workflow(workflow, inputs or {}, settings=settings, overrides=overrides)


def test_paths_nest_and_the_state_of_both_is_exact(home: Path, outer: Path) -> None:
    result = run_file(outer)
    assert result.status == "ok", result.error_message
    assert result.output == {"found": ["a!+a!", "b!+b!"], "result": "a!+a!b!+b!"}
    rows = recorded(home, "node_finished")
    last = [row["node_path"] for row in rows if row["node_path"].startswith("last")]
    assert last == ["last[1]/split[1]", "last[1]/join[1]", "last[1]"]
    inside = [row for row in rows if row["node_path"].startswith("look[1:")]
    assert sum(row["node_path"].endswith("/split[2]") for row in inside) == 2
    first = next(row for row in inside if row["node_path"].endswith("/split[1]"))
    assert (first["entered_from"], first["node_kind"]) == (["START"], "python")
    assert {row["span_id"]: row for row in rows}[first["parent_span_id"]]["node"] == "look"

    memory = recorded(home, "memory")
    state = folded(home, result.run_id)
    outer_keys = {row["key"] for row in memory if row["scope"] == "state"}
    assert outer_keys == {"found", "result"}
    assert {key: state[key] for key in outer_keys} == result.output
    nested = [row for row in memory if row["scope"] == "node"]
    assert {row["key"].rpartition("/")[0] for row in nested} == {
        row["node_path"] for row in rows if row["node_kind"] == "workflow"
    }
    assert state["last[1]/result"] == "a!+a!b!+b!"
    assert state["last[1]/words"] == ["a!+a!b!+b!"]


def test_the_recorded_configuration_and_the_hash_hold_what_is_nested(
    home: Path, outer: Path
) -> None:
    before = load_workflow(outer, settings=load_settings()).hash
    run_file(outer)
    (started,) = recorded(home, "run_started")
    assert started["config"]["nested"]["look"]["definition"]["name"] == "inner"
    inner = outer.with_name("inner.yaml")
    inner.write_text(inner.read_text().replace("default: 2", "default: 1"))
    assert load_workflow(outer, settings=load_settings()).hash != before


def test_a_failure_inside_is_that_of_the_run_or_is_collected(home: Path, outer: Path) -> None:
    result = run_file(outer, {"items": ["fail", "b"]})
    assert (result.status, result.error_message) == ("error", "no fail")
    failed = {row["node"] for row in recorded(home, "node_finished") if row.get("error_type")}
    assert failed >= {"split", "look"}
    collected = run_file(outer, {"items": ["fail", "b"]}, "nodes.look.on_error=collect")
    assert (collected.status, collected.output["found"]) == ("ok", ["b!+b!"])
    assert collected.output["errors"][0]["message"] == "no fail"


def test_overrides_reach_inside(home: Path, outer: Path) -> None:
    result = run_file(outer, None, "nodes.look.nodes.split.max_visits=1")
    assert result.output["found"] == ["a!", "b!"]
    (started,) = recorded(home, "run_started")
    config = started["config"]
    assert config["overrides"] == {"nodes.look.nodes.split.max_visits": 1}
    assert config["nested"]["look"]["definition"]["nodes"]["split"]["max_visits"] == 1
    assert config["nested"]["last"]["definition"]["nodes"]["split"]["max_visits"] == 5
    with pytest.raises(UsageError) as refused:
        run_file(outer, None, "nodes.look.nodes.splt.max_visits=1")
    assert refused.value.message == (
        "--set nodes.look.nodes.splt.max_visits: no node `splt`; did you mean `split`?"
    )


def test_limits_of_the_run_hold_inside(home: Path, tmp_path: Path, steps: Steps) -> None:
    module = steps(
        "import time\ndef split(text, visits, times): time.sleep(20)\ndef join(words): 1"
    )
    write(tmp_path, "inner", INNER.format(m=module, output="result"))
    result = run_file(write(tmp_path, "outer", OUTER), None, "limits.seconds=0.3")
    assert result.status == "budget_exceeded"
    assert result.duration_ms < 10_000


def problems(path: Path) -> list[str]:
    with pytest.raises(WorkflowError) as refused:
        load_workflow(path, settings=load_settings())
    return [problem.replace(f"{path.parent}/", "") for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("workflow: inner", "workflow: outer", "a workflow cannot nest itself (outer.yaml -> outer"),
        ("workflow: inner", "workflow: iner", "no workflow `iner`; looked for in"),
        ("workflow: inner", "workflow: ../inner.yaml", "outside of this file's folder"),
        ("workflow: inner", "workflow: /etc/passwd", "outside of this file's folder"),
        ("workflow: inner", "workflow: link", "outside of this file's folder"),
        ("text: \"{{ item }}!\"", "txt: x", "`inner` has no input `txt`; did you mean `text`?"),
        ("text: \"{{ item }}!\"", "times: 1", "`inner` needs the input `text`; add `text: VALUE`"),
        ("output: found", "output: {result: words}", "the output of `inner` is `result` alone"),
        ("{{ item }}", "{{ itm }}", "no input or state key `itm`"),
        ("output: found}", "output: found, retry: {}}", "unknown key `retry`"),
    ],
)  # fmt: skip
def test_mistakes_are_found_where_the_node_is(
    outer: Path, tmp_path: Path, old: str, new: str, expected: str
) -> None:
    write(tmp_path, "inner", "outside")
    (outer.parent / "link.yaml").symlink_to(tmp_path / "inner.yaml")
    assert old in OUTER
    outer.write_text(OUTER.replace(old, new, 1))
    found = problems(outer)
    assert any(expected in text and text.startswith("outer.yaml:5:") for text in found), found


def test_problems_inside_are_told_with_their_own_place(outer: Path) -> None:
    inner = outer.with_name("inner.yaml")
    inner.write_text(inner.read_text().replace("visits.split < times", "visits.splt < times"))
    told = [text for text in problems(outer) if text.startswith("outer.yaml:5:")]
    place = "outer.yaml:5:36: in the nested workflow: inner.yaml:9:43:"
    assert told == [f"{place} no node `splt`; did you mean `split`?"]


def test_a_round_of_files_is_refused(outer: Path) -> None:
    inner = outer.with_name("inner.yaml")
    inner.write_text(OUTER.replace("name: outer", "name: inner").replace("inner", "outer"))
    assert any("(outer.yaml -> inner.yaml -> outer.yaml)" in text for text in problems(outer))


def test_a_name_is_also_looked_for_in_the_workflows_root(
    home: Path, tmp_path: Path, steps: Steps
) -> None:
    root = load_settings().workflows_root
    write(root, "inner", INNER.format(m=steps(CODE), output="result"))
    outer = write(tmp_path / "elsewhere", "outer", OUTER.replace("./inner.yaml", "inner"))
    assert run_file(outer).status == "ok"
    write(root, "outer", OUTER)
    assert find_workflow("outer", load_settings()).nested["look"].name == "inner"
