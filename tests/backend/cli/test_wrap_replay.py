"""A program seen at the wire, replayed without the program: its tools are not executed again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.backend.cli.test_wrap import OPENAI_AGENT, cassette, wrapped
from tests.support.loopback import Loopback

from secondtake.backend.cli.main import main
from secondtake.runner.journal import close_all

CLI = (sys.executable, "-m", "secondtake.backend.cli.main")


def test_a_wrapped_agent_replays_exactly_and_its_file_is_written_once(
    shared_data: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("agent.py").write_text(OPENAI_AGENT, encoding="utf-8")
    exchanges = cassette(shared_data, "test_chat_completion_tool_calls_with_content")
    with Loopback.of_exchanges(exchanges) as api:
        run_id = wrapped(api, sys.executable, "agent.py", "How is the weather?").run_id
    written = Path("weather.txt").read_text()

    result = CliRunner().invoke(
        main, ["replay", run_id, "--llm", "recorded", "--tools", "recorded"]
    )
    close_all()
    assert result.exit_code == 0, result.output
    assert "exact · All 4 calls were answered by the recording" in result.stdout
    assert Path("weather.txt").read_text() == written

    with Loopback.of_exchanges(exchanges[1:]) as api:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{api.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        edit = "llm_calls.2.messages.0=Say it in one word."
        result = CliRunner().invoke(main, ["replay", run_id, "--set", edit, "--json"])
    close_all()
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["live_calls"], found["recorded_calls"]) == (1, 3)
    assert Path("weather.txt").read_text() == written


def test_a_wrapped_program_is_executed_again_as_it_was_and_asked_otherwise(
    shared_data: Path, home: Path
) -> None:
    Path("agent.py").write_text(OPENAI_AGENT, encoding="utf-8")
    exchanges = cassette(shared_data, "test_chat_completion_tool_calls_with_content")
    command = [sys.executable, "agent.py", "How is the weather?"]
    with Loopback.of_exchanges(exchanges) as api:
        run_id = wrapped(api, *command).run_id

    def replay(url: str, *changes: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": url}
        argv = [*CLI, "replay", run_id, *changes, "--", *command]
        return subprocess.run(
            argv, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    again = replay("http://[::1]:9")
    assert again.returncode == 0, again.stderr
    assert "exact · All 2 calls were answered by the recording" in again.stdout
    assert Path("weather.txt").read_text().count("\n") == 4  # the program's tools are its own

    with Loopback.of_exchanges(exchanges[1:]) as api:
        edit = "llm_calls.2.messages.0=In one word."
        changed = replay(f"{api.url}/v1", "--set", edit)
        (sent,) = api.requests
    assert changed.returncode == 0, changed.stderr
    assert sent.json["messages"][0]["content"] == "In one word."
    assert "from LLM call 2 on: its messages changed" in changed.stdout
    assert "1 call executed" in changed.stdout

    refused = CliRunner().invoke(
        main, ["replay", run_id, "--set", "llm_calls.9.messages.0=x", "--", *command]
    )
    assert refused.exit_code == 2
    assert "no LLM call 9; the run has 2" in refused.output
    assert Path("weather.txt").read_text().count("\n") == 6  # the refused one was not started
