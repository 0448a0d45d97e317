"""`secondtake up` as a process, for tests that end it, or kill it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import httpx2
from tests.support.servers import free_port, processes_of, wait_until

TIMEOUT_S: Final = 60.0
READY: Final = "Ctrl-C"


class Up:
    """One `secondtake up` of a home; whatever happens, nothing of it is left behind."""

    def __init__(self, home: Path, *words: str, port: int | None = None, ready: bool = True):
        """Start it, and with `ready` wait until it says so."""
        self.home = home
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = home.parent / f"up-{self.port}-{time.monotonic_ns()}.txt"
        command = [sys.executable, "-m", "secondtake.backend.cli.main", "up", "--no-browser"]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port), *words],
                env=os.environ | {"SECONDTAKE_HOME": str(home)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        if ready:
            try:
                self._wait_until_ready()
            except BaseException:
                self.clean()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.clean()

    @property
    def said(self) -> str:
        """Everything that it has printed."""
        return self.output.read_text()

    def get(self, path: str) -> httpx2.Response:
        """Ask its server."""
        return httpx2.get(self.url + path, timeout=10, trust_env=False)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT_S)

    def clean(self) -> None:
        """Kill what is left."""
        for pid in (self.process.pid, *processes_of(self.home)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(TIMEOUT_S)

    def _wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.said
            return READY in self.said

        wait_until(ready, what="`secondtake up` to be ready", timeout_s=TIMEOUT_S)


def wait_until_nobody(home: Path) -> None:
    """Wait until no process works on a home any more."""
    wait_until(lambda: not processes_of(home), what="all to have ended", timeout_s=TIMEOUT_S)
