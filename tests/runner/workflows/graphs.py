"""Helpers for tests of graphs."""

from pathlib import Path
from typing import Any

from tests.runner.workflows.conftest import parse
from tests.support.journal import recorded

from secondtake.runner.result import RunResult
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.value_types import Reducer, reduce

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
