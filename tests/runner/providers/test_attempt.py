"""What one request becomes, for providers whose wire we know, do not know, and do not have."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.cassettes import read_cassette
from tests.support.journal import recorded
from tests.support.loopback import Loopback, stream_answer

from secondtake.backend.prices.snapshot import ensure_snapshot
from secondtake.runner.calls import LlmRequest
from secondtake.runner.providers.completion import complete
from secondtake.runner.providers.retry import CallPolicy
from secondtake.runner.run import start_run

# LiteLLM's own streams read attributes that pydantic is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")

REQUEST = LlmRequest(model="sim/strong", messages=[{"role": "user", "content": "What is 3 * 4?"}])
STREAM = replace(REQUEST, model="openai/gpt-4o-mini", stream=True)


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
            "choices": [choice], **more}  # fmt: skip


def ask(request: LlmRequest, *events: Any, **options: Any) -> Any:
    with Loopback([stream_answer(events, **options)]) as server:
        policy = CallPolicy(api_base=f"{server.url}/v1", api_key="k", retries=0)
        return complete(request, policy=policy)


@pytest.mark.parametrize("stream", [False, True])
def test_a_simulated_model_is_flagged_and_has_a_simulated_price(home: Path, stream: bool) -> None:
    ensure_snapshot(home)
    with start_run("test"):
        response = complete(replace(REQUEST, stream=stream))

    assert response.simulated
    assert (response.time_to_first_token_ms is not None) is stream
    (row,) = recorded(home, "llm_call")
    assert row["simulated"] is True
    assert float(row["cost_usd"]) > 0
    assert row["input_tokens"] == row["uncached_input_tokens"] > 0


def test_usage_in_the_chunk_of_the_last_words_is_taken() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    response = ask(STREAM, chunk({"content": "Hel"}), chunk({"content": "lo"}, "stop", usage=usage))
    assert response.message["content"] == "Hello"
    assert response.usage == usage
    assert (response.tokens.input_tokens, response.tokens.output_tokens) == (10, 2)


def test_usage_that_litellm_counts_itself_is_not_recorded() -> None:
    response = ask(STREAM, chunk({"content": "Hello"}), chunk({}, "stop"))
    assert response.usage is None
    assert response.tokens.input_tokens is None
    assert response.tokens.output_tokens is None


def test_a_refusal_in_a_stream_is_kept() -> None:
    response = ask(
        STREAM, chunk({"refusal": "I can"}), chunk({"refusal": "not."}), chunk({}, "stop")
    )
    assert response.message["refusal"] == "I cannot."
    assert response.message["content"] is None


def test_events_that_are_cut_anywhere_are_read_whole() -> None:
    response = ask(STREAM, chunk({"content": "Grüße, 世界"}), chunk({}, "stop"), chunk_size=1)
    assert response.message["content"] == "Grüße, 世界"
    assert response.finish_reason == "stop"


def test_a_provider_of_unknown_convention_keeps_its_usage_and_the_totals(
    home: Path, shared_data: Path
) -> None:
    (path,) = (shared_data / "wire").rglob("test_tool_choice_matrix[[]auto-groq].yaml")
    exchange = read_cassette(path)[0]
    ensure_snapshot(home)
    with Loopback.of_exchanges([exchange]) as server, start_run("test"):
        policy = CallPolicy(api_base=server.url, api_key="k", retries=0)
        complete(replace(REQUEST, model=f"groq/{exchange.request['model']}"), policy=policy)

    (row,) = recorded(home, "llm_call")
    assert (row["input_tokens"], row["output_tokens"]) == (717, 29)
    assert row["usage"]["completion_tokens"] == 29
    assert "uncached_input_tokens" not in row
    assert "cost_usd" not in row


def test_usage_that_was_not_heard_on_the_wire_says_so(home: Path, shared_data: Path) -> None:
    (path,) = (shared_data / "wire").rglob("test_tool_choice_matrix[[]auto-google].yaml")
    exchange = read_cassette(path)[0]
    with Loopback.of_exchanges([exchange]) as server:
        policy = CallPolicy(api_base=server.url, api_key="k", retries=0)
        response = complete(replace(REQUEST, model="gemini/gemini-2.5-flash"), policy=policy)

    assert response.tokens.note == "usage as LiteLLM words it, not as the provider did"
    assert response.tokens.input_tokens == 49
    assert response.tokens.uncached_input_tokens is None


def test_importing_the_way_to_ask_loads_neither_litellm_nor_httpx() -> None:
    program = (
        "import sys\n"
        "import secondtake.runner.providers.completion\n"
        "import secondtake.runner.pricing\n"
        "assert not {'litellm', 'httpx', 'openai', 'langgraph'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_loading_litellm_asks_nobody() -> None:
    """No connection is made by the import, nor by a call of a simulated model."""
    program = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('a connection')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from secondtake.runner.calls import LlmRequest\n"
        "from secondtake.runner.providers.completion import complete\n"
        "request = LlmRequest(model='sim/fast', messages=[{'role': 'user', 'content': 'Hi'}])\n"
        "assert complete(request).message['content']\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "")
