"""What the API may ask for, and what is refused before there is a run."""

from pathlib import Path
from typing import Any

import pytest

from secondtake.backend.models.executions import RunRequest
from secondtake.backend.workers.requests import check_request, find_by_name
from secondtake.runner.errors import UsageError, WorkflowError
from secondtake.runner.settings import Settings, load_settings

GREETING = """
name: greeting
inputs:
  who: {type: string}
  times: {type: integer, default: 1}
state:
  text: {type: string}
  cleaned: {type: string}
nodes:
  greet: {kind: llm, prompt: "Greet {{ who }}", output: text}
  clean: {kind: python, function: "my_steps:clean", inputs: [text], output: cleaned}
edges:
  - {from: START, to: greet}
  - {from: greet, to: clean}
  - {from: clean, to: END}
"""


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    root = tmp_path / "flows"
    root.mkdir()
    (root / "greeting.yaml").write_text(GREETING)
    (tmp_path / "outside.yaml").write_text(GREETING)
    (root / "linked.yaml").symlink_to(tmp_path / "outside.yaml")
    (root / "broken.yaml").write_text("name: broken\nnodes: {}\n")
    return load_settings({"workflows_root": root, "trusted_modules": ["my_steps", "other"]})


def asked(**fields: Any) -> RunRequest:
    return RunRequest.model_validate({"workflow": "greeting", "inputs": {"who": "Ada"}} | fields)


def test_a_workflow_is_found_by_its_name(settings: Settings) -> None:
    assert check_request(asked(), settings).name == "greeting"


@pytest.mark.parametrize(
    "name", ["../outside", "flows/greeting", "greeting.yaml", "/etc/passwd", "", ".", "linked"]
)
def test_a_workflow_is_never_a_path(settings: Settings, name: str) -> None:
    for given in (name, str(settings.workflows_root / name)):
        with pytest.raises(UsageError):
            find_by_name(given, settings)


def test_a_link_out_of_the_root_is_refused_with_the_cure(settings: Settings) -> None:
    with pytest.raises(UsageError, match=r"is no file inside .*; put a copy of it there"):
        find_by_name("linked", settings)


def test_a_workflow_with_problems_is_refused_with_all_of_them(settings: Settings) -> None:
    with pytest.raises(WorkflowError, match=r"broken\.yaml"):
        check_request(RunRequest(workflow="broken"), settings)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"inputs": {}}, "Input `who` is missing; give it in `inputs`"),
        ({"inputs": {"who": "Ada", "whom": "x"}}, "did you mean `who`"),
        ({"inputs": {"who": "Ada", "times": "often"}}, "Input `times` must be integer"),
        ({"overrides": {"nodes.gret.model": "sim/weak"}}, "did you mean `greet`"),
        ({"overrides": {"a=b": 1}}, "is no path"),
        ({"tools": ["calculator"]}, "goes with a `prompt`"),
        ({"prompt": "Hello"}, "either a `workflow` or a `prompt`"),
        ({"workflow": None, "inputs": {}}, "either a `workflow` or a `prompt`"),
        ({"workflow": None, "prompt": " ", "inputs": {}}, "prompt is empty"),
        ({"workflow": None, "prompt": "Hello"}, "`inputs` goes with a `workflow`"),
        (
            {"workflow": None, "prompt": "x", "inputs": {}, "tools": ["calculater"]},
            "did you mean `calculator`",
        ),
        (
            {"workflow": None, "prompt": "x", "inputs": {}, "tools": ["my_steps:clean"]},
            "no built-in tool",
        ),
        (
            {"workflow": None, "prompt": "x", "inputs": {}, "tools": ["write_file"]},
            "'write_file' changes something: over the API only a workflow's file may name it",
        ),
    ],
)
def test_what_is_wrong_is_said_and_there_is_no_run(
    settings: Settings, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        check_request(asked(**fields), settings)


@pytest.mark.parametrize(
    "overrides",
    [
        {"nodes.clean.function": "other:wipe"},
        {"nodes.greet": {"kind": "tool", "tool": "other:wipe", "output": "text"}},
        {
            "nodes.greet": {
                "kind": "agent",
                "prompt": "x",
                "tools": ["my_steps:b"],
                "output": "text",
            }
        },
        ["nodes.clean.function=my_steps:wipe"],
        {"nodes.greet": {"kind": "tool", "tool": "write_file", "output": "text"}},
        {
            "nodes.greet": {
                "kind": "agent",
                "prompt": "x",
                "tools": ["read_file", "write_file"],
                "output": "text",
            }
        },
    ],
)
def test_overrides_never_name_code_that_the_file_does_not(
    settings: Settings, overrides: Any
) -> None:
    with pytest.raises(UsageError, match="only the workflow's file may name functions"):
        check_request(asked(overrides=overrides), settings)


def test_overrides_are_values_or_texts_as_on_the_command_line(settings: Settings) -> None:
    given = {"nodes.greet.parameters.seed": 7, "nodes.greet.prompt": "Hi {{ who }}: true"}
    node: Any = check_request(asked(overrides=given), settings).definition.nodes["greet"]
    assert (node.parameters, node.prompt) == ({"seed": 7}, "Hi {{ who }}: true")
    texts = ["nodes.greet.parameters.seed=7"]
    node = check_request(asked(overrides=texts), settings).definition.nodes["greet"]
    assert node.parameters == {"seed": 7}
