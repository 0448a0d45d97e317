"""The wrapped program as a process: its name, its environment, its signals and its end."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from secondtake.runner.errors import SecondTakeError, UsageError
from secondtake.runner.wrap.dialects import (
    APIS,
    BASE_VARIABLES,
    DEFAULT_UPSTREAMS,
    Api,
    Upstream,
)

POLL_S: Final = 0.1
KILL_AFTER_S: Final = 3.0
"""How long a program that is told to end has before it is killed."""
NOT_FOUND_EXIT: Final = 127
NOT_EXECUTABLE_EXIT: Final = 126
SIGNALLED_EXIT: Final = 128
FORWARDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
"""What a terminal sends to everybody in the foreground, the program included."""
LAUNCHERS: Final = frozenset(
    {
        "bash", "bun", "bunx", "deno", "env", "go", "java", "node", "nodejs", "npm", "npx", "perl",
        "php", "pnpm", "poetry", "pypy", "python", "ruby", "sh", "tsx", "uv", "uvx", "yarn", "zsh",
    }
)  # fmt: skip
"""Programs that run another one, which is then the one to name."""
PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class ProgramFailed(SecondTakeError):
    """The wrapped program ended with an exit code other than 0."""


def name_of(argv: Sequence[str]) -> str:
    """Return what a person calls a command: the file name of its program.

    `python agent.py` is `agent.py`, `python -m agents.run` is `agents.run`.
    """
    name = Path(argv[0]).name
    if name.rstrip("0123456789.") not in LAUNCHERS:
        return name
    for position, argument in enumerate(argv[1:], start=1):
        if argument == "-m" and position + 1 < len(argv):
            return argv[position + 1]
        if argument == "-c":
            break
        if not argument.startswith("-") and Path(argument).suffix and "=" not in argument:
            return Path(argument).name
    return name


def upstreams_of(
    environment: Mapping[str, str], given: Mapping[Api, str | None]
) -> dict[Api, Upstream]:
    """Return where each API really is: as given, else as the environment says, else the default.

    Raises:
        UsageError: an address is none.
    """
    found: dict[Api, Upstream] = {}
    for api in APIS:
        named = next((environment[v] for v in BASE_VARIABLES[api] if environment.get(v)), None)
        url = given.get(api) or named or DEFAULT_UPSTREAMS[api]
        if not url.startswith(("http://", "https://")):
            raise UsageError(
                f"The address of the {api} API is {url!r}; write it as https://host/path."
            )
        found[api] = Upstream(api=api, url=url)
    return found


def environment_for(environment: Mapping[str, str], urls: Mapping[Api, str]) -> dict[str, str]:
    """Return the environment of the program: its own, pointed at the endpoint."""
    found = dict(environment)
    for api, url in urls.items():
        found |= dict.fromkeys(BASE_VARIABLES[api], url)
    proxies = (*PROXY_VARIABLES, *map(str.lower, PROXY_VARIABLES))
    if any(environment.get(name) for name in proxies):
        direct = environment.get("NO_PROXY") or environment.get("no_proxy")
        found["NO_PROXY"] = found["no_proxy"] = f"{direct},127.0.0.1" if direct else "127.0.0.1"
    return found


class Program:
    """A process with this one's terminal: stdin, stdout and stderr are its own."""

    def __init__(
        self, argv: Sequence[str], *, environment: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        self._argv, self._environment, self._cwd = list(argv), dict(environment), cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self.heard: signal.Signals | None = None
        """The first signal that asked it to end."""

    def run(
        self, *, shall_end: Callable[[], bool], on_start: Callable[[], None] = lambda: None
    ) -> int:
        """Run it to its end and return its exit code, 128 + n after signal n.

        It is told to end when `shall_end` says so, and killed when it does not heed that.

        Raises:
            ProgramFailed: there is no such program, or it cannot be executed.
        """
        with self._forwarding():
            self._process = process = self._start()
            if self.heard is not None:
                self._send(self.heard)
            on_start()
            threading.Thread(
                target=self._wait, args=(process,), name="secondtake-wrapped", daemon=True
            ).start()
            while not self._ended.wait(POLL_S):
                if shall_end():
                    self.end()
        code = process.returncode
        return code if code >= 0 else SIGNALLED_EXIT - code

    def _start(self) -> "subprocess.Popen[bytes]":
        name = self._argv[0]
        try:
            return subprocess.Popen(self._argv, env=self._environment, cwd=self._cwd)
        except FileNotFoundError:
            raise _cannot_start(name, "there is no such program", NOT_FOUND_EXIT) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise _cannot_start(name, reason, NOT_EXECUTABLE_EXIT) from None

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        self._ended.set()

    def end(self) -> None:
        """Tell it to end; kill it when it does not."""
        self._send(signal.SIGTERM)
        if not self._ended.wait(KILL_AFTER_S):
            self._send(signal.SIGKILL)
            self._ended.wait()

    @contextlib.contextmanager
    def _forwarding(self) -> Generator[None]:
        """Hand signals on to the program for a while; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._hear) for number in FORWARDED}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        heard = signal.Signals(number)
        self.heard = self.heard or heard
        if heard in FROM_TERMINAL and _is_in_foreground():
            return  # the terminal has sent it to the program too
        self._send(heard)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def _cannot_start(name: str, reason: str, exit_code: int) -> ProgramFailed:
    error = ProgramFailed(f"{name} cannot be started: {reason}; check the command after `--`.")
    error.exit_code = exit_code
    return error


def _is_in_foreground() -> bool:
    """Tell whether this process belongs to the foreground of a terminal."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
