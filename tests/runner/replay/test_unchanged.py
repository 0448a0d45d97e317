"""A replay without a change is exact, whoever comes first in it."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.replaying import (
    SlowRecording,
    assert_exact,
    ending_of,
    first_run,
    recording_of,
    repeatedly,
    replay,
    verdict_of,
)
from tests.support.repository import REPOSITORY

from secondtake.runner.providers.scripted import (
    ScriptedModel,
    ScriptedRequest,
    rate_limit,
    tool_call,
)
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.load import find_workflow

Steps = Callable[[str], str]

TICKETS = REPOSITORY / "data" / "tickets"
SAMPLES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("research", {"topic": "heat pumps"}, {}),
    ("extraction", {}, {}),
    ("assistant", {}, {}),
    ("support", {"ticket": "invoice.txt"}, {"answers": {"approve": ["revise", "send"]}}),
    ("support", {"ticket": "heat-pump.txt"}, {"answers": {"approve": ["hand over"]}}),
    ("onboarding", {}, {}),
]
TURNS = 10

FAN_OUT = """\
name: fan
inputs: {documents: {type: "list[string]", default: [a, b, c, d, e]}}
state: {notes: {type: "list[string]", reducer: append}}
nodes:
  look: {kind: llm, prompt: Look it up., output: notes}
edges:
  - {from: START, to: look, each: documents, as: document}
  - {from: look, to: END}
output: notes
"""
LOOP = """\
name: loop
state: {draft: {type: string}, log: {type: "list[string]", reducer: append}}
nodes:
  write: {kind: llm, prompt: Write., output: draft, max_visits: 4}
  note: {kind: python, function: "MODULE:note", inputs: [draft], output: log}
edges:
  - {from: START, to: write}
  - {from: write, to: note}
  - {from: note, to: write, when: visits.write < 3}
  - {from: note, to: END, otherwise: true}
output: log
"""
NOTE = """
import random, time
def note(draft):
    time.sleep(random.random() / 200)
    return draft.upper()
"""

IMAGES = """\
name: image
inputs: {of: {type: string}}
state: {given: {type: object}, seen: {type: string}, said: {type: string}}
nodes:
  photograph: {kind: tool, tool: "MODULE:photograph", arguments: {of: "{{ of }}"}, output: given}
  look: {kind: python, function: "MODULE:look", inputs: [given], output: seen}
  say: {kind: llm, prompt: "Say {{ seen }}", output: said}
edges:
  - {from: START, to: photograph}
  - {from: photograph, to: look}
  - {from: look, to: say}
  - {from: say, to: END}
output: seen
"""


def later(text: str) -> Callable[[ScriptedRequest], str]:
    """Return an output that comes at a random time."""

    def answer(_: ScriptedRequest) -> str:
        time.sleep(random.random() / 100)
        return text

    return answer


@pytest.mark.parametrize(("name", "inputs", "more"), SAMPLES, ids=lambda value: str(value)[:30])
def test_each_sample_workflow_is_exact_however_often_it_is_replayed(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    inputs: dict[str, Any],
    more: dict[str, Any],
) -> None:
    monkeypatch.chdir(REPOSITORY)
    settings = load_settings({"sim_latency": False, "home": home})
    given = {k: (TICKETS / v).read_text() if k == "ticket" else v for k, v in inputs.items()}
    source = first_run(
        home, find_workflow(name, settings), given, settings=settings, model="sim/strong", **more
    )
    assert ending_of(source).status == "ok"
    calls = len(source.llm_calls) + len(source.tool_calls)

    def once(_: int) -> None:
        assert_exact(replay(SlowRecording(source.events), settings=settings), calls=calls)

    repeatedly(TURNS, once)
    assert_exact(replay(source, llm="recorded", tools="recorded", settings=settings), calls=calls)


def test_branches_that_ask_the_same_get_each_its_own_answer(home: Path) -> None:
    with ScriptedModel([later(f"answer {n}") for n in range(5)]) as model:
        source = first_run(home, FAN_OUT, model=model.name)
        assert len({call.request_hash for call in source.llm_calls}) == 1
        by_path = {
            call.node_path: source.response_of(call).message["content"] for call in source.llm_calls
        }
        assert len(set(by_path.values())) == 5

        def once(_: int) -> None:
            again = replay(SlowRecording(source.events))
            assert_exact(again, calls=5)
            new = recording_of(home, again.result.run_id)
            assert by_path == {
                call.node_path: new.response_of(call).message["content"] for call in new.llm_calls
            }

        repeatedly(TURNS, once)
        assert len(model.requests) == 5


def test_branches_that_were_even_sent_the_same_are_kept_apart(home: Path) -> None:
    with ScriptedModel([later(f"answer {n}") for n in range(4)]) as model:
        source = first_run(home, FAN_OUT, {"documents": ["same"] * 4}, model=model.name)
    output = ending_of(source).output
    assert len(set(output)) == 4

    def once(_: int) -> None:
        again = replay(SlowRecording(source.events))
        assert_exact(again, calls=4)
        assert again.result.output == output

    repeatedly(TURNS, once)


def test_parallel_calls_of_one_tool_with_the_same_arguments_get_each_its_own(
    home: Path, steps: Steps
) -> None:
    module = steps(
        """
        import itertools, random, time
        count = itertools.count()
        def draw() -> str:
            '''Draw a lot.'''
            time.sleep(random.random() / 100)
            return f"lot {next(count)}"
        """
    )
    agent = f"""\
        name: agent
        state: {{answer: {{type: string}}}}
        nodes:
          work: {{kind: agent, prompt: Draw., tools: ["{module}:draw"], output: answer}}
        edges: [{{from: START, to: work}}, {{from: work, to: END}}]
        output: answer
        """
    with ScriptedModel([[tool_call("draw") for _ in range(4)], "Done."]) as model:
        source = first_run(home, agent, model=model.name)
    drawn = {call.tool_call_id: call.result for call in source.tool_calls}
    assert len(set(drawn.values())) == 4

    def once(_: int) -> None:
        again = replay(SlowRecording(source.events))
        assert_exact(again, calls=6)
        new = recording_of(home, again.result.run_id)
        assert {call.tool_call_id: call.result for call in new.tool_calls} == drawn

    repeatedly(TURNS, once)


def test_each_visit_of_a_loop_gets_its_own_answer(home: Path, steps: Steps) -> None:
    text = LOOP.replace("MODULE", steps(NOTE))
    with ScriptedModel(["one", "two", "three"]) as model:
        source = first_run(home, text, model=model.name)
    assert ending_of(source).output == ["ONE", "TWO", "THREE"]
    assert_exact(replay(source), calls=3)
    assert replay(source).result.output == ["ONE", "TWO", "THREE"]


def test_nested_workflows_inside_a_fan_out_are_exact(
    home: Path, tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "workflows"
    folder.mkdir()
    inner = LOOP.replace("MODULE", steps(NOTE)).replace("name: loop", "name: inner")
    (folder / "inner.yaml").write_text(inner)
    monkeypatch.setenv("SECONDTAKE_WORKFLOWS_ROOT", str(folder))
    outer = """\
        name: outer
        inputs: {items: {type: "list[string]", default: [a, b, a]}}
        state: {logs: {type: "list[list[string]]", reducer: append}}
        nodes:
          go: {kind: workflow, workflow: inner, output: logs}
        edges: [{from: START, to: go, each: items, as: item}, {from: go, to: END}]
        output: logs
        """
    with ScriptedModel([later(f"draft {n}") for n in range(9)]) as model:
        source = first_run(home, outer, model=model.name)
    output = ending_of(source).output
    assert len({text for log in output for text in log}) == 9

    def once(_: int) -> None:
        again = replay(SlowRecording(source.events))
        assert_exact(again, calls=9)
        assert again.result.output == output

    repeatedly(TURNS, once)


def test_retries_and_fallback_models_come_again_without_a_wait(home: Path) -> None:
    text = """\
        name: retried
        state: {answer: {type: string}}
        nodes:
          ask:
            kind: llm
            prompt: Hello.
            retry: {attempts: 2, backoff_s: 0}
            fallback_models: [scripted/other]
            stream: true
            output: answer
        edges: [{from: START, to: ask}, {from: ask, to: END}]
        output: answer
        """
    failing = [rate_limit(retry_after_s=0.2), rate_limit(retry_after_s=0.2)]
    with (
        ScriptedModel(failing) as model,
        ScriptedModel([rate_limit(), "Hello back."], name="other"),
    ):
        source = first_run(home, text, model=model.name)
    assert [call.attempt for call in source.llm_calls] == [1, 2, 3, 4]
    assert [call.error_class for call in source.llm_calls] == ["rate_limit"] * 3 + [None]

    again = replay(source)  # nobody is registered who could be asked
    assert_exact(again, calls=4)
    new = recording_of(home, again.result.run_id)
    for before, after in zip(source.llm_calls, new.llm_calls, strict=True):
        for name in ("model", "attempt", "error_class", "http_status", "retry_after_s", "stream"):
            assert getattr(before, name) == getattr(after, name)
    assert (
        again.result.duration_ms < sum(call.retry_after_s or 0 for call in source.llm_calls) * 1000
    )


def test_a_replay_of_a_replay_is_exact_and_an_unknown_cost_stays_unknown(home: Path) -> None:
    with ScriptedModel(["one"]) as model:
        source = first_run(home, FAN_OUT, {"documents": ["a"]}, model=model.name)
    first = recording_of(home, replay(source).result.run_id)
    second = replay(first)
    assert_exact(second, calls=1)
    assert source.llm_calls[0].cost_usd is None
    assert second.result.totals.avoided_cost_usd is None


def test_values_that_json_has_not_come_back_as_the_program_saw_them(
    home: Path, steps: Steps
) -> None:
    module = steps(
        """
        from datetime import UTC, date, datetime
        def give(x: str) -> list:
            '''Give odd values.'''
            return [2 ** 70, float("inf"), b"raw", (1, 2), {1: date(2026, 1, 2), 2: datetime(2026, 1, 2, tzinfo=UTC)}]
        def look(given):
            return repr(given)
        """
    )
    text = f"""\
        name: odd
        state: {{given: {{type: any}}, seen: {{type: string}}}}
        nodes:
          give: {{kind: tool, tool: "{module}:give", arguments: {{x: a}}, output: given}}
          look: {{kind: python, function: "{module}:look", inputs: [given], output: seen}}
        edges: [{{from: START, to: give}}, {{from: give, to: look}}, {{from: look, to: END}}]
        output: seen
        """
    source = first_run(home, text)
    assert ending_of(source).status == "ok", ending_of(source).error_message
    assert_exact(replay(source))


def test_images_that_are_too_large_for_a_row_come_back_whole(home: Path, steps: Steps) -> None:
    module = steps(
        """
        import base64
        IMAGE = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 200).decode()
        def photograph(of: str) -> dict:
            "Take a picture."
            return {"image": IMAGE, "of": of[:9]}
        def look(given):
            return f"{len(given['image'])} {given['of']}"
        """
    )
    image = "data:image/png;base64," + "QUJD" * 20_000
    with ScriptedModel(["Seen."]) as model:
        text = IMAGES.replace("MODULE", module)
        source = first_run(home, text, {"of": image}, model=model.name)
    assert "$blob" in str(source.start.inputs)
    assert "$blob" in str(source.tool_calls[0].result)
    assert_exact(replay(source), calls=2)
    assert_exact(replay(source, from_node="say"), calls=2)


def test_a_run_that_used_up_a_limit_of_time_alone_does_not_stop_its_replay(home: Path) -> None:
    text = FAN_OUT.replace("name: fan", "name: fan\nlimits: {seconds: 1}")
    stop = threading.Event()
    with ScriptedModel(["one", lambda _: (stop.wait(3) and "") or "late"]) as model:
        source = first_run(home, text, {"documents": ["a", "b"]}, model=model.name)
    stop.set()
    assert ending_of(source).status == "budget_exceeded"
    with ScriptedModel(["two"]) as model:
        again = replay(source)
    assert again.result.status == "ok"
    assert dict(again.live_by_node) == {"look": 1}
    assert verdict_of(again) == (
        "diverged",
        "Diverged at LLM call 2 in `look`: the source was stopped before it was answered.",
    )
