"""A child process with bounded time and bounded output, for the tools that start one."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

MAX_OUTPUT_BYTES: Final = 50_000


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a process printed and how it ended."""

    output: str
    errors: str
    exit_code: int
    """Negative: the number of the signal that ended it."""
    stopped: str | None
    """Why it was ended from here; None when it ended by itself."""


def execute_bounded(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    timeout_s: float,
    given: bytes = b"",
) -> Ended:
    """Execute a command in a process group of its own, which is ended as a whole.

    Args:
        command: the program and its arguments; no shell reads them.
        cwd: where it works.
        environment: all that it is given.
        timeout_s: how long it may take.
        given: its standard input.

    Raises:
        OSError: it cannot be started.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        cwd=cwd,
        start_new_session=True,
    ) as child:
        printed, errors = _Output(child, child.stdout), _Output(child, child.stderr)
        in_time = _wait(child, given, timeout_s)
        _kill(child)  # what it left running would keep its outputs open
        printed.join()
        errors.join()
    stopped = None
    if printed.is_cut or errors.is_cut:
        stopped = f"it printed more than {MAX_OUTPUT_BYTES:,} bytes"
    elif not in_time:
        stopped = f"it took longer than {timeout_s:.0f} s"
    return Ended(
        output=printed.text, errors=errors.text, exit_code=child.returncode, stopped=stopped
    )


def _wait(child: "subprocess.Popen[bytes]", given: bytes, timeout_s: float) -> bool:
    assert child.stdin is not None
    # A child that ended before it read everything says itself why.
    with contextlib.suppress(BrokenPipeError), child.stdin as stdin:
        stdin.write(given)
    try:
        child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return True


class _Output(threading.Thread):
    """Reads what a child prints; ends the child when it prints too much."""

    def __init__(self, child: "subprocess.Popen[bytes]", stream: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        assert stream is not None
        self._child = child
        self._stream = stream
        self._data = b""
        self.is_cut = False
        self.start()

    def run(self) -> None:
        while piece := os.read(self._stream.fileno(), 65_536):
            self._data += piece
            if len(self._data) > MAX_OUTPUT_BYTES:
                self.is_cut = True
                _kill(self._child)
                return

    @property
    def text(self) -> str:
        return self._data[:MAX_OUTPUT_BYTES].decode("utf-8", errors="replace")


def _kill(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
