"""The tools that start a process: what they may do, and what ends them."""

import os
import sys
import time
from pathlib import Path

import pytest

from secondtake.runner.errors import ToolError
from secondtake.runner.tools import sandbox, sandbox_child, shell
from secondtake.runner.tools.processes import execute_bounded
from secondtake.runner.tools.sandbox import docker_command, python_sandbox
from secondtake.runner.tools.shell import Shell

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux keeps code in")


def python(code: str) -> str:
    return f'{Path(sys.executable).name} -c "{code}"'


@pytest.fixture
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.defpath]))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    return Shell(tmp_path, ["echo hello", Path(sys.executable).name])


def test_an_allowed_program_works_in_the_folder_of_the_files(
    allowed: Shell, tmp_path: Path
) -> None:
    assert allowed.shell("echo hello 'a  b' $HOME; ls | cat > x") == {
        "output": "hello a  b $HOME; ls | cat > x\n", "errors": "", "exit_code": 0
    }  # fmt: skip
    assert os.listdir(tmp_path) == []
    assert allowed.shell(python("import os; print(os.getcwd())"))["output"] == f"{tmp_path}\n"
    assert allowed.shell(python("raise SystemExit(3)"))["exit_code"] == 3


def test_no_key_of_the_environment_reaches_a_program(allowed: Shell) -> None:
    assert "sk-planted" not in allowed.shell(python("import os; print(dict(os.environ))"))["output"]


@pytest.mark.parametrize(
    "command", ["ls", "echo", "echo other", "/bin/echo hello", "ech", "", "'", "echohello"]
)
def test_whatever_is_not_allowed_is_refused(allowed: Shell, command: str) -> None:
    with pytest.raises(ToolError):
        allowed.shell(command)


def test_without_a_setting_nothing_is_executed(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r'\[tools\] shell_commands = \["git log"\]'):
        Shell(tmp_path, []).shell("echo hello")


def test_a_program_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="There is no program 'no-such-program'"):
        Shell(tmp_path, ["no-such-program"]).shell("no-such-program")


def test_a_program_that_does_not_end_is_ended_with_what_it_started(
    allowed: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shell, "TIMEOUT_S", 0.5)
    child = "import subprocess, sys; subprocess.Popen(['sleep', '60']); print('begun', flush=True)"
    ended = allowed.shell(python(f"{child}; import time; time.sleep(60)"))
    assert (ended["output"], ended["stopped"]) == ("begun\n", "it took longer than 0 s")
    begun = time.monotonic()
    left = allowed.shell(python(child))
    assert left["output"] == "begun\n"
    assert time.monotonic() - begun < 30, "it waited for what the program left running"


def test_too_much_output_ends_it(tmp_path: Path) -> None:
    code = "while True: print('x' * 1000)"
    ended = execute_bounded(
        [sys.executable, "-c", code], cwd=tmp_path, environment={}, timeout_s=60
    )
    assert (len(ended.output), ended.stopped) == (50_000, "it printed more than 50,000 bytes")


@LINUX
def test_code_computes_and_shows_its_last_value() -> None:
    assert python_sandbox("import math\nprint('hi')\nmath.comb(6, 3)") == {
        "output": "hi\n20\n", "errors": "", "exit_code": 0
    }  # fmt: skip
    failed = python_sandbox("1 / 0")
    assert failed["exit_code"] == 1
    assert failed["errors"].endswith("ZeroDivisionError: division by zero\n")


FORBIDDEN = [
    "open('/etc/passwd').read()",
    "open({file!r}).read()",
    "open({file!r}, 'w')",
    "import os; os.unlink({file!r})",
    "import os; os.truncate({file!r}, 0)",
    "import os; os.chmod({file!r}, 0)",
    "import os; os.utime({file!r})",
    "import os; os.rename({file!r}, '/tmp/x')",
    "import os; os.link({file!r}, '/tmp/x')",
    "import os; os.listdir('/')",
    "import os; os.listdir('/proc/self')",
    "import socket; socket.socket()",
    "import socket; socket.socketpair()",
    "import os; os.fork()",
    "import os; os.execv('/bin/sh', ['sh'])",
    "import os; os.posix_spawn('/bin/sh', ['sh'], {{}})",
    "import subprocess; subprocess.run(['true'])",
    "import os; os.kill(1, 0)",
    "import ctypes; assert ctypes.CDLL(None).system(b'true') == 0",
    "import ctypes; assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0",
    "import resource; resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))",
    "import threading; threading.Thread(target=print).start()",
]


@LINUX
@pytest.mark.parametrize("code", FORBIDDEN)
def test_code_reaches_no_file_no_network_and_no_process(code: str, tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("secret")
    before = file.stat()
    ended = python_sandbox(code.format(file=str(file)))
    assert ended["exit_code"] == 1, ended
    assert "secret\n" not in ended["output"]
    assert file.read_text() == "secret"
    assert (file.stat().st_mode, file.stat().st_mtime) == (before.st_mode, before.st_mtime)


@LINUX
def test_the_standard_library_is_there_and_nothing_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    modules = "import csv, datetime, decimal, json, random, re, sqlite3, statistics, zoneinfo"
    ended = python_sandbox(f"{modules}\nimport os\nprint(zoneinfo.ZoneInfo('UTC'), os.environ)")
    assert ended["exit_code"] == 0, ended
    assert "sk-planted" not in ended["output"]


@LINUX
def test_memory_time_and_output_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "MemoryError" in python_sandbox("x = 'a' * 10**10")["errors"]
    assert "printed more" in python_sandbox("while True: print('x' * 1000)")["stopped"]
    monkeypatch.setattr(sandbox, "CPU_S", 1)
    assert "more than 1 s of a processor" in python_sandbox("while True: pass")["stopped"]
    monkeypatch.setattr(sandbox, "TIMEOUT_S", 0.5)
    assert "longer than" in python_sandbox("import time; time.sleep(60)")["stopped"]


def test_a_system_that_cannot_keep_it_in_executes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child = tmp_path / "child.py"
    source = Path(sandbox_child.__file__).read_text(encoding="utf-8")
    assert source.count("if machine not in ARCHITECTURES:") == 1
    child.write_text(source.replace("if machine not in ARCHITECTURES:", "if machine:"))
    monkeypatch.setattr(sandbox_child, "__file__", str(child))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="cannot be kept in here: there is no list of system calls"):
        python_sandbox("print('executed')")


def test_docker_is_given_no_network_and_nothing_to_write_to() -> None:
    command = docker_command()
    assert {"--network=none", "--read-only", "--cap-drop=ALL", "--pull=never"} <= set(command)
