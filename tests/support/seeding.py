"""Fills a home with runs of every sort, for tests that look at them."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from tests.support.repository import REPOSITORY
from tests.support.servers import environment_of

from secondtake.backend.local import LocalBackend
from secondtake.backend.models.runs import RunQuery
from secondtake.backend.services.imports import import_runs
from secondtake.runner.journal import close_all
from secondtake.runner.settings import load_settings

CHILD: Final = Path(__file__).with_name("seeding_child.py")
WORKFLOWS: Final = REPOSITORY / "data" / "workflows"
TAU_BENCH: Final = "trajectories/tau-bench"
FORK: Final = "trajectories/tau-bench-fork"


def backend_of(home: Path) -> LocalBackend:
    """Return the services of a home that no server holds."""
    return LocalBackend(load_settings({"home": home}))


def import_tau_bench(home: Path, shared_data: Path, *, fork: bool = True) -> int:
    """Import the recorded runs of tau-bench, and of its fork; return how many there are."""
    folders = [TAU_BENCH, *([FORK] if fork else [])]
    files = [path for name in folders for path in sorted((shared_data / name).glob("*.json*"))]
    settings = load_settings({"home": home})
    return import_runs(backend_of(home), settings, "tau-bench", files).runs_imported


def run_ids(home: Path, query: RunQuery) -> list[UUID]:
    """Return the runs that fit, newest first, of a home that no server holds."""
    return [run.run_id for run in backend_of(home).list_runs(query).items]


def run_sample(home: Path, workflow: str, *words: str) -> UUID:
    """Execute a sample workflow on simulated models as a user would; return its run."""
    path = WORKFLOWS / f"{workflow}.yaml"
    command = [sys.executable, "-m", "secondtake.backend.cli.main", "run", str(path), *words]
    result = subprocess.run(
        [*command, "--tag", f"sample={workflow}", "--json"],
        cwd=home.parent,
        env=environment_of(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    close_all()
    return run_ids(home, RunQuery(tags={"sample": workflow}, limit=1))[0]


class LiveRun:
    """A run of another process that goes on: `step` adds to it, `end` and `fail` end it."""

    def __init__(self, home: Path, **environment: str) -> None:
        self._environment = environment_of(home, **environment)
        self._folder = home.parent
        self.run_id = UUID(int=0)
        self.steps = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD)],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.run_id = UUID(self._answer())
        return self

    def step(self) -> int:
        """Add a node with a model call and a tool call; return its number."""
        self._tell("step")
        assert self._answer() == "ok"
        self.steps += 1
        return self.steps

    def end(self) -> None:
        """Let the run end well."""
        self._tell("end")
        assert self._process.wait(timeout=20) == 0

    def fail(self) -> None:
        """Let the run end with an exception."""
        self._tell("fail")
        self._process.wait(timeout=20)

    def kill(self) -> None:
        """End the process at once, as a crash does."""
        self._process.kill()
        self._process.wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._process:
            if self._process.poll() is None:
                self._process.terminate()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
