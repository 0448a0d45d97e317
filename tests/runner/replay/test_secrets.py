"""Secrets: gone from what is stored, and in nobody's way when calls are matched."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.journal import all_bytes
from tests.support.replaying import assert_exact, ending_of, event_of, first_run, replay

from secondtake.runner.journal import close_all
from secondtake.runner.providers.scripted import ScriptedModel, ScriptedRequest
from secondtake.runner.replay.recording import Recording

Steps = Callable[[str], str]

FIRST = "sk-aaaaBBBB1111ccccDDDD2222"
SECOND = "sk-zzzzYYYY9999xxxxWWWW8888"
FROM_TOOL = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"

CODE = f"""
def fetch(key: str) -> dict:
    '''Fetch.'''
    return {{"token": "{FROM_TOOL}", "text": "with {FROM_TOOL}"}}
def keep(found):
    return found["text"]
"""
WORKFLOW = """\
name: secrets
inputs: {key: {type: string, default: KEY}}
state: {found: {type: object}, kept: {type: string}, said: {type: string}}
nodes:
  fetch: {kind: tool, tool: "MODULE:fetch", arguments: {key: "{{ key }}"}, output: found}
  keep: {kind: python, function: "MODULE:keep", inputs: [found], output: kept}
  say: {kind: llm, prompt: "Use {{ key }} {{ kept }}", output: said}
edges:
  - {from: START, to: fetch}
  - {from: fetch, to: keep}
  - {from: keep, to: say}
  - {from: say, to: END}
output: said
"""


def echo(request: ScriptedRequest) -> str:
    return f"said {request.messages[-1]['content']}"


@pytest.fixture
def source(home: Path, steps: Steps) -> Recording:
    """A run with a secret in an input, a prompt, a tool's result, the state and an answer."""
    text = WORKFLOW.replace("MODULE", steps(CODE)).replace("KEY", FIRST)
    with ScriptedModel([echo]) as model:
        recording = first_run(home, text, model=model.name)
        assert FIRST in model.requests[0].messages[-1]["content"]
        assert FROM_TOOL in model.requests[0].messages[-1]["content"]
    return recording


def assert_clean(home: Path) -> None:
    close_all()
    stored = all_bytes(home)
    for secret in (FIRST, SECOND, FROM_TOOL):
        assert secret.encode() not in stored


def test_a_run_with_secrets_in_every_place_is_exact(home: Path, source: Recording) -> None:
    assert "<secret:" in ending_of(source).output
    for _ in range(3):
        assert_exact(replay(source), calls=2)
    assert_exact(replay(source, llm="recorded", tools="recorded"), calls=2)
    assert_exact(replay(source, from_node="say"), calls=2)
    assert_clean(home)


def test_the_secret_itself_given_again_matches_too(home: Path, source: Recording) -> None:
    assert_exact(replay(source, f"inputs.key={FIRST}"), calls=2)
    assert_clean(home)


@pytest.mark.parametrize(
    ("text", "from_node"),
    [
        (f"inputs.key={SECOND}", None),
        (f"state.kept=use {SECOND}", "say"),
        (f'tool_calls.1.result={{text: "{SECOND}"}}', None),
        (f"llm_calls.1.messages.0=Use {SECOND}", None),
        (f"llm_calls.1.answer=Here: {SECOND}", None),
        (f"nodes.say.prompt=Use {SECOND}", None),
        (f"tools.fetch.result={SECOND}", None),
        ("state.kept=password: tr0ub4dor&3xyz", "say"),
    ],
)
def test_a_secret_in_a_change_is_not_stored(
    home: Path, source: Recording, text: str, from_node: str | None
) -> None:
    with ScriptedModel([echo] * 3):
        again = replay(source, text, "tools.fetch.on_miss=live", from_node=from_node)
    assert again.result.recording_faults == 0
    told = str(event_of(home, again).overrides)
    assert "<secret:" in told
    assert "tr0ub4dor" not in told
    assert_clean(home)


def test_another_secret_is_another_request(source: Recording) -> None:
    with ScriptedModel([echo]):
        again = replay(source, f"inputs.key={SECOND}", "tools.fetch.on_miss=live")
    assert dict(again.live_by_node) == {"fetch": 1, "say": 1}
