"""A workflow with a tool loop runs on recorded answers of OpenAI and Anthropic."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import uuid4

import pytest
from tests.support.cassettes import read_cassette
from tests.support.journal import recorded
from tests.support.loopback import Loopback

from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.load import parse_workflow

MATRIX = "wire/pydantic-ai/test_tool_choice_matrix/test_tool_choice_matrix[auto-{}].yaml"
CHAIN = "wire/llm/tests/cassettes/test_tools/test_tool_use_chain_of_two_calls.yaml"
THINKING = "wire/pydantic-ai/test_anthropic/test_anthropic_tool_with_thinking.yaml"
PARALLEL = "wire/pydantic-ai/test_anthropic/test_multiple_parallel_tool_calls.yaml"
STREAMED = "wire/pydantic-ai/test_openai/test_run_stream_sync_streams_real_model.yaml"

TOOLS = '''
def get_weather(city: str) -> str:
    """Say what the weather is."""
    return "Sunny, 22C in " + city

def get_capital(country: str) -> str:
    """Return the capital of a country."""
    return "London"

def lookup_population(country: str) -> int:
    """Return the population of a country."""
    return 123124

def can_have_dragons(population: int) -> bool:
    """Return whether a population may have dragons."""
    return population > 10000

def get_user_country() -> str:
    """Return the country of the user."""
    return "Mexico"

def retrieve_entity_info(name: str) -> str:
    """Return what is known of a person."""
    return name + " is known"
'''
WORKFLOW = """\
name: loop
state: {{answer: {{type: string}}}}
nodes:
  work:
    kind: agent
    prompt: Use the tools.
    tools: [{tools}]
    max_steps: 6
    output: answer
edges: [{{from: START, to: work}}, {{from: work, to: END}}]
output: answer
"""


@pytest.fixture
def tools(home: Path, tmp_path: Path) -> str:
    """A trusted module of tools; its name is new in each test."""
    name = f"tools_{uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(dedent(TOOLS), encoding="utf-8")
    (tmp_path / "secondtake.toml").write_text(f'[trusted]\nmodules = ["{name}"]\n')
    return name


@pytest.fixture
def expected(shared_data: Path) -> Callable[[str], list[Mapping[str, Any]]]:
    document = json.loads((shared_data / "EXPECTED.json").read_text(encoding="utf-8"))
    return lambda name: document["cassettes"][name]


@pytest.mark.parametrize(
    ("cassette", "provider", "functions"),
    [
        (MATRIX.format("openai"), "openai", ["get_weather"]),
        (MATRIX.format("anthropic"), "anthropic", ["get_weather"]),
        (CHAIN, "openai", ["lookup_population", "can_have_dragons"]),
        (THINKING, "anthropic", ["get_user_country"]),
        (PARALLEL, "anthropic", ["retrieve_entity_info"]),
    ],
)
def test_a_tool_loop_runs_on_recorded_answers(
    cassette: str,
    provider: str,
    functions: list[str],
    tools: str,
    home: Path,
    shared_data: Path,
    expected: Callable[[str], list[Mapping[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchanges = read_cassette(shared_data / cassette)
    settings = load_settings()
    text = WORKFLOW.format(tools=", ".join(f"{tools}:{name}" for name in functions))
    workflow = parse_workflow(text, name="loop.yaml", settings=settings)
    with Loopback.of_exchanges(exchanges) as server:
        monkeypatch.setenv("OPENAI_API_BASE", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setenv("ANTHROPIC_API_BASE", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
        model = f"{provider}/{exchanges[0].request['model']}"
        result = run_workflow(workflow, {}, settings=settings, model=model)
        assert server.unused == 0

    assert (result.status, result.error_message) == ("ok", None)
    wanted = expected(cassette)
    assert len(result.output) == wanted[-1]["text_chars"]
    calls = recorded(home, "llm_call")
    assert [call["finish_reason"] for call in calls] == [item["finish"][0] for item in wanted]
    assert [call["output_tokens"] for call in calls] == [item["usage"]["output"] for item in wanted]
    asked = [name for item in wanted for name in item["tool_calls"]]
    ran = recorded(home, "tool_call")
    assert [call["tool"] for call in ran] == asked
    assert all("error_type" not in call for call in ran)


def test_a_tool_loop_runs_on_recorded_streams(
    tools: str,
    home: Path,
    shared_data: Path,
    expected: Callable[[str], list[Mapping[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchanges = read_cassette(shared_data / STREAMED)
    settings = load_settings()
    text = WORKFLOW.format(tools=f"{tools}:get_capital")
    workflow = parse_workflow(text, name="loop.yaml", settings=settings)
    with Loopback.of_exchanges(exchanges) as server:
        monkeypatch.setenv("OPENAI_API_BASE", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        result = run_workflow(
            workflow, {}, settings=settings, model="openai/gpt-4o-mini",
            overrides=("nodes.work.stream=true",),
        )  # fmt: skip

    wanted = expected(STREAMED)
    assert (result.status, result.error_message) == ("ok", None)
    assert len(result.output) == wanted[-1]["text_chars"]
    calls = recorded(home, "llm_call")
    assert [call["input_tokens"] for call in calls] == [item["usage"]["input"] for item in wanted]
    assert all(call["stream"] and call["time_to_first_token_ms"] > 0 for call in calls)
    sent = server.requests[1].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert sent[1]["tool_calls"] == exchanges[1].request["messages"][1]["tool_calls"]


def test_thinking_goes_back_to_anthropic_with_its_signature(
    tools: str, home: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchanges = read_cassette(shared_data / THINKING)
    settings = load_settings()
    text = WORKFLOW.format(tools=f"{tools}:get_user_country")
    workflow = parse_workflow(text, name="loop.yaml", settings=settings)
    with Loopback.of_exchanges(exchanges) as server:
        monkeypatch.setenv("ANTHROPIC_API_BASE", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
        run_workflow(
            workflow, {}, settings=settings, model="anthropic/claude-sonnet-4-0",
            overrides=('nodes.work.parameters={"thinking": {"type": "enabled", "budget_tokens": 1024}}',),
        )  # fmt: skip

    assistant = next(m for m in server.requests[1].json["messages"] if m["role"] == "assistant")
    answered = exchanges[1].request["messages"][1]["content"]
    was = next(part for part in answered if part["type"] == "thinking")
    now = next(part for part in assistant["content"] if part["type"] == "thinking")
    assert now["signature"] == was["signature"]
