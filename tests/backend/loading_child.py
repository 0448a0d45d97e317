"""A program that loads a home, and can kill itself before any of its steps.

`loading_child.py HOME` says `open` and loads in batches of two segments.
`loading_child.py HOME COPIES` copies the home into the folder COPIES again and again and loads
copy number n with a process that is killed before its step number n (a statement, or the removal
or renaming of a file), until one needs fewer steps than that.
"""

import itertools
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, cast

from duckdb import DuckDBPyConnection

from secondtake.backend.loader import load_pending
from secondtake.backend.store.connection import open_store


class Steps:
    """Counts what happens from now on."""

    def __init__(self, last: int) -> None:
        self._left = last

    def step(self) -> None:
        """Do one more step, or die."""
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def audit(self, event: str, arguments: object) -> None:
        """Take a file operation as a step; see `sys.addaudithook`."""
        if event in ("os.remove", "os.rename"):
            self.step()


class SteppingConnection:
    """A connection of which each statement is a step."""

    def __init__(self, con: DuckDBPyConnection, steps: Steps) -> None:
        self._con = con
        self._steps = steps

    def execute(self, *arguments: Any) -> DuckDBPyConnection:
        """Count, then execute."""
        self._steps.step()
        return self._con.execute(*arguments)


def load(home: Path, *, last_step: int | None = None) -> None:
    """Load, or die."""
    con = open_store(home)
    os.write(1, b"open\n")
    if last_step is not None:
        steps = Steps(last_step)
        sys.addaudithook(steps.audit)
        con = cast(DuckDBPyConnection, SteppingConnection(con, steps))
    load_pending(con, home, batch_segments=2)


def load_copies(template: Path, copies: Path) -> None:
    """Kill a load before each of its steps, each in a copy of the home and a forked process."""
    for step in itertools.count():
        home = copies / str(step)
        shutil.copytree(template, home)
        pid = os.fork()
        if pid == 0:
            load(home, last_step=step)
            os._exit(0)
        if os.waitpid(pid, 0)[1] == 0:
            return


if __name__ == "__main__":
    if len(sys.argv) > 2:
        load_copies(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        load(Path(sys.argv[1]))
