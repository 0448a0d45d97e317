from typing import Any

import pytest
from tests.runner.workflows.conftest import parse

from secondtake.runner.errors import UsageError, WorkflowError
from secondtake.runner.settings import Settings
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.overrides import apply_overrides, convert_inputs
from secondtake.runner.workflows.schema import LlmNode

TEXT = """\
name: w
inputs:
  topic: {type: string}
  count: {type: integer, default: 3}
  names: {type: "list[string]", default: []}
  deep: {type: boolean, default: false}
state:
  report: {type: string}
parameters: {temperature: 0.5}
nodes:
  plan: {kind: llm, prompt: "{{ topic }}", output: report}
  write: {kind: agent, prompt: "{{ report }}", tools: [calculator], output: report}
edges:
  - {from: START, to: plan}
  - {from: plan, to: write}
  - {from: write, to: END}
"""


@pytest.fixture
def workflow(settings: Settings) -> Workflow:
    return parse(TEXT, settings)


def changed(workflow: Workflow, settings: Settings, *overrides: str) -> Any:
    return apply_overrides(workflow, overrides, settings=settings)[0].definition


def test_no_override_changes_nothing(workflow: Workflow, settings: Settings) -> None:
    assert apply_overrides(workflow, [], settings=settings) == (workflow, {})


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("model=sim/fast", "model", "sim/fast"),
        ("nodes.plan.model=sim/weak", "nodes.plan.model", "sim/weak"),
        ("nodes.plan.prompt=Say: {{ topic }} [1]", "nodes.plan.prompt", "Say: {{ topic }} [1]"),
        ("nodes.plan.prompt=42", "nodes.plan.prompt", "42"),
        ("nodes.plan.prompt=a=b", "nodes.plan.prompt", "a=b"),
        ("limits.usd=0.25", "limits.usd", 0.25),
        ("limits.calls=7", "limits.calls", 7),
        ("nodes.write.max_steps=2", "nodes.write.max_steps", 2),
        ("nodes.write.tools=[read_file, list_files]", "nodes.write.tools",
         ["read_file", "list_files"]),
        ("nodes.write.tools.0=read_file", "nodes.write.tools", ["read_file"]),
        ("nodes.plan.retry.attempts=5", "nodes.plan.retry.attempts", 5),
        ("nodes.plan.timeout_s=1.5", "nodes.plan.timeout_s", 1.5),
        ("concurrency=1", "concurrency", 1),
    ],
)  # fmt: skip
def test_a_value_is_set_with_its_type(
    workflow: Workflow, settings: Settings, override: str, path: str, value: Any
) -> None:
    found: Any = changed(workflow, settings, override)
    for part in path.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    assert found == value


def test_parameters_take_any_key(workflow: Workflow, settings: Settings) -> None:
    definition = changed(
        workflow, settings, "parameters.temperature=0", "parameters.seed=7",
        "nodes.plan.parameters.stop=[a, b]",
    )  # fmt: skip
    assert definition.parameters == {"temperature": 0, "seed": 7}
    plan = definition.nodes["plan"]
    assert isinstance(plan, LlmNode)
    assert plan.parameters == {"stop": ["a", "b"]}


def test_the_file_keeps_its_hash_and_the_overrides_are_kept(
    workflow: Workflow, settings: Settings
) -> None:
    found, _ = apply_overrides(workflow, ["limits.calls=2"], settings=settings)
    assert found.hash == workflow.hash
    assert found.overrides == {"limits.calls": 2}
    assert found.data["limits"] == {"calls": 2}
    assert "limits" not in workflow.data


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("nodes.wrte.model=x", "--set nodes.wrte.model: no node `wrte`; did you mean `write`?"),
        ("nodes.plan.promt=x", "no key `promt` in nodes.plan; did you mean `prompt`?"),
        ("limit.usd=1", "--set limit.usd: no key `limit`; did you mean `limits`?"),
        ("limits.dollars=1", "no key `dollars` in limits; there are: `calls`, `seconds`"),
        ("inputs.topik=x", "--set inputs.topik: no input `topik`; did you mean `topic`?"),
        ("nodes.plan.prompt.x=1", "no key `x` in nodes.plan.prompt; nothing can be set below it"),
        ("nodes.write.tools.7=x", "no item `7` in a list of 1; the first is 0"),
        ("model", "write PATH=VALUE"),
        ("=x", "write PATH=VALUE"),
        ("limits.usd=[", "'[' is not a YAML value; put it in quotes"),
        ("parameters.temperature.x=1", "`temperature` is a value, nothing can be set below it"),
    ],
)
def test_a_wrong_path_says_which_one_was_meant(
    workflow: Workflow, settings: Settings, override: str, text: str
) -> None:
    with pytest.raises(UsageError) as refused:
        apply_overrides(workflow, [override], settings=settings)
    assert text in refused.value.message


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("limits.usd=cheap", "--set limits.usd: `usd` is 'cheap'; write a number"),
        ("nodes.plan.prompt={{ topik }}", "--set nodes.plan.prompt: no input or state key `topik`"),
        ("nodes.write.tools=[calculater]", "--set nodes.write.tools: no tool `calculater`; did"),
        ("nodes.write.max_steps=0", "--set nodes.write.max_steps: `max_steps` is 0; input should"),
        ("nodes.plan.kind=agnt", "--set nodes.plan.kind: node `plan` has the unknown kind `agnt`"),
        ("model=", "--set model: `model` is empty; write something"),
    ],
)
def test_the_changed_workflow_is_checked_as_a_file_is(
    workflow: Workflow, settings: Settings, override: str, text: str
) -> None:
    with pytest.raises(WorkflowError) as refused:
        apply_overrides(workflow, [override], settings=settings)
    assert any(text in problem for problem in refused.value.problems), refused.value.problems


def test_inputs_are_set_and_converted(workflow: Workflow, settings: Settings) -> None:
    _, texts = apply_overrides(workflow, ["inputs.count=5"], settings=settings)
    values = convert_inputs(
        workflow.definition, {"topic": "12", "names": "[a, 5]", "deep": "true"}, texts, where=""
    )
    assert values == {"topic": "12", "count": 5, "names": ["a", "5"], "deep": True}


def test_wrong_inputs_are_all_told_at_once(workflow: Workflow) -> None:
    with pytest.raises(UsageError) as refused:
        convert_inputs(
            workflow.definition,
            {"topik": "x", "count": "many"},
            {},
            where="give it with -i {name}=",
        )
    assert refused.value.message.splitlines() == [
        "Input `count` must be integer: the text 'many' is not an integer.",
        "Input `topic` is missing; give it with -i topic=",
        "No input `topik`; did you mean `topic`?",
    ]
