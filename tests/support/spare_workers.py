"""Servers without a worker to spare: one starts when a run is asked for, not ahead of it.

A server that has nothing to do warms a worker, which takes seconds of processor time and 200 MB;
most tests never ask for a run. That workers are warmed ahead is tested in `tests/backend/workers`,
and by those who start `secondtake up`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

NEVER_S: Final = 3600.0
_SERVER: Final = f"""\
import runpy
from secondtake.backend.workers import pool
vars(pool)["FIRST_START_DELAY_S"] = {NEVER_S}
runpy.run_module("secondtake.backend.api", run_name="__main__", alter_sys=True)
"""


def server_command(*arguments: str) -> list[str]:
    """Return how to start the server alone, in a process of its own."""
    return [sys.executable, "-c", _SERVER, *arguments]


@contextmanager
def no_spare_worker() -> Iterator[None]:
    """Servers that start in this process within the block have none to spare."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secondtake.backend.workers.pool.FIRST_START_DELAY_S", NEVER_S)
        yield
