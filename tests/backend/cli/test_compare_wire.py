"""One prompt, one tool, eight APIs as they were recorded: `secondtake compare` plays them all.

The whole way is real: the command in a process of its own, LiteLLM's adapters, HTTP. Where the
APIs are is told by the environment, as a user does it behind a gateway.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.cassettes import read_cassette
from tests.support.loopback import Loopback

PROGRAM = [sys.executable, "-m", "secondtake.backend.cli.main"]
TOOLS = '''\
def get_weather(city: str) -> str:
    """Get the current weather for a city."""
    return f"Sunny, 22C in {city}"
'''
WORKFLOW = """\
name: weather
state: {answer: {type: string}}
nodes:
  ask:
    kind: agent
    prompt: What's the weather in Paris?
    tools: ["weather_tools:get_weather"]
    output: answer
edges: [{from: START, to: ask}, {from: ask, to: END}]
output: answer
"""


@dataclass(frozen=True)
class Api:
    """One of the eight."""

    model: str
    variable: str
    """Of the environment: where LiteLLM finds it."""
    base: str
    """What follows the address of the server there."""
    key: str | None
    """Of the environment: where LiteLLM finds its key."""
    tokens: tuple[int, int]
    """In and out, of both answers together, as the recording has them."""
    is_priced: bool = False


SONNET = "claude-sonnet-4-5"
LLAMA = "groq/meta-llama/llama-4-scout-17b-16e-instruct"
BEDROCK = f"bedrock/converse/us.anthropic.{SONNET}-20250929-v1:0"
COHERE = "cohere_chat/command-r7b-12-2024"
RESPONSES = "openai/responses/gpt-5-mini"
# LiteLLM reads MISTRAL_API_BASE for other things only.
MISTRAL = ("mistral/mistral-large-latest", "MISTRAL_AZURE_API_BASE")
APIS = {
    "openai": Api(
        "openai/gpt-5-mini", "OPENAI_BASE_URL", "/v1", "OPENAI_API_KEY", (299, 194), True
    ),
    "openai_responses": Api(RESPONSES, "OPENAI_BASE_URL", "/v1", None, (199, 98)),
    "anthropic": Api(
        f"anthropic/{SONNET}", "ANTHROPIC_API_BASE", "", "ANTHROPIC_API_KEY", (1218, 84), True
    ),
    "groq": Api(LLAMA, "GROQ_API_BASE", "/openai/v1", "GROQ_API_KEY", (1491, 44)),
    "mistral": Api(*MISTRAL, "/v1", "MISTRAL_API_KEY", (177, 41)),
    "cohere": Api(COHERE, "COHERE_API_BASE", "/v2/chat", "COHERE_API_KEY", (2974, 90)),
    "google": Api("gemini/gemini-2.5-flash", "GEMINI_API_BASE", "", "GEMINI_API_KEY", (137, 78)),
    "bedrock": Api(BEDROCK, "AWS_BEDROCK_RUNTIME_ENDPOINT", "", None, (1218, 84)),
}
AWS = {
    "AWS_ACCESS_KEY_ID": "k",
    "AWS_SECRET_ACCESS_KEY": "k",
    "AWS_REGION_NAME": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture
def servers(shared_data: Path) -> Iterator[dict[str, Loopback]]:
    """Yield a server for each place of `APIS`, named by its variable."""
    folder = shared_data / "wire" / "pydantic-ai" / "test_tool_choice_matrix"
    recorded: dict[str, list[Any]] = {}
    for name, api in APIS.items():
        exchanges = read_cassette(folder / f"test_tool_choice_matrix[auto-{name}].yaml")
        recorded.setdefault(api.variable, []).extend(exchanges)
    with ExitStack() as stack:
        yield {
            # OpenAI's two APIs are one server with two paths.
            variable: stack.enter_context(
                Loopback.of_exchanges(
                    exchanges, order="path" if variable == "OPENAI_BASE_URL" else "sequence"
                )
            )
            for variable, exchanges in recorded.items()
        }


@pytest.fixture
def compared(home: Path, servers: dict[str, Loopback]) -> Any:
    """What `secondtake compare` printed as JSON."""
    assert not home.exists()
    Path("weather_tools.py").write_text(TOOLS, encoding="utf-8")
    Path("weather.yaml").write_text(WORKFLOW, encoding="utf-8")
    Path("secondtake.toml").write_text('[trusted]\nmodules = ["weather_tools"]\n', encoding="utf-8")
    places = {api.variable: servers[api.variable].url + api.base for api in APIS.values()}
    keys = {api.key: "k" for api in APIS.values() if api.key}
    # Who is asked elsewhere than at the servers of this test meets a closed door.
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    models = ",".join(api.model for api in APIS.values())
    done = subprocess.run(
        [*PROGRAM, "compare", "weather.yaml", "--models", models, "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **AWS, **places, **keys, **nowhere},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_all_eight_apis_play(compared: Any, servers: dict[str, Loopback]) -> None:
    rows = {row["model"]: row for row in compared["models"]}
    (case,) = compared["cases"]
    cells = {cell["model"]: cell for cell in case["cells"]}
    for name, api in APIS.items():
        row, (answer,) = rows[api.model], cells[api.model]["answers"]
        assert (row["ok"], row["failed"]) == (1, 0), name
        assert "22" in answer["text"], name
        tokens = row["tokens"]
        assert (tokens["input_tokens"], tokens["output_tokens"]) == api.tokens, name
        # Unknown is not 0: usage that LiteLLM worded itself has no buckets to be priced.
        spending = row["spending"]
        assert (spending["per_run_usd"] is not None) == api.is_priced, name
        assert spending["unpriced_calls"] == (0 if api.is_priced else 2), name
    for variable, server in servers.items():
        assert server.unused == 0, variable
        assert any(b"Sunny, 22C in Paris" in request.body for request in server.requests), variable
