"""What a replay says it came to, read as a user reads it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.replaying import event_of, first_run, replay, verdict_of

from secondtake.runner.events import Policy
from secondtake.runner.providers.scripted import ScriptedModel, ScriptedRequest, tool_call
from secondtake.runner.replay.recording import Recording

Steps = Callable[[str], str]

WORKFLOW = """\
name: two
inputs: {topic: {type: string, default: heat}}
state: {first: {type: string}, second: {type: string}, files: {type: any}}
nodes:
  one: {kind: agent, prompt: "One {{ topic }}", tools: [list_files, calculator], output: first}
  two: {kind: llm, prompt: "Two {{ first }}", output: second}
edges: [{from: START, to: one}, {from: one, to: two}, {from: two, to: END}]
output: second
"""
OUTPUTS = [tool_call("list_files", pattern="a*"), "First.", "Second."]


@pytest.fixture
def source(home: Path) -> Recording:
    """A run of three LLM calls and a tool call."""
    (Path.cwd() / "secondtake.toml").write_text('[tools]\nfiles_root = "files"\n')
    (Path.cwd() / "files").mkdir()
    with ScriptedModel(OUTPUTS) as model:
        return first_run(home, WORKFLOW, model=model.name)


@pytest.mark.parametrize(
    ("text", "outputs", "reason"),
    [
        ("description=None", [], "All 4 calls were answered by the recording, and the output is the same."),
        (
            "nodes.two.parameters.temperature=0.2", ["Second."],
            "The output is the same, by another way from LLM call 3 in `two` on: its parameters changed.",
        ),
        (
            "nodes.two.prompt=Deux", ["Deuxième."],
            "Diverged at LLM call 3 in `two`: its messages changed.",
        ),
        (
            "nodes.two.model=scripted/model2", [],
            "Diverged at LLM call 3 in `two`: its model is another one.",
        ),
        (
            "tools.list_files=off", ["First.", "Second."],
            ("The output is the same, by another way from LLM call 1 in `one` on: the tools it was "
            "offered changed."),
        ),
        (
            "inputs.topic=cold", [tool_call("list_files", pattern="b*"), "First.", "Zwei."],
            "The output is the same, by another way from LLM call 1 in `one` on: its messages changed.",
        ),
        (
            "llm_calls.3.answer=Third.", [],
            "All calls were as recorded, but the output is another one.",
        ),
        (
            "llm_calls.1.answer=At once.", ["Second."],
            ("The output is the same, by another way from tool call 1 (`list_files`) in `one` on: it "
            "was not made any more."),
        ),
        (
            "llm_calls.3.answer=", [],
            ("All calls were as recorded, but the run ended with `error` (NodeError), its source "
            "with `ok`."),
        ),
    ],
)  # fmt: skip
def test_the_reason_is_a_sentence_that_names_call_node_and_cause(
    home: Path, source: Recording, text: str, outputs: list[object], reason: str
) -> None:
    with ScriptedModel(outputs):
        again = replay(source, text)
    assert verdict_of(again)[1] == reason
    assert event_of(home, again).verdict_reason == reason


@pytest.mark.parametrize(
    ("llm", "outputs", "reason"),
    [
        (
            "live", OUTPUTS,
            "All 4 calls were as recorded, 3 of them executed again, and the output is the same.",
        ),
        (
            "live", [*OUTPUTS[:2], "Other."],
            "Diverged at LLM call 3 in `two`: it was executed and answered something else.",
        ),
        (
            "live", [[tool_call("list_files", pattern="a*"), tool_call("list_files", pattern="b*")],
                     "First.", "Second."],
            ("The output is the same, by another way from LLM call 1 in `one` on: it was executed "
            "and answered something else."),
        ),
    ],
)  # fmt: skip
def test_what_was_executed_is_compared_with_what_was_recorded(
    source: Recording, llm: Policy, outputs: list[object], reason: str
) -> None:
    with ScriptedModel(outputs):
        again = replay(source, llm=llm)
    assert verdict_of(again)[1] == reason


def test_a_new_call_is_told_where_it_was_made_and_before_what_followed_from_it(
    home: Path, steps: Steps
) -> None:
    module = steps(
        """
        from secondtake.runner import boundary
        from secondtake.runner.calls import ToolRequest
        def go(extra):
            for name in ["a", *extra, "b"]:
                boundary.call(
                    ToolRequest(tool=name, arguments={}, read_only=True), lambda: name + "!"
                )
            return "done"
        """
    )
    text = f"""\
        name: extra
        inputs: {{extra: {{type: "list[string]", default: []}}}}
        state: {{said: {{type: string}}, last: {{type: string}}}}
        nodes:
          go: {{kind: python, function: "{module}:go", inputs: [extra], output: said}}
          say: {{kind: llm, prompt: "Say {{{{ extra | join }}}}", output: last}}
        edges: [{{from: START, to: go}}, {{from: go, to: say}}, {{from: say, to: END}}]
        output: said
        """

    def echo(_: ScriptedRequest) -> str:
        return "Said."

    with ScriptedModel([echo] * 2) as model:
        source = first_run(home, text, model=model.name)
        more = replay(source, "inputs.extra=[c, c]")
        assert verdict_of(more) == (
            "same_output",
            (
                "The output is the same, by another way from tool call 2 (`c`) in `go` on: the "
                "source called `b` instead."
            ),
        )


def test_a_run_without_calls_says_so(home: Path, steps: Steps) -> None:
    module = steps("def go():\n    return 'done'\n")
    text = f"""\
        name: none
        state: {{said: {{type: string}}}}
        nodes: {{go: {{kind: python, function: "{module}:go", output: said}}}}
        edges: [{{from: START, to: go}}, {{from: go, to: END}}]
        output: said
        """
    assert verdict_of(replay(first_run(home, text))) == (
        "exact",
        "There was no call to answer, and the output is the same.",
    )
