"""`secondtake wrap` on unmodified programs, whose answers were recorded at the providers."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.cassettes import Exchange, read_cassette
from tests.support.loopback import Loopback, json_answer

from secondtake.backend.loader import load_pending
from secondtake.backend.store.connection import open_store

KEY = "sk-proj-wrapped0123456789ABCDEFGH"
OPENAI_AGENT = """
import sys
from openai import OpenAI

client = OpenAI()
TOOL = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
    },
}


def get_current_weather(arguments):
    with open("weather.txt", "a") as file:
        file.write(arguments + "\\n")
    return "50 degrees and raining"


messages = [{"role": "user", "content": sys.argv[1]}]
while True:
    answer = client.chat.completions.create(
        model="gpt-4o-mini", messages=messages, tools=[TOOL]
    )
    message = answer.choices[0].message
    messages.append(message)
    if not message.tool_calls:
        break
    for call in message.tool_calls:
        content = get_current_weather(call.function.arguments)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
print(message.content)
"""
BARE_AGENT = """
import json, os, sys, urllib.request

url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
messages = [{"role": "user", "content": sys.argv[1]}]
body = json.dumps({"model": "gpt-4o-mini", "messages": messages}).encode()
headers = {"content-type": "application/json"}
for _ in range(int(sys.argv[2])):
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        message = json.load(answer)["choices"][0]["message"]
print(message["content"])
"""
"""A program without an SDK, which starts at once."""
OPENAI_STREAM = """
from openai import OpenAI

stream = OpenAI().chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Go"}],
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
"""
ANTHROPIC_STREAM = """
import anthropic

with anthropic.Anthropic().messages.stream(
    model="claude-3-5-haiku-latest",
    max_tokens=200,
    messages=[{"role": "user", "content": "Go"}],
) as stream:
    message = stream.get_final_message()
print([block.type for block in message.content], message.stop_reason)
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a wrapped program came to."""

    code: int
    out: str
    err: str

    @property
    def run_id(self) -> str:
        found = re.search(r"secondtake: run (\S+)", self.err)
        assert found is not None, self.err
        return found[1]


def cassette(shared_data: Path, name: str) -> tuple[Exchange, ...]:
    (path,) = (shared_data / "wire").rglob(f"{name}.yaml")
    return read_cassette(path)


def start(
    api: Loopback, *command: str, options: Sequence[str] = (), **environment: str
) -> "subprocess.Popen[str]":
    program = [sys.executable, "-m", "secondtake.backend.cli.main", "wrap", *options, "--"]
    return subprocess.Popen(
        [*program, *command],
        env={
            **os.environ,
            "OPENAI_BASE_URL": f"{api.url}/v1",
            "ANTHROPIC_BASE_URL": api.url,
            "OPENAI_API_KEY": KEY,
            "ANTHROPIC_API_KEY": KEY,
            **environment,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(wrap: "subprocess.Popen[str]", given: str = "") -> Ran:
    out, err = wrap.communicate(given, timeout=60)
    return Ran(code=wrap.returncode, out=out, err=err)


def wrapped(api: Loopback, *command: str, **more: Any) -> Ran:
    return end(start(api, *command, **more))


def rows(home: Path, sql: str) -> list[dict[str, Any]]:
    """Return what the tables say when everything that was recorded is loaded."""
    con = open_store(home)
    try:
        assert load_pending(con, home).rejected == 0
        cursor = con.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        con.close()


def files_with(home: Path, text: str) -> list[Path]:
    return [
        path for path in home.rglob("*") if path.is_file() and text.encode() in path.read_bytes()
    ]


@pytest.fixture
def agent(home: Path, tmp_path: Path) -> Path:
    """The agent's file, beside an empty home."""
    path = tmp_path / "agent.py"
    path.write_text(OPENAI_AGENT, encoding="utf-8")
    return path


def test_an_agent_with_a_tool_is_recorded_unchanged(
    shared_data: Path, home: Path, agent: Path
) -> None:
    exchanges = cassette(shared_data, "test_chat_completion_tool_calls_with_content")
    prompt = f"How is the weather? My key is {KEY}"
    with Loopback.of_exchanges(exchanges) as api:
        ran = wrapped(api, sys.executable, str(agent), prompt, options=["--tag", "team=sky"])
        assert [sent.headers["authorization"] for sent in api.requests] == [f"Bearer {KEY}"] * 2
    said = json.loads(exchanges[1].body)["choices"][0]["message"]["content"]
    assert (ran.code, ran.out) == (0, said + "\n")
    assert ran.err.splitlines() == [
        f"secondtake: run {ran.run_id} (ok): 2 LLM calls, 2 tool calls",
        "secondtake: to run it again: secondtake replay last",
    ]
    assert Path("weather.txt").read_text().count("\n") == 2
    (run,) = rows(
        home,
        "SELECT name, source, status, replayable, tags, llm_call_count, tool_call_count, "
        "inputs, output, cost_usd FROM runs",
    )
    assert (run["name"], run["source"], run["status"]) == ("agent.py", "wrap", "ok")
    assert (run["replayable"], run["llm_call_count"], run["tool_call_count"]) == ("full", 2, 2)
    assert run["output"] in (said, json.dumps(said))
    assert float(run["cost_usd"]) > 0
    assert "How is the weather?" in str(run["inputs"])
    assert files_with(home, KEY) == []
    assert files_with(home, KEY[8:]) == []
    kept = json.loads((home / "wrapped" / f"{ran.run_id}.json").read_text())
    assert kept["argv"][1] == str(agent)
    assert kept["complete"] is False  # the key was in the command


def test_two_programs_at_once_are_two_runs(shared_data: Path, home: Path) -> None:
    exchanges = cassette(shared_data, "test_chat_completion_tool_calls_with_content")
    with Loopback.of_exchanges(exchanges) as one, Loopback.of_exchanges(exchanges) as two:
        first = start(one, sys.executable, "-c", BARE_AGENT, "one?", "2")
        second = start(two, sys.executable, "-c", BARE_AGENT, "two?", "2")
        ran = [end(first), end(second)]
    assert [each.code for each in ran] == [0, 0]
    found = rows(
        home,
        "SELECT r.run_id, any_value(CAST(r.inputs AS VARCHAR)) AS inputs, count(*) AS calls "
        "FROM runs r JOIN llm_calls c USING (run_id) GROUP BY ALL",
    )
    prompts = {str(row["run_id"]): (row["inputs"], row["calls"]) for row in found}
    assert prompts == {
        ran[0].run_id: ('{"prompt":"one?"}', 2),
        ran[1].run_id: ('{"prompt":"two?"}', 2),
    }


@pytest.mark.parametrize(
    ("code", "name", "said"),
    [
        (OPENAI_STREAM, "test_chat_tools_streaming", ""),
        (ANTHROPIC_STREAM, "test_anthropic_message_streaming_legacy", "['text'] end_turn\n"),
        (ANTHROPIC_STREAM, "test_anthropic_tools_streaming_legacy", "tool_use'] tool_use\n"),
    ],
)
def test_streams_of_stock_sdks_are_recorded(
    shared_data: Path, home: Path, code: str, name: str, said: str
) -> None:
    (exchange, *_) = cassette(shared_data, name)
    expected = json.loads((shared_data / "EXPECTED.json").read_text())["cassettes"]
    (known,) = (told for path, told in expected.items() if path.endswith(f"/{name}.yaml"))
    with Loopback.of_exchanges([exchange]) as api:
        ran = wrapped(api, sys.executable, "-W", "ignore", "-c", code)
    assert ran.code == 0, ran.err
    assert ran.out.endswith(said)
    (call,) = rows(home, "SELECT * FROM llm_calls")
    assert call["stream"] is True
    assert call["time_to_first_token_ms"] > 0
    assert call["served_model"] == known[0]["response_model"]
    assert call["finish_reason"] == known[0]["finish"][0]
    assert call["error_class"] is None


def test_a_raw_client_and_its_pipes_are_left_alone(home: Path) -> None:
    body = '{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
    script = f"cat; echo oops >&2; curl -s \"$OPENAI_BASE_URL/chat/completions\" -d '{body}'"
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}}
    answer = json_answer({"id": "x", "model": "m", "choices": [choice]})
    with Loopback([answer]) as api:
        ran = end(start(api, "sh", "-c", script), "from stdin\n")
    assert ran.out == "from stdin\n" + answer.body.decode()
    assert ran.err.startswith("oops\n")
    assert ran.code == 0
    assert [
        row["content"] for row in rows(home, "SELECT content FROM messages ORDER BY depth")
    ] == [
        "Hi",
        "Hello",
    ]


def test_a_program_that_asks_nobody_is_told_what_may_be_wrong(home: Path) -> None:
    with Loopback([]) as api:
        ran = wrapped(api, sys.executable, "-c", "raise SystemExit(4)")
    assert ran.code == 4
    assert "(error): 0 LLM calls" in ran.err
    assert "does it set an address of its own?" in ran.err


def test_a_program_that_is_not_there_is_one_sentence(home: Path) -> None:
    with Loopback([]) as api:
        ran = wrapped(api, "no-such-program")
        assert (ran.code, ran.err) == (
            127,
            (
                "error: no-such-program cannot be started: there is no such program; check the "
                "command after `--`.\n"
            ),
        )
        ran = wrapped(api, "true", options=["--upstream-openai", "nowhere"])
        assert ran.code == 2
        assert "write it as https://host/path" in ran.err


def test_content_off_keeps_no_text_and_no_command(home: Path) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "a-secret-answer"}}
    with Loopback([json_answer({"id": "x", "model": "m", "choices": [choice]})]) as api:
        command = (sys.executable, "-c", BARE_AGENT, "a-secret-question", "1")
        ran = wrapped(api, *command, SECONDTAKE_CONTENT="off")
    assert (ran.code, ran.out) == (0, "a-secret-answer\n")
    assert len(rows(home, "SELECT * FROM llm_calls")) == 1
    assert files_with(home, "a-secret") == []
    assert not (home / "wrapped").exists()
