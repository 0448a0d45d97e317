"""One thing changed: only what the change reaches is executed and paid for."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.replaying import event_of, first_run, recording_of, replay, verdict_of

from secondtake.backend.prices.snapshot import ensure_snapshot
from secondtake.runner.errors import UsageError
from secondtake.runner.events import LlmCall
from secondtake.runner.providers.scripted import ScriptedModel, ScriptedRequest, tool_call
from secondtake.runner.replay.matching import Recorded
from secondtake.runner.replay.recording import Recording

Steps = Callable[[str], str]

WORKFLOW = """\
name: report
inputs: {topics: {type: "list[string]", default: [heat, cold]}, style: {type: string, default: plain}}
state:
  notes: {type: "list[string]", reducer: append}
  title: {type: string}
  facts: {type: number, default: 0}
  report: {type: string}
  checked: {type: string}
nodes:
  look: {kind: agent, prompt: "Look up {{ topic }}.", tools: [list_files, calculator], output: notes}
  name: {kind: llm, prompt: "A title for {{ topics | join }}.", output: title}
  weigh: {kind: tool, tool: calculator, arguments: {expression: "{{ notes | length }} + 1"}, output: facts}
  write:
    kind: llm
    prompt: "Write {{ style }}ly of {{ notes | join }}; facts: {{ facts }}."
    output: report
  check: {kind: llm, prompt: "Check the title {{ title }}.", output: checked}
edges:
  - {from: START, to: look, each: topics, as: topic}
  - {from: START, to: name}
  - {from: look, to: weigh}
  - {from: weigh, to: write}
  - {from: name, to: check}
  - {from: write, to: END}
  - {from: check, to: END}
output: [report, checked]
"""


def said(request: ScriptedRequest) -> object:
    """Answer as a model that calls a tool first where it may."""
    last = request.messages[-1]
    if last["role"] == "user" and request.tools:
        names = [tool["function"]["name"] for tool in request.tools]
        if "list_files" in names:
            return tool_call("list_files", pattern=f"{len(last['content'])}*")
        return tool_call("calculator", expression="1 + 1")
    return f"{request.model} on: {request.messages[0]['content']} {last['content']}"


@pytest.fixture
def source(home: Path) -> Recording:
    """A run of the workflow: 7 LLM calls and 3 tool calls."""
    (Path.cwd() / "secondtake.toml").write_text('[tools]\nfiles_root = "files"\n')
    (Path.cwd() / "files").mkdir()
    with ScriptedModel([said] * 20) as model:
        recording = first_run(home, WORKFLOW, model=model.name)
    assert (len(recording.llm_calls), len(recording.tool_calls)) == (7, 3)
    return recording


CHANGES = [
    (["model=scripted/other"], None, {"look": 4, "name": 1, "write": 1, "check": 1}),
    (["nodes.write.prompt=Write better: {{ notes | join }}"], None, {"write": 1}),
    (["nodes.name.prompt=Name it."], None, {"name": 1, "check": 1}),
    (["nodes.check.parameters.temperature=0.5"], None, {"check": 1}),
    (["temperature=0.5"], None, {"look": 4, "name": 1, "write": 1, "check": 1}),
    (["inputs.style=nice"], None, {"write": 1}),
    (["inputs.topics=[heat, ice]"], None, {"look": 3, "name": 1, "write": 1, "check": 1}),
    (["tools.list_files=off"], None, {"look": 6, "write": 1}),
    (["tools.list_files.description=Files."], None, {"look": 4}),
    (["state.facts=42"], "write", {"write": 1}),
    (["tool_calls.3.result=17"], None, {"write": 1}),
    (["llm_calls.1.answer=Nothing found."], None, {"check": 1}),
    (["llm_calls.1.messages.0=Another name."], None, {"name": 1, "check": 1}),
    (["nodes.look.max_steps=7"], None, {}),
]


@pytest.mark.parametrize(
    ("texts", "from_node", "live"), CHANGES, ids=[" ".join(texts)[:40] for texts, _, _ in CHANGES]
)
def test_only_what_a_change_reaches_is_executed(
    home: Path, source: Recording, texts: list[str], from_node: str | None, live: dict[str, int]
) -> None:
    texts = [with_number_of(source, text) for text in texts]
    with (
        ScriptedModel([said] * 20) as model,
        ScriptedModel([said] * 20, name="other") as other,
    ):
        again = replay(source, *texts, from_node=from_node)
        asked = len(model.requests) + len(other.requests)
    assert again.result.status == "ok", again.result.error_message
    assert dict(again.live_by_node) == live
    new = recording_of(home, again.result.run_id)
    every: list[Recorded] = [*new.llm_calls, *new.tool_calls]
    executed = [call for call in every if call.served_from == "live"]
    assert len(executed) == sum(live.values())
    assert sum(isinstance(call, LlmCall) for call in executed) == asked
    assert again.recorded_calls == len(every) - len(executed)
    event = event_of(home, again)
    assert event.live_by_node == (live or None)
    assert event.overrides == dict(text.split("=", 1) for text in texts)
    assert (verdict_of(again)[0] == "exact") is (not live)


def with_number_of(source: Recording, text: str) -> str:
    """Return a change of an LLM call with the number of that of `name`: branches race."""
    if not text.startswith("llm_calls.1."):
        return text
    [number] = [
        number
        for number, call in enumerate(source.llm_calls, start=1)
        if call.node_path == "name[1]"
    ]
    return text.replace("llm_calls.1.", f"llm_calls.{number}.")


def test_with_a_change_a_replay_that_may_ask_nobody_ends_at_the_first_call_it_reaches(
    home: Path, source: Recording
) -> None:
    with ScriptedModel([said] * 20) as model:
        again = replay(source, "nodes.write.prompt=Other.", llm="recorded", tools="recorded")
        assert model.requests == []
    assert again.result.status == "error"
    assert again.result.error_type == "ReplayDiverged"
    assert again.result.error_message == (
        "The recording has no answer to this LLM call in `write`: its request is another one; "
        "allow it with --llm auto."
    )
    assert dict(again.live_by_node) == {}
    event = event_of(home, again)
    numbers = {call.node_path: n for n, call in enumerate(source.llm_calls, start=1)}
    assert (event.diverged_node_path, event.diverged_field) == ("write[1]", "messages")
    assert event.diverged_call == numbers["write[1]"]
    assert event.verdict_reason == (
        f"Diverged at LLM call {event.diverged_call} in `write`: its messages changed."
    )


def test_every_stop_of_a_replay_names_the_same_call_though_branches_race(
    home: Path, source: Recording
) -> None:
    reasons = {verdict_of(replay(source, "temperature=0.5", llm="recorded"))[1] for _ in range(15)}
    first = source.llm_calls[0]
    began = min(source.llm_calls, key=lambda call: call.started_at or first.started_at)  # type: ignore[arg-type,return-value]
    assert len(reasons) == 1, reasons
    assert f"in `{str(began.node_path).split('[')[0]}`" in reasons.pop()


def test_money_spent_and_avoided_adds_up_to_what_the_source_cost(home: Path) -> None:
    ensure_snapshot(home)
    source = first_run(home, WORKFLOW, model="sim/strong")
    costs = {call.span_id: call.cost_usd for call in source.llm_calls}
    assert all(cost is not None and cost > 0 for cost in costs.values())
    total = sum((cost or Decimal(0) for cost in costs.values()), Decimal(0))

    again = replay(source)
    assert again.result.totals.avoided_cost_usd == total
    assert again.result.totals.cost_usd == 0
    twice = replay(recording_of(home, again.result.run_id))
    assert twice.result.totals.avoided_cost_usd == total

    changed = replay(source, "nodes.check.prompt=Check {{ title }} well.")
    [check] = [call for call in source.llm_calls if call.node_path == "check[1]"]
    new = recording_of(home, changed.result.run_id)
    [paid] = [call for call in new.llm_calls if call.served_from == "live"]
    event = event_of(home, changed)
    assert paid.cost_usd is not None
    assert event.cost_usd == paid.cost_usd > 0
    assert event.avoided_cost_usd == total - (check.cost_usd or 0)


def test_a_tool_of_a_module_and_of_a_nested_workflow_can_be_switched_off(
    home: Path, tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = steps("def dig(x: str) -> str:\n    '''Dig.'''\n    return 'dug ' + x\n")
    agent = f"""\
        name: inner
        state: {{answer: {{type: string}}}}
        nodes:
          work: {{kind: agent, prompt: Dig., tools: ["{module}:dig", calculator], output: answer}}
        edges: [{{from: START, to: work}}, {{from: work, to: END}}]
        output: answer
        """
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "inner.yaml").write_text("\n".join(line[8:] for line in agent.splitlines()))
    monkeypatch.setenv("SECONDTAKE_WORKFLOWS_ROOT", str(folder))
    outer = """\
        name: outer
        state: {answer: {type: string}}
        nodes: {go: {kind: workflow, workflow: inner, output: answer}}
        edges: [{from: START, to: go}, {from: go, to: END}]
        """
    for text, node in [(agent, "work"), (outer, "go/work")]:
        with ScriptedModel([tool_call("dig", x="a"), "Dug."]) as model:
            source = first_run(home, text, model=model.name)
        with ScriptedModel(["No tool."]) as model:
            again = replay(source, "tools.dig=off")
            [request] = model.requests
        assert [tool["function"]["name"] for tool in request.tools] == ["calculator"]
        assert dict(again.live_by_node) == {node: 1}
        with ScriptedModel(["Told.", "Told."]) as model:
            again = replay(source, "tools.dig.description=Dig deep.")
            [request] = model.requests
        assert request.tools[0]["function"]["description"] == "Dig deep."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nodes.wrte.prompt=x", "--set nodes.wrte.prompt: no node `wrte`; did you mean `write`?"),
        ("modle=x", "--set modle: no `modle`; did you mean `model`?"),
        ("tools.list_file=off", "no tool `list_file`; did you mean `list_files`?"),
        ("tools.calculator=on", "a tool can only be switched `off`."),
        ("tools.calculator=off", "node `weigh` does nothing but call it; give it a result with"),
        ("tools.calculator.on_mis=live", "a tool has no `on_mis`; did you mean `on_miss`?"),
        ("tools.calculator.on_miss=maybe", "write `error` or `live`."),
        ("tool_calls.4.result=1", "no tool call 4; the run has 3, the first is 1."),
        ("tool_calls.0.result=1", "no tool call 0; the run has 3, the first is 1."),
        ("tool_calls.1=1", "write tool_calls.1.result=VALUE."),
        ("llm_calls.99.answer=x", "no LLM call 99; the run has 7, the first is 1."),
        ("llm_calls.1.messages.9=x", "LLM call 1 was sent 1 messages; the first is 0."),
        ("state.facts=x", "--set state.facts: say from which node on, with --from NODE."),
        ("inputs.topic=x", "--set inputs.topic: no input `topic`; did you mean `topics`?"),
        ("inputs.topics=7", "Input `topics` must be list[string]"),
        ("nonsense", "--set nonsense: write PATH=VALUE, for example --set model=sim/weak."),
    ],
)
def test_a_change_that_does_not_fit_is_refused_in_a_sentence(
    source: Recording, text: str, told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        replay(source, text)
    assert told in caught.value.message
    assert "\n" not in caught.value.message
