"""The API server alone, as a process of a test's home."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import httpx2
from tests.support.servers import free_port, processes_of, wait_until
from tests.support.spare_workers import server_command

from secondtake.backend.client.owner import find_server

TIMEOUT_S: Final = 60.0


class Serving:
    """A server that answers as long as the block lasts."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.clean()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.clean()

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, again if need be, and wait until it answers."""
        with (self.home.parent / "server.txt").open("ab") as log:
            self._process = subprocess.Popen(
                server_command("--port", str(self.port)),
                env=os.environ | {"SECONDTAKE_HOME": str(self.home)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, what="the server's answer", timeout_s=TIMEOUT_S)

    def get(self, path: str) -> httpx2.Response:
        """Ask it."""
        return httpx2.get(self.url + path, timeout=30, trust_env=False)

    def kill(self) -> None:
        """Kill the server alone, as kill -9 does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(TIMEOUT_S)

    def end(self) -> int:
        """End it in good order and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(TIMEOUT_S)

    def clean(self) -> None:
        """Kill whatever works on the home."""
        for pid in processes_of(self.home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.kill()
            self._process.wait(TIMEOUT_S)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.home.parent / "server.txt").read_text()
        return find_server(self.home) == self.url
