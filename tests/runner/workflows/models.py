"""Helpers for tests of nodes that ask a model."""

from typing import Any

from tests.runner.workflows.conftest import parse

from secondtake.runner.providers.scripted import ScriptedModel, ScriptedRequest
from secondtake.runner.result import RunResult
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_workflow

AGENT = """\
name: agent
state: {answer: {type: string}}
nodes:
  work:
    kind: agent
    system: Be short.
    prompt: What is 6 * 7?
    tools: [calculator, list_files]
    max_steps: 3
    output: answer
edges: [{from: START, to: work}, {from: work, to: END}]
output: answer
"""


def tool_texts(request: ScriptedRequest) -> list[str]:
    return [m["content"] for m in request.messages if m["role"] == "tool"]


def run(
    text: str, model: ScriptedModel, inputs: dict[str, Any] | None = None, *overrides: str
) -> RunResult:
    settings = load_settings()
    workflow = parse(text, settings)
    with model:
        return run_workflow(
            workflow, inputs or {}, settings=settings, model=model.name, overrides=overrides
        )
