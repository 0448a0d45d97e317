"""The tool `python_sandbox`: Python in a process that can do nothing but compute.

On Linux the kernel keeps it in: see `sandbox_child`. Elsewhere it needs Docker, with an image that
is already there. Where neither can be had the tool refuses; it never executes code without limits.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from secondtake.runner.errors import ToolError
from secondtake.runner.tools import sandbox_child
from secondtake.runner.tools.processes import execute_bounded

TIMEOUT_S: Final = 15.0
CPU_S: Final = 10
MEMORY_BYTES: Final = 512 * 1024 * 1024
MAX_CODE: Final = 100_000
IMAGE: Final = "python:3-slim"
_REFUSED: Final = "REFUSED "


def python_sandbox(code: Annotated[str, Field(max_length=MAX_CODE)]) -> dict[str, Any]:
    """Execute Python without files or network; returns what was printed and the last value.

    Args:
        code: A program. Only the standard library is there; print what is to be seen.
    """
    task = {"code": code, "cpu_s": CPU_S, "memory_bytes": MEMORY_BYTES}
    result = _execute([sys.executable, "-I", "-S", str(Path(sandbox_child.__file__))], task)
    if result["exit_code"] != sandbox_child.REFUSED or _REFUSED not in result["errors"]:
        return result
    reason = result["errors"].partition(_REFUSED)[2].strip()
    if shutil.which("docker") is None:
        raise ToolError(f"Code cannot be kept in here: {reason}, and there is no Docker.")
    return _execute(docker_command(), {"code": code})


def docker_command() -> list[str]:
    """Return how Docker keeps a program in: no network, nothing to write to, little of all."""
    limits = ["--network=none", "--read-only", "--cap-drop=ALL", "--pids-limit=32",
              f"--memory={MEMORY_BYTES}", "--cpus=1", "--security-opt=no-new-privileges",
              "--user=65534:65534", "--pull=never"]  # fmt: skip
    program = "import json,sys; exec(compile(json.load(sys.stdin)['code'], '<code>', 'exec'))"
    return ["docker", "run", "--rm", "-i", *limits, IMAGE, "python", "-I", "-c", program]


def _execute(command: list[str], task: dict[str, Any]) -> dict[str, Any]:
    ended = execute_bounded(
        command,
        cwd=Path("/"),
        environment={"PATH": os.environ.get("PATH", os.defpath)},
        timeout_s=TIMEOUT_S,
        given=json.dumps(task).encode("ascii"),
    )
    told: dict[str, Any] = {
        "output": ended.output, "errors": ended.errors, "exit_code": ended.exit_code
    }  # fmt: skip
    if ended.stopped is not None:
        told["stopped"] = ended.stopped
    elif ended.exit_code in (-signal.SIGXCPU, -signal.SIGKILL):
        told["stopped"] = f"it took more than {CPU_S} s of a processor"
    return told
