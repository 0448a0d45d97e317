"""A server as `secondtake up` starts it, in a process of its own, for tests of the backend."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.spare_workers import server_command

from secondtake.backend.client import Client, find_server
from secondtake.backend.client.owner import read_owner

READY_S: Final = 90.0
END_S: Final = 15.0
LOOK_S: Final = 0.02


class ApiProcess:
    """Starts a server of a home on a free port."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.log = home.with_name(f"{home.name}-server.log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                server_command("--port", "0", *arguments),
                env={**os.environ, "SECONDTAKE_HOME": str(home)},
                stdout=log,
                stderr=log,
            )

    def wait_ready(self) -> str:
        """Return the address at which this process answers."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            owner = read_owner(self.home)
            url = find_server(self.home)
            if url is not None and owner is not None and owner[0] == self.process.pid:
                return url
            assert self.process.poll() is None, self.output()
            time.sleep(LOOK_S)
        raise AssertionError(f"the server does not answer: {self.output()}")

    def output(self) -> str:
        """Return what it wrote to stdout and stderr."""
        return self.log.read_text(encoding="utf-8")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(END_S)


@contextmanager
def api_process(home: Path, *arguments: str) -> Iterator[tuple[Client, ApiProcess]]:
    """Yield a client of a server that ends with the block."""
    server = ApiProcess(home, *arguments)
    try:
        with Client(server.wait_ready()) as client:
            yield client, server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait(END_S)
