"""The examples of docs/workflows.md, executed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.repository import REPOSITORY

from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.condition_parts import FUNCTIONS
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.load import find_workflow, workflow_json_schema

GUIDE = (REPOSITORY / "docs" / "workflows.md").read_text(encoding="utf-8")
EXAMPLES = {
    re.findall(r"^name: (.+)$", text, re.MULTILINE)[0]: text
    for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
}
EXPECTED: dict[str, Any] = {
    "diamond": 120 * 1.19 + 60,
    "loop": 7,
    "fan-out": 14,
    "collect": {"parts": [10, 5], "failed": 1},
    "twice": [7, 13],
}


@pytest.fixture
def examples(home: Path) -> None:
    """Write the examples into the workflows root."""
    root = load_settings().workflows_root
    root.mkdir(parents=True, exist_ok=True)
    for name, text in EXAMPLES.items():
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")


def run(name: str, inputs: dict[str, Any] | None = None, **more: Any) -> Any:
    settings = load_settings()
    result = run_workflow(find_workflow(name, settings), inputs or {}, settings=settings, **more)
    assert result.status == "ok", result.error_message
    return result.output


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_example_of_the_guide_runs(examples: None, name: str) -> None:
    if name == "ask":
        output = run(name, answers={"approve": ["revise", "send"]})
        assert output["decision"] == "send"
        assert output["sent_at"] != "never"
    else:
        expected = EXPECTED[name]
        assert run(name) == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_the_guide_says_what_its_examples_do_with_other_inputs(examples: None) -> None:
    assert run("diamond", {"amount": 50}) == pytest.approx(59.5)
    assert run("fan-out", {"numbers": []}) is None
    assert run("collect", {"divisors": [1]})["failed"] == 0


def test_the_guide_names_every_function_of_conditions() -> None:
    assert f"`{' '.join(FUNCTIONS)}`" in GUIDE


def test_the_published_schema_is_that_of_the_code() -> None:
    path = REPOSITORY / "docs" / "reference" / "workflow.schema.json"
    told = "write it anew: secondtake schema workflow > docs/reference/workflow.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == workflow_json_schema(), told


def test_every_field_of_the_schema_is_described() -> None:
    schema = workflow_json_schema()
    for name, section in {**schema["$defs"], "Workflow": schema}.items():
        for field, about in section.get("properties", {}).items():
            assert about.get("description"), f"{name}.{field}"


def test_every_sample_points_its_editor_at_the_schema() -> None:
    for path in sorted((REPOSITORY / "data" / "workflows").glob("*.yaml")):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        reference = first.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / reference).resolve().is_file(), path.name
