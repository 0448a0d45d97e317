"""Tools that change something, and calls that a replay must not make."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.replaying import assert_exact, ending_of, first_run, replay, verdict_of

from secondtake.runner.events import Policy
from secondtake.runner.providers.scripted import ScriptedModel, ScriptedRequest, tool_call
from secondtake.runner.replay.recording import Recording

Steps = Callable[[str], str]

CODE = """
from pathlib import Path
from secondtake.runner import boundary, memory, ambient
from secondtake.runner.calls import ToolRequest
from secondtake.runner.tools.registry import tool

@tool(read_only=False)
def save(text: str) -> str:
    '''Save a text.'''
    with Path("saved.txt").open("a") as file:
        file.write(text + "\\n")
    return "saved"

@tool(read_only=True)
def measure(text: str) -> int:
    '''Measure a text.'''
    with Path("measured.txt").open("a") as file:
        file.write(text + "\\n")
    return len(text)

def stubborn(text):
    def execute():
        raise AssertionError("executed")
    for name in ("first", "second", "third"):
        try:
            boundary.call(ToolRequest(tool=name, arguments={"text": text}), execute)
        except Exception:
            pass
    return "went on"
"""
AGENT = """\
name: agent
inputs: {text: {type: string, default: hello}}
state: {answer: {type: string}}
nodes:
  work: {kind: agent, prompt: "Save {{ text }}.", tools: ["MODULE:TOOL"], output: answer}
edges: [{from: START, to: work}, {from: work, to: END}]
output: answer
"""
NODE = """\
name: node
inputs: {text: {type: string, default: hello}}
state: {done: {type: any}}
nodes:
  keep: {kind: tool, tool: "MODULE:TOOL", arguments: {text: "{{ text }}"}, ON_ERROR output: done}
edges: [{from: START, to: keep}, {from: keep, to: END}]
output: done
"""
STUCK = (
    "The recording has no answer to this call of `save` in `keep`, and the tool may change "
    "something: allow it with --set tools.save.on_miss=live, or give a result with --set "
    "tools.save.result=VALUE."
)


def saved() -> list[str]:
    path = Path("saved.txt")
    return path.read_text().split() if path.exists() else []


def measured() -> list[str]:
    path = Path("measured.txt")
    return path.read_text().split() if path.exists() else []


@pytest.fixture
def module(steps: Steps) -> str:
    return steps(CODE)


@pytest.fixture
def source(home: Path, module: str) -> Recording:
    """A run whose one tool node has saved `hello`."""
    return first_run(home, node(module))


def node(module: str, tool: str = "save", on_error: str = "") -> str:
    text = NODE.replace("MODULE", module).replace("TOOL", tool)
    return text.replace("ON_ERROR ", on_error)


@pytest.mark.parametrize("tools", ["auto", "recorded"])
def test_a_tool_with_side_effects_is_not_executed_again(source: Recording, tools: Policy) -> None:
    assert saved() == ["hello"]
    assert_exact(replay(source, tools=tools), calls=1)
    stopped = replay(source, "inputs.text=other", tools=tools)
    assert stopped.result.status == "error"
    assert stopped.result.error_type == "ReplayDiverged"
    cure = "its arguments are other ones; allow it with --tools auto."
    told = f"The recording has no answer to this call of `save` in `keep`: {cure}"
    assert stopped.result.error_message == (STUCK if tools == "auto" else told)
    assert dict(stopped.live_by_node) == {}
    assert saved() == ["hello"]
    assert verdict_of(stopped) == (
        "diverged",
        "Diverged at tool call 1 (`save`) in `keep`: its arguments changed.",
    )


def test_it_is_executed_when_it_was_allowed_by_its_name(source: Recording) -> None:
    again = replay(source, "inputs.text=other", "tools.save.on_miss=live")
    assert again.result.status == "ok"
    assert dict(again.live_by_node) == {"keep": 1}
    assert saved() == ["hello", "other"]
    replay(source, "tools.save.on_miss=live")  # nothing is new, so nothing is executed
    assert saved() == ["hello", "other"]


def test_it_is_not_executed_when_a_result_is_given(source: Recording) -> None:
    again = replay(source, "inputs.text=other", "tools.save.result=pretended")
    assert (again.result.status, again.result.output) == ("ok", "pretended")
    assert dict(again.live_by_node) == {}
    assert saved() == ["hello"]


def test_a_rule_of_a_tool_does_not_touch_a_call_that_was_recorded(source: Recording) -> None:
    again = replay(source, "tools.save.result=pretended")
    assert again.result.output == "saved"
    assert verdict_of(again)[0] == "exact"


def test_live_tools_are_executed_and_compared(source: Recording) -> None:
    again = replay(source, tools="live")
    assert saved() == ["hello", "hello"]
    assert verdict_of(again) == (
        "exact",
        "The one call was executed again and came to the same, and the output is the same.",
    )


def test_a_tool_that_only_reads_is_executed_with_new_arguments(home: Path, module: str) -> None:
    source = first_run(home, node(module, "measure"))
    again = replay(source, "inputs.text=longer")
    assert again.result.output == 6
    assert measured() == ["hello", "longer"]
    stopped = replay(source, "inputs.text=longest", "tools.measure.on_miss=error")
    assert stopped.result.error_type == "ReplayDiverged"
    assert measured() == ["hello", "longer"]


def test_a_model_that_now_calls_a_tool_with_side_effects_otherwise_is_stopped(
    home: Path, module: str
) -> None:
    text = AGENT.replace("MODULE", module).replace("TOOL", "save")
    with ScriptedModel([tool_call("save", text="hello"), "Done."]) as model:
        source = first_run(home, text, model=model.name)
    with ScriptedModel([tool_call("save", text="evil"), "Done."]) as model:
        again = replay(source, "nodes.work.prompt=Save it.")
    assert again.result.error_type == "ReplayDiverged"
    assert saved() == ["hello"]
    assert dict(again.live_by_node) == {"work": 1}


def test_collecting_errors_does_not_swallow_a_divergence(home: Path, module: str) -> None:
    text = node(module, on_error="on_error: collect, retry: {attempts: 3, backoff_s: 0},")
    text = text.replace("state: {", 'state: {errors: {type: "list[object]", reducer: append}, ')
    source = first_run(home, text)
    assert ending_of(source).status == "ok"
    stopped = replay(source, "inputs.text=other")
    assert (stopped.result.status, stopped.result.error_type) == ("error", "ReplayDiverged")
    assert saved() == ["hello"]


def test_a_program_that_catches_every_exception_does_not_swallow_a_divergence(
    home: Path, module: str
) -> None:
    text = f"""\
        name: stubborn
        inputs: {{text: {{type: string, default: a}}}}
        state: {{said: {{type: string}}}}
        nodes:
          go: {{kind: python, function: "{module}:stubborn", inputs: [text], output: said}}
        edges: [{{from: START, to: go}}, {{from: go, to: END}}]
        output: said
        """
    source = first_run(home, text)
    assert ending_of(source).output == "went on"
    assert_exact(replay(source), calls=3)
    stopped = replay(source, "inputs.text=b")
    assert stopped.result.output is None
    assert (stopped.result.status, stopped.result.error_type) == ("error", "ReplayDiverged")
    assert "call of `first` in `go`" in str(stopped.result.error_message)


def test_langgraph_itself_does_not_swallow_a_divergence(home: Path, module: str) -> None:
    text = """\
        name: fan
        inputs: {items: {type: "list[string]", default: [a, b, c]}, how: {type: string, default: x}}
        state: {notes: {type: "list[string]", reducer: append}}
        nodes: {look: {kind: llm, prompt: "Look {{ how }}", output: notes}}
        edges: [{from: START, to: look, each: items, as: item}, {from: look, to: END}]
        output: notes
        """

    def never(_: ScriptedRequest) -> str:
        raise AssertionError("asked")

    with ScriptedModel(["1", "2", "3"]) as model:
        source = first_run(home, text, model=model.name)
    with ScriptedModel([never] * 9) as model:
        stopped = replay(source, "inputs.how=y", llm="recorded")
        assert model.requests == []
    assert (stopped.result.status, stopped.result.error_type) == ("error", "ReplayDiverged")
    assert stopped.judged is not None
    assert stopped.judged.verdict == "diverged"
