"""Real programs seen at the wire, in each dialect, are held again from what was recorded there."""

from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from tests.support.cassettes import Exchange, read_cassette
from tests.support.loopback import Loopback, recorded
from tests.support.replaying import assert_exact, verdict_of
from tests.support.talking import altered
from tests.support.wrapping import Served, recorded_events, serving

from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.loop import replay_loop
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.workflow import Replayed
from secondtake.runner.settings import load_settings

DEADLINE_S = 20
PYDANTIC_AI_RESPONSES = "pydantic-ai/test_openai_responses"
LLM_RESPONSES = "llm/tests/cassettes/test_openai_responses"
REBUILT = [
    ("llm/tests/cassettes/test_tools/test_tool_use_chain_of_two_calls.yaml", 1, 2),
    ("pydantic-ai/test_openai/test_run_stream_sync_streams_real_model.yaml", 1, 1),
    ("pydantic-ai/test_anthropic/test_multiple_parallel_tool_calls.yaml", 1, 1),
    ("pydantic-ai/test_anthropic/test_anthropic_tool_with_thinking.yaml", 1, 1),
    (f"{PYDANTIC_AI_RESPONSES}/test_openai_responses_thinking_with_tool_calls.yaml", 1, 1),
    (f"{LLM_RESPONSES}/test_responses_interleaved_reasoning_between_tool_calls.yaml", 1, 3),
    (f"{LLM_RESPONSES}/test_responses_tool_use_streaming.yaml", 1, 1),
]
HANDED_OVER = (
    "openllmetry/openai-agents/tests/cassettes/test_openai_agents/"
    "test_agent_with_handoff_spans.yaml"
)


def played(home: Path, path: Path) -> Recording:
    """Send the recorded requests of a program through the endpoint and return what it recorded."""
    exchanges = [each for each in read_cassette(path) if each.method == "POST"]
    answers = [replace(recorded(each), path=None) for each in exchanges]
    with Loopback(answers) as api, serving(home, api.url) as (program,):
        for each in exchanges:
            response = httpx2.post(
                url_of(program, each), json=dict(each.request), timeout=DEADLINE_S
            )
            assert response.status_code == each.status
    return Recording.of(recorded_events(home))


def url_of(program: Served, exchange: Exchange) -> str:
    """Return where the wrapped program would send a request."""
    if exchange.path.endswith("/messages"):
        return f"{program.anthropic}/v1/messages"
    name = "responses" if exchange.path.endswith("/responses") else "chat/completions"
    return f"{program.openai}/{name}"


def loop(recording: Recording) -> Replayed:
    changes = read_changes((), recording, llm="recorded")
    return replay_loop(recording, changes, settings=load_settings())


@pytest.mark.parametrize(("name", "openings", "rebuilt"), REBUILT)
def test_a_conversation_seen_at_the_wire_is_rebuilt(
    home: Path, shared_data: Path, name: str, openings: int, rebuilt: int
) -> None:
    recording = played(home, shared_data / "wire" / name)
    replayed = loop(recording)

    assert_exact(replayed)
    told = replayed.extra["loop"]
    assert (told["openings"], told["rebuilt"]) == (openings, rebuilt)
    assert "unknown" not in told

    wrong = loop(altered(recording, recording.tool_calls[0], result="Something else."))
    assert verdict_of(wrong) == ("diverged", "Diverged at LLM call 2: its messages changed.")


def test_a_history_that_goes_on_under_another_system_message_is_said(
    home: Path, shared_data: Path
) -> None:
    replayed = loop(played(home, shared_data / "wire" / HANDED_OVER))

    verdict, reason = verdict_of(replayed)
    assert verdict == "same_output"
    assert "LLM call 2: message 2 that it was sent is no answer of a recorded call" in reason
