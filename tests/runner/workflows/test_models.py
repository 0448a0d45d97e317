"""Nodes that ask a model: free text, structured answers, tool loops, budgets, fallbacks."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.runner.workflows.conftest import parse
from tests.runner.workflows.models import AGENT, run, tool_texts
from tests.support.journal import recorded

from secondtake.runner.errors import UsageError
from secondtake.runner.providers.scripted import (
    ScriptedAnswer,
    ScriptedError,
    ScriptedModel,
    ScriptedRequest,
    rate_limit,
    tool_call,
)
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_prompt, run_workflow

Steps = Callable[[str], str]


EXTRACT = """\
name: extract
inputs: {text: {type: string, default: two apples}}
state:
  n: {type: integer}
  rest: {type: object}
nodes:
  read:
    kind: llm
    system: You count in {{ text | length }} characters.
    prompt: "Count: {{ text }}"
    schema:
      type: object
      properties: {count: {type: integer}, fruit: {type: string}}
      required: [count]
    output: {n: count}
edges: [{from: START, to: read}, {from: read, to: END}]
output: n
"""


def test_a_structured_answer_becomes_state(home: Path) -> None:
    model = ScriptedModel([{"count": 2, "fruit": "apple"}])
    result = run(EXTRACT, model)
    assert (result.status, result.output) == ("ok", 2), result.error_message
    (request,) = model.requests
    assert list(request.messages) == [
        {"role": "system", "content": "You count in 10 characters."},
        {"role": "user", "content": "Count: two apples"},
    ]
    assert request.parameters["response_format"]["json_schema"]["name"] == "read"


def test_an_answer_that_does_not_fit_goes_back_to_the_model_once(home: Path) -> None:
    model = ScriptedModel(['{"count": "two"}', '```json\n{"count": 2}\n```'])
    assert run(EXTRACT, model).output == 2
    messages = model.requests[1].messages
    assert messages[2]["content"] == '{"count": "two"}'
    assert "$.count: 'two' is not of type 'integer'" in messages[3]["content"]
    assert len(recorded(home, "llm_call")) == 2


def test_a_second_answer_that_does_not_fit_fails_the_node(home: Path) -> None:
    model = ScriptedModel(["two", "still two", "never asked"])
    result = run(EXTRACT, model)
    assert (result.status, result.error_type) == ("error", "NodeError")
    assert "after one repair attempt: the answer is not JSON" in (result.error_message or "")
    assert model.remaining == 1


def test_repair_can_be_switched_off(home: Path) -> None:
    model = ScriptedModel(["two", "never asked"])
    result = run(EXTRACT, model, None, "nodes.read.repair=false")
    assert result.status == "error"
    assert model.remaining == 1


def test_an_answer_cut_off_at_the_token_limit_says_so(home: Path) -> None:
    cut = ScriptedAnswer(text='{"count": ', finish_reason="length")
    result = run(EXTRACT, ScriptedModel([cut, cut]))
    assert "raise parameters.max_tokens" in (result.error_message or "")


def test_a_prompt_without_tools_is_one_call_and_no_template(home: Path) -> None:
    with ScriptedModel(["hello"]) as model:
        result = run_prompt(
            "Say {{ hello }}", settings=load_settings(), model=model.name, system="{% if %}",
            tags={"a": "b"},
        )  # fmt: skip
    assert result.output == "hello"
    assert list(model.requests[0].messages) == [
        {"role": "system", "content": "{% if %}"},
        {"role": "user", "content": "Say {{ hello }}"},
    ]
    (started,) = recorded(home, "run_started")
    assert started["tags"] == {"a": "b"}
    assert started["name"] == "prompt"


def test_a_wrong_tool_or_an_empty_prompt_is_refused_before_there_is_a_run(home: Path) -> None:
    settings = load_settings()
    with pytest.raises(UsageError, match="no tool `calculater`; did you mean `calculator`"):
        run_prompt("x", settings=settings, tools=["calculater"])
    with pytest.raises(UsageError, match="empty"):
        run_prompt("  ", settings=settings)
    with pytest.raises(UsageError, match="not trusted"):
        run_prompt("x", settings=settings, tools=["os:system"])


def test_own_tools_of_a_trusted_module_can_be_named(home: Path, steps: Steps) -> None:
    module = steps('def twice(n: int) -> int:\n    """Double."""\n    return 2 * n')
    with ScriptedModel([tool_call("twice", n=4), "8"]) as model:
        result = run_prompt(
            "go", settings=load_settings(), model=model.name, tools=[f"{module}:twice"]
        )
    assert result.output == "8"
    assert tool_texts(model.requests[1]) == ["8"]


TWO = """\
name: two
model: scripted/first
parameters: {temperature: 0.5, seed: 1}
state: {a: {type: string}, b: {type: string}}
nodes:
  one: {kind: llm, prompt: x, output: a}
  two: {kind: llm, prompt: "{{ a }}", output: b, model: scripted/second, parameters: {temperature: 0}}
edges: [{from: START, to: one}, {from: one, to: two}, {from: two, to: END}]
"""


def test_a_node_has_its_own_model_and_parameters_over_those_of_the_workflow(home: Path) -> None:
    settings = load_settings()
    with (
        ScriptedModel(["a"], name="first") as first,
        ScriptedModel(["b", "b"], name="second") as second,
        ScriptedModel(["c"], name="third") as third,
    ):
        run_workflow(parse(TWO, settings), {}, settings=settings)
        run_workflow(parse(TWO, settings), {}, settings=settings, model="scripted/third")
    rows = {row["model"]: row["parameters"] for row in recorded(home, "llm_call")}
    assert rows["scripted/first"] == {"temperature": 0.5, "seed": 1}
    assert rows["scripted/second"] == {"temperature": 0, "seed": 1}
    assert len(first.requests) == 1
    assert len(third.requests) == 1
    assert len(second.requests) == 2


def test_failures_are_retried_and_then_the_fallback_is_asked(home: Path) -> None:
    text = AGENT.replace(
        "max_steps: 3",
        "max_steps: 3\n    retry: {attempts: 2, backoff_s: 0.01}\n    "
        "fallback_models: [scripted/spare]",
    )
    busy = ScriptedModel([rate_limit(), ScriptedError(status=503)])
    with ScriptedModel(["spare answer"], name="spare"):
        result = run(text, busy)
    assert result.output == "spare answer", result.error_message
    rows = recorded(home, "llm_call")
    assert [row.get("http_status") for row in rows] == [429, 503, None]
    assert [row["model"] for row in rows] == ["scripted/model"] * 2 + ["scripted/spare"]


def test_a_model_that_refuses_ends_the_run_with_its_error(home: Path) -> None:
    result = run(AGENT, ScriptedModel([ScriptedError(status=401, message="bad key")]))
    assert result.status == "error"
    assert "bad key" in (result.error_message or "")


FAN = """\
name: fan
inputs: {items: {type: "list[string]"}}
state:
  notes: {type: "list[string]", reducer: append}
  report: {type: string}
concurrency: 1
nodes:
  look: {kind: llm, prompt: "{{ item }}", output: notes}
  write: {kind: llm, prompt: "{{ notes }}", output: report}
edges:
  - {from: START, to: look, each: items, as: item}
  - {from: look, to: write}
  - {from: write, to: END}
output: [notes, report]
"""


def echo(request: ScriptedRequest) -> str:
    return f"note {request.messages[-1]['content']}"


def test_a_budget_ends_the_run_and_keeps_what_was_done(home: Path) -> None:
    result = run(FAN, ScriptedModel([echo] * 9), {"items": list("abcd")}, "limits.calls=2")
    assert result.status == "budget_exceeded"
    assert "limits.calls" in (result.error_message or "")
    assert result.output == {"notes": ["note a", "note b"], "report": None}
    assert len(recorded(home, "llm_call")) == 2
    (finished,) = recorded(home, "run_finished")
    assert finished["output"] == {"notes": ["note a", "note b"], "report": None}
    changes = [row["value"] for row in recorded(home, "memory") if row["operation"] == "append"]
    assert changes == [["note a"], ["note b"]]


def test_a_run_may_use_its_limits_up_exactly(home: Path) -> None:
    result = run(FAN, ScriptedModel([echo] * 9), {"items": ["a", "b"]}, "limits.calls=3")
    assert result.status == "ok", result.error_message


def test_a_cancelled_run_ends_inside_a_slow_model_call(home: Path) -> None:
    released = threading.Event()

    def slow(request: ScriptedRequest) -> str:
        released.wait(20)
        return "late"

    def cancel_soon(recorder: Any) -> None:
        threading.Timer(0.3, recorder.request_stop, ("cancelled", "the user asked")).start()

    settings = load_settings()
    started_s = time.monotonic()
    with ScriptedModel([slow]) as model:
        result = run_workflow(
            parse(AGENT, settings), {}, settings=settings, model=model.name, on_start=cancel_soon
        )
    assert time.monotonic() - started_s < 15
    assert result.status == "cancelled"
    assert result.duration_ms < 3000
    (row,) = recorded(home, "llm_call")
    assert row["error_type"] == "RunCancelled"
    released.set()


def test_the_resolved_configuration_is_recorded(home: Path) -> None:
    run(AGENT, ScriptedModel(["x"]), None, "nodes.work.max_steps=7")
    (started,) = recorded(home, "run_started")
    config = started["config"]
    assert config["definition"]["nodes"]["work"]["max_steps"] == 7
    assert config["source"] == dedent(AGENT)
    assert config["overrides"] == {"model": "scripted/model", "nodes.work.max_steps": 7}
    assert config["model"] == "scripted/model"
    assert started["workflow"] == "agent"
    assert len(started["workflow_hash"]) == 32
