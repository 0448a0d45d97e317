"""`--from NODE`: the state before the node is the recorded one, and goes on from there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.replaying import (
    SlowRecording,
    ending_of,
    first_run,
    recording_of,
    repeatedly,
    replay,
    verdict_of,
)

from secondtake.runner.errors import UsageError
from secondtake.runner.events import MemoryChange
from secondtake.runner.providers.scripted import ScriptedModel, ScriptedRequest
from secondtake.runner.replay.recording import Recording
from secondtake.runner.workflows.value_types import Reducer, reduce

Steps = Callable[[str], str]

CODE = """
from pathlib import Path
def note(text):
    with Path("executed.txt").open("a") as file:
        file.write(text + "\\n")
def prepare(topic):
    note("prepare")
    return {"plan": topic + "!", "log": ["prepared"], "n": 2, "seen": {"prepare": 1}}
def after(report):
    note("after")
    return report + "."
"""
WORKFLOW = """\
name: forks
inputs: {topic: {type: string, default: heat}, items: {type: "list[string]", default: [a, b, c]}}
state:
  plan: {type: string}
  log: {type: "list[string]", reducer: append}
  n: {type: number, reducer: add}
  seen: {type: object, reducer: merge}
  notes: {type: "list[string]", reducer: append}
  title: {type: string}
  report: {type: string}
nodes:
  prepare:
    kind: python
    function: "MODULE:prepare"
    inputs: [topic]
    output: {plan: plan, log: log, n: n, seen: seen}
  look: {kind: llm, prompt: "Look {{ plan }}", output: notes}
  name: {kind: llm, prompt: "Name {{ plan }}", output: title}
  write:
    kind: llm
    prompt: "Write {{ plan }} {{ log | join }} {{ n }} {{ seen }} {{ notes | join }} {{ title }}"
    output: report
  after: {kind: python, function: "MODULE:after", inputs: [report], output: report}
edges:
  - {from: START, to: prepare}
  - {from: prepare, to: look, each: items, as: item}
  - {from: prepare, to: name}
  - {from: look, to: write}
  - {from: name, to: write}
  - {from: write, to: after}
  - {from: after, to: END}
output: report
"""
LOOP = """\
name: loop
state: {draft: {type: string, default: ""}, drafts: {type: "list[string]", reducer: append}}
nodes:
  write: {kind: llm, prompt: "Draft {{ visits.write }}", output: draft, max_visits: 5}
  review: {kind: llm, prompt: "Review {{ draft }}", output: drafts}
edges:
  - {from: START, to: write}
  - {from: write, to: review}
  - {from: review, to: write, when: visits.review < 3}
  - {from: review, to: END, otherwise: true}
output: drafts
"""


def echo(request: ScriptedRequest) -> str:
    return f"<{request.messages[-1]['content']}>"


def counted() -> list[Any]:
    """Return outputs that tell branches apart that send the same."""
    return [lambda request, n=n: f"{n}{echo(request)}" for n in range(30)]


@pytest.fixture
def source(home: Path, steps: Steps) -> Recording:
    """A run of the workflow: three branches of `look`, one `name`, one `write`."""
    with ScriptedModel(counted()) as model:
        return first_run(home, WORKFLOW.replace("MODULE", steps(CODE)), model=model.name)


def executed() -> list[str]:
    """Return what the python nodes wrote since the last look."""
    path = Path("executed.txt")
    lines = path.read_text().split()
    path.write_text("")
    return lines


def at_fork(home: Path, run_id: Any, before: str) -> dict[str, Any]:
    """Return the state when a node begins, folded from the recorded rows."""
    recording = recording_of(home, run_id)
    began = min(each.seq or 0 for each in recording.events if getattr(each, "node", "") == before)
    reducers: dict[str, Reducer] = {"append": "append", "add": "add", "merge": "merge"}
    state: dict[str, Any] = {}
    for change in recording.memory:
        if (change.seq or 0) < began and isinstance(change, MemoryChange):
            how = reducers.get(change.operation, "replace")
            state[change.key] = reduce(state.get(change.key), change.value, how)
    return state


def test_python_nodes_before_the_fork_are_not_executed_and_those_after_it_are(
    home: Path, source: Recording
) -> None:
    assert executed() == ["prepare", "after"]
    again = replay(source, from_node="write")
    assert executed() == ["after"]
    assert verdict_of(again)[0] == "exact"
    assert at_fork(home, again.result.run_id, "write") == at_fork(home, source.run_id, "write")
    replay(source)
    assert executed() == ["prepare", "after"]


def test_a_fork_inside_a_fan_out_answers_the_sibling_branches_from_the_recording(
    home: Path, source: Recording
) -> None:
    executed()

    def once(_: int) -> None:
        with ScriptedModel([echo] * 9) as model:
            again = replay(
                SlowRecording(source.events), "nodes.name.prompt=Baptise", from_node="name"
            )
        assert executed() == ["after"]
        assert dict(again.live_by_node) == {"name": 1, "write": 1}
        notes = at_fork(home, again.result.run_id, "write")["notes"]
        assert notes == at_fork(home, source.run_id, "write")["notes"]
        written = model.requests[-1].messages[-1]["content"]
        assert written.endswith(f"{''.join(notes)} <Baptise>"), written

    repeatedly(8, once)


def test_a_fork_at_the_branches_themselves_has_the_state_before_them(
    home: Path, source: Recording
) -> None:
    executed()
    with ScriptedModel([echo] * 9) as model:
        again = replay(source, "nodes.look.prompt=See {{ plan }}", from_node="look")
    assert sorted(r.messages[-1]["content"][:9] for r in model.requests) == [
        "See heat!", "See heat!", "See heat!", "Write hea",
    ]  # fmt: skip
    assert dict(again.live_by_node) == {"look": 3, "write": 1}
    assert at_fork(home, again.result.run_id, "look") == at_fork(home, source.run_id, "look")


def test_overrides_count_from_the_fork_on(home: Path, source: Recording) -> None:
    executed()
    with ScriptedModel([echo] * 9):
        again = replay(source, "inputs.topic=cold", "temperature=0.5", from_node="write")
    assert dict(again.live_by_node) == {"write": 1}
    assert executed() == ["after"]
    assert at_fork(home, again.result.run_id, "write")["plan"] == "heat!"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("state.plan=cold", "Write cold prepared 2 "),
        ("state.log=[a, b]", "Write heat! ab 2 "),
        ("state.log=[]", "Write heat!  2 "),
        ("state.n=7", "Write heat! prepared 7 "),
        ("state.seen={x: 1}", "Write heat! prepared 2 {'x': 1}"),
        ("state.notes=[gold]", " gold "),
    ],
)
def test_a_state_key_holds_just_what_it_was_set_to_whatever_its_reducer(
    home: Path, source: Recording, text: str, sent: str
) -> None:
    with ScriptedModel([echo] * 9) as model:
        again = replay(source, text, from_node="write")
    assert again.result.status == "ok", again.result.error_message
    [request] = model.requests
    assert sent in request.messages[-1]["content"].replace('"x"', "'x'")
    assert dict(again.live_by_node) == {"write": 1}


def test_the_recorded_state_still_folds_to_the_final_one_after_an_edit(
    home: Path, source: Recording
) -> None:
    with ScriptedModel([echo] * 9):
        again = replay(source, "state.log=[edited]", from_node="write")
    final = at_fork(home, again.result.run_id, "after")
    assert final["log"] == ["edited"]
    assert final["report"] == again.result.output.removesuffix(".")


def test_a_fork_in_a_loop_is_at_the_first_visit(home: Path) -> None:
    with ScriptedModel(counted()) as model:
        source = first_run(home, LOOP, model=model.name)
    assert len(ending_of(source).output) == 3
    with ScriptedModel([echo] * 9) as model:
        again = replay(source, "nodes.review.prompt=Weigh {{ draft }}", from_node="review")
        asked = [request.messages[-1]["content"] for request in model.requests]
    assert dict(again.live_by_node) == {"review": 3}
    assert asked == ["Weigh 0<Draft 1>", "Weigh 2<Draft 2>", "Weigh 4<Draft 3>"]


def test_conditions_that_were_changed_count_from_the_fork_on(home: Path) -> None:
    with ScriptedModel(counted()) as model:
        source = first_run(home, LOOP, model=model.name)
    again = replay(source, "edges.2.when=visits.review < 2", from_node="review")
    assert len(again.result.output) == 2
    assert verdict_of(again) == (
        "diverged", "Diverged at LLM call 5 in `write`: it was not made any more.",
    )  # fmt: skip
    text = LOOP.replace("START, to: write}", "START, to: write, when: 1 < 2}")
    with ScriptedModel(counted()) as model:
        source = first_run(home, text, model=model.name)
    again = replay(source, "edges.0.when=2 < 1", from_node="review")
    assert verdict_of(again)[0] == "exact", again.result.error_message


@pytest.mark.parametrize(
    ("texts", "node", "told"),
    [
        ([], "wrte", "--from wrte: no node `wrte`; did you mean `write`?"),
        (
            ["state.rport=x"], "write",
            "--set state.rport: no state key `rport`; did you mean `report`?",
        ),
        (["state.n=many"], "write", "--set state.n must be number: "),
        (["state.n=7"], None, "--set state.n: say from which node on, with --from NODE."),
    ],
)  # fmt: skip
def test_a_fork_that_cannot_be_is_refused_in_a_sentence(
    source: Recording, texts: list[str], node: str | None, told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        replay(source, *texts, from_node=node)
    assert caught.value.message.startswith(told)
    assert "\n" not in caught.value.message


def test_a_fork_where_the_run_never_came_is_refused(home: Path) -> None:
    text = LOOP.replace("nodes:", "nodes:\n  never: {kind: llm, prompt: Never.}").replace(
        "edges:", "edges:\n  - {from: START, to: never, when: 1 > 2}\n  - {from: never, to: END}"
    )
    with ScriptedModel(counted()) as model:
        source = first_run(home, text, model=model.name)
    with pytest.raises(UsageError) as caught:
        replay(source, from_node="never")
    assert caught.value.message == (
        "--from never: the run never came to it; it ran: review, write."
    )


def test_an_edit_of_what_was_said_before_the_fork_is_refused(source: Recording) -> None:
    [name] = [n for n, call in enumerate(source.llm_calls, 1) if call.node_path == "name[1]"]
    for path in (f"llm_calls.{name}.answer", f"llm_calls.{name}.messages.0"):
        again = replay(source, f"{path}=Other.", from_node="write")
        assert again.result.error_type == "ReplayDiverged"
        assert again.result.error_message == (
            f"--set {path}: this comes in `name`, before `write`; fork there, with --from name, "
            "or leave out --from."
        )
        assert dict(again.live_by_node) == {}
