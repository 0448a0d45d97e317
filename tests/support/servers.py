"""Starts the real server and studio on a home, on free ports, and sees to it that nothing stays."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import UUID

import httpx2
from tests.support.repository import REPOSITORY
from tests.support.spare_workers import server_command

from secondtake.backend.client.client import Client
from secondtake.backend.client.owner import owner_path
from secondtake.backend.errors import NotFoundError

DOCUMENTS: Final = REPOSITORY / "data" / "documents"
READY_TIMEOUT_S: Final = 40.0
END_TIMEOUT_S: Final = 15.0
POLL_S: Final = 0.02

_NEVER: Final = ("VIRTUAL_ENV",)


def environment_of(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a program that works on this home and on no other."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SECONDTAKE_")}
    return kept | {
        "SECONDTAKE_HOME": str(home),
        "SECONDTAKE_SIM_LATENCY": "off",
        "SECONDTAKE_FILES_ROOT": str(DOCUMENTS),
        **more,
    }


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float) -> float:
    """Wait until `condition` holds; return the seconds that it took.

    Raises:
        AssertionError: it did not in time; says `what`.
    """
    begun = time.monotonic()
    while not condition():
        took_s = time.monotonic() - begun
        assert took_s < timeout_s, f"{what}: not within {timeout_s:.0f} s"
        time.sleep(POLL_S)
    return time.monotonic() - begun


def answers(url: str) -> bool:
    """Tell whether there is a good answer at an address."""
    try:
        return httpx2.get(url, timeout=2, trust_env=False).is_success
    except httpx2.HTTPError:
        return False


def wait_for_run(client: Client, run_id: UUID) -> None:
    """Wait until a server knows a run that has just begun."""

    def knows() -> bool:
        try:
            return client.resolve_run(str(run_id)) == run_id
        except NotFoundError:
            return False

    wait_until(knows, what=f"the run {run_id}", timeout_s=READY_TIMEOUT_S)


def listens(port: int) -> bool:
    """Tell whether anybody accepts connections at a port."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def processes_of(home: Path) -> dict[int, str]:
    """Return the processes that work on a home, by id with their command (Linux only)."""
    mark = f"SECONDTAKE_HOME={home}".encode()
    found: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in environment and command and int(entry.name) != os.getpid():
            found[int(entry.name)] = command
    return found


def resident_mb(pid: int) -> float:
    """Return the memory that a process has in use, in megabytes (Linux only)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has ended")


class Program:
    """A program of ours that serves until it is told to end."""

    def __init__(self, name: str, words: list[str], environment: Mapping[str, str], log: Path):
        self.name = name
        self._words = words
        self._environment = {k: v for k, v in environment.items() if k not in _NEVER}
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """True from `start` until it has ended, however that was."""
        return self._process is not None and self._process.poll() is None

    def start(self, url: str) -> float:
        """Start it, and wait until there is an answer at `url`; return the seconds that took."""
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._words,
                cwd=self.log.parent,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_for(url)
        except BaseException:
            self.kill()
            raise
        return time.monotonic() - begun

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Tell it to end, and wait; return the seconds that took."""
        if self._process is None:
            return 0.0
        begun = time.monotonic()
        self._process.send_signal(number)
        try:
            self._process.wait(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.name} did not end within {END_TIMEOUT_S:.0f} s:\n{self.said()}"
            ) from None
        self._process = None
        return time.monotonic() - begun

    def kill(self) -> None:
        """End it and all that it started, at once."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()
            self._process = None

    def kill_alone(self) -> None:
        """End it at once as a crash does; what it started is left."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def said(self) -> str:
        """Return what it wrote."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _wait_for(self, url: str) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        assert self._process is not None
        while not answers(url):
            ended = self._process.poll()
            assert ended is None, f"{self.name} ended with {ended}:\n{self.said()}"
            assert time.monotonic() < deadline, f"{self.name} is not ready:\n{self.said()}"
            time.sleep(POLL_S)


class Stack:
    """Server and studio on one home, each a program of its own that a test can end and start."""

    def __init__(self, home: Path, *, spare_worker: bool = True, **environment: str) -> None:
        self.home = home
        self.api_port, self.studio_port = free_port(), free_port()
        logs = home.parent / "logs"
        logs.mkdir(exist_ok=True, parents=True)
        home.mkdir(exist_ok=True, parents=True)
        around = environment_of(home, **environment)
        server = (
            [sys.executable, "-m", "secondtake.backend.api"] if spare_worker else server_command()
        )
        self.server = Program(
            "the server",
            [*server, "--port", str(self.api_port)],
            around,
            logs / "server.log",
        )
        studio = [sys.executable, "-m", "secondtake.studio", "--port", str(self.studio_port)]
        self.studio = Program(
            "the studio", [*studio, "--server-url", self.api_url], around, logs / "studio.log"
        )

    @property
    def api_url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def url(self) -> str:
        """Address of the studio."""
        return f"http://127.0.0.1:{self.studio_port}"

    def start_server(self) -> float:
        """Start the server; return the seconds until it answered."""
        return self.server.start(f"{self.api_url}/health")

    def start_studio(self) -> float:
        """Start the studio; return the seconds until it answered."""
        return self.studio.start(f"{self.url}/_stcore/health")

    def __enter__(self) -> Self:
        with ThreadPoolExecutor(1) as beside:  # each takes some seconds to load its libraries
            studio = beside.submit(self.start_studio)
            try:
                self.start_server()
                studio.result()
            except BaseException:
                wait([studio])
                self.studio.kill()
                self.server.kill()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.studio.stop()
        finally:
            self.server.stop()
        if error is None:
            self.assert_nothing_is_left()

    def assert_nothing_is_left(self) -> None:
        """Fail when a process, a port or the server's note is still there."""
        assert_nothing_is_left(self.home, self.api_port, self.studio_port)


class Up:
    """`secondtake up` on one home: one program that starts and ends all others."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.api_port, self.studio_port = free_port(), free_port()
        logs = home.parent / "logs"
        logs.mkdir(exist_ok=True, parents=True)
        home.mkdir(exist_ok=True, parents=True)
        words = ["--port", str(self.api_port), "--studio-port", str(self.studio_port)]
        self.program = Program(
            "secondtake up",
            [str(Path(sys.executable).with_name("secondtake")), "up", "--no-browser", *words],
            environment_of(home, **environment),
            logs / "up.log",
        )
        self.server_ready_s = 0.0
        self.studio_ready_s = 0.0

    @property
    def api_url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def url(self) -> str:
        """Address of the studio."""
        return f"http://127.0.0.1:{self.studio_port}"

    def __enter__(self) -> Self:
        begun = time.monotonic()
        self.program.start(f"{self.api_url}/health")
        self.server_ready_s = time.monotonic() - begun
        studio = f"{self.url}/_stcore/health"
        try:
            wait_until(lambda: answers(studio), what=f"{studio} answers", timeout_s=READY_TIMEOUT_S)
        except BaseException:
            self.program.kill()
            raise
        self.studio_ready_s = time.monotonic() - begun
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.program.stop(signal.SIGINT)
        if error is None:
            assert_nothing_is_left(self.home, self.api_port, self.studio_port)


def assert_nothing_is_left(home: Path, *ports: int) -> None:
    """Fail when a process of a home, a listener at a port or the server's note is still there."""
    assert processes_of(home) == {}
    assert [port for port in ports if listens(port)] == []
    assert not owner_path(home).exists()
