"""The wrapped program as a process: name, environment, exit code, signals, the kept command."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.wrapping import of_kind, recorded_events

from secondtake.runner.errors import UsageError
from secondtake.runner.events import RunFinished, RunStarted
from secondtake.runner.redaction import Redactor
from secondtake.runner.settings import load_settings
from secondtake.runner.wrap.execute import Command, execute
from secondtake.runner.wrap.kept import keep_command, kept_path, read_command
from secondtake.runner.wrap.program import (
    ProgramFailed,
    environment_for,
    name_of,
    upstreams_of,
)

KEY = "sk-ant-0123456789abcdefghijk"


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["python", "agent.py"], "agent.py"),
        (["/usr/bin/python3.11", "-u", "src/agent.py", "--model", "x"], "agent.py"),
        (["python", "-m", "agents.run", "x"], "agents.run"),
        (["python", "-c", "print(1)", "a.txt"], "python"),
        (["node", "bot.mjs"], "bot.mjs"),
        (["uv", "run", "agent.py"], "agent.py"),
        (["env", "A=b.c", "python", "agent.py"], "agent.py"),
        (["./agent", "notes.txt"], "agent"),
        (["bash"], "bash"),
    ],
)
def test_a_run_is_called_after_the_file_of_its_program(argv: list[str], name: str) -> None:
    assert name_of(argv) == name


def test_the_real_apis_are_as_given_else_as_the_environment_says() -> None:
    environment = {"OPENAI_API_BASE": "https://old/v1", "ANTHROPIC_BASE_URL": "https://proxy"}
    found = upstreams_of(environment, {"anthropic": "https://given"})
    assert (found["openai"].url, found["anthropic"].url) == ("https://old/v1", "https://given")
    found = upstreams_of({}, {})
    assert found["openai"].url == "https://api.openai.com/v1"
    assert found["anthropic"].url == "https://api.anthropic.com"
    with pytest.raises(UsageError, match="write it as https://host/path"):
        upstreams_of({"OPENAI_BASE_URL": "localhost:1234"}, {})


def test_a_proxy_is_not_asked_for_the_endpoint() -> None:
    urls = {"openai": "http://127.0.0.1:1/t/openai/v1", "anthropic": "http://127.0.0.1:1/t/a"}
    given = {"HTTPS_PROXY": "http://proxy", "no_proxy": "intern"}
    found = environment_for(given, urls)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert found["NO_PROXY"] == found["no_proxy"] == "intern,127.0.0.1"
    assert found["OPENAI_BASE_URL"] == found["OPENAI_API_BASE"] == urls["openai"]
    assert found["ANTHROPIC_BASE_URL"] == urls["anthropic"]
    assert "NO_PROXY" not in environment_for({}, urls)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def run_python(home: Path, code: str) -> int:
    command = Command(argv=[sys.executable, "-c", code], name="it")
    return execute(command, load_settings({"home": home})).exit_code


def test_the_exit_code_is_the_programs(home: Path) -> None:
    assert run_python(home, "raise SystemExit(3)") == 3
    (start,) = of_kind(recorded_events(home), RunStarted)
    (end,) = of_kind(recorded_events(home), RunFinished)
    assert (start.source, start.name, start.inputs) == ("wrap", "it", None)
    assert (end.status, end.error_type) == ("error", "ProgramFailed")
    assert end.error_message == "it ended with exit code 3; its own output says why."
    assert end.extra == {"wrap": {"exit_code": 3}}


def test_a_program_that_was_killed_is_said_so(home: Path) -> None:
    assert run_python(home, "import os; os.kill(os.getpid(), 9)") == 128 + 9
    (end,) = of_kind(recorded_events(home), RunFinished)
    assert end.error_message == "it was ended by SIGKILL; its own output says why."


def test_a_program_that_cannot_be_started_leaves_no_run(home: Path) -> None:
    for argv, code in ((["no-such-program"], 127), ([str(home.parent)], 126)):
        with pytest.raises(ProgramFailed, match="cannot be started") as failure:
            execute(Command(argv=argv), load_settings({"home": home}))
        assert failure.value.exit_code == code
    assert not list((home / "journal").glob("*"))
    assert not (home / "wrapped").exists()
    assert not list((home / "control").iterdir())


WAITING = """
import signal, sys
def ended(number, frame):
    print("heard", number, flush=True)
    sys.exit(5)
signal.signal(int(sys.argv[1]), ended)
print("ready", flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_program(home: Path, number: signal.Signals) -> None:
    wrap = subprocess.Popen(
        [
            *(sys.executable, "-m", "secondtake.backend.cli.main", "wrap", "--"),
            *(sys.executable, "-c", WAITING, str(int(number))),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # no terminal that would send it to both
    )
    assert wrap.stdout is not None
    assert wrap.stdout.readline() == "ready\n"
    wrap.send_signal(number)
    out, err = wrap.communicate(timeout=30)
    assert (out, wrap.returncode) == (f"heard {int(number)}\n", 5)
    assert "(cancelled)" in err
    (end,) = of_kind(recorded_events(home), RunFinished)
    assert (end.status, end.error_message) == ("cancelled", f"ended by {number.name}")


def keep(home: Path, argv: list[str]) -> tuple[Path, object]:
    run_id = uuid4()
    keep_command(
        home,
        run_id,
        argv,
        cwd=home.parent,
        started_at=datetime(2026, 11, 21, tzinfo=UTC),
        redactor=Redactor(b"k" * 32, environ={}),
        upstreams={"openai": None, "anthropic": None},
    )
    return kept_path(home, run_id), read_command(home, run_id)


def test_a_command_is_kept_for_its_owner_alone(home: Path) -> None:
    path, command = keep(home, ["python", "agent.py"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert getattr(command, "argv", None) == ["python", "agent.py"]
    assert getattr(command, "complete", None) is True


def test_a_secret_in_a_command_is_not_kept(home: Path) -> None:
    path, command = keep(home, ["agent", "--api-key", KEY, KEY])
    assert KEY not in path.read_text()
    assert getattr(command, "complete", None) is False


def test_a_command_that_others_may_have_written_is_refused(home: Path) -> None:
    path, _ = keep(home, ["python", "agent.py"])
    run_id = path.stem
    from uuid import UUID

    path.chmod(0o620)
    with pytest.raises(UsageError, match="written by somebody else"):
        read_command(home, UUID(run_id))
    path.chmod(0o600)
    path.write_text('{"format": "secondtake.wrapped", "version": 1, "argv": "rm"}')
    with pytest.raises(UsageError, match="cannot be read"):
        read_command(home, UUID(run_id))
    os.unlink(path)
    with pytest.raises(UsageError, match="No command is kept"):
        read_command(home, UUID(run_id))
