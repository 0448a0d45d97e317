import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.journal import recorded

PROGRAM = """
import os, sys, time
from secondtake.runner import record
from secondtake.runner.errors import RunStopped
from secondtake.runner.limits import Limits
from secondtake.runner.run import start_run
from secondtake.runner.supervise import supervise

mode, seconds = sys.argv[1], float(sys.argv[2])

@record.tool
def block():
    print("blocking", flush=True)
    time.sleep(30)

@record.tool
def nap():
    print("blocking", flush=True)
    time.sleep(0.02)

def execute(on_start):
    limits = Limits(seconds=seconds or None)
    try:
        with start_run("slow", limits=limits, on_start=on_start) as run:
            with record.node("wait"):
                while True:
                    block() if mode == "blocking" else nap()
    except RunStopped:
        pass
    return run.result()

result = supervise(execute)
print(result.status, flush=True)
os._exit(0 if result.status == "ok" else 1)
"""


def start(mode: str, seconds: float = 0) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, mode, str(seconds)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("mode", ["blocking", "polite"])
def test_a_signal_ends_a_run_within_two_seconds(
    home: Path, mode: str, number: signal.Signals
) -> None:
    process = start(mode)
    assert process.stdout is not None
    assert process.stdout.readline() == "blocking\n"
    sent_s = time.monotonic()
    os.kill(process.pid, number)
    rest, _ = process.communicate(timeout=20)

    assert time.monotonic() - sent_s < 2
    assert rest.splitlines()[-1] == "cancelled"
    (finished,) = recorded(home, "run_finished")
    assert finished["status"] == "cancelled"
    assert number.name in finished["error_message"]
    assert recorded(home, "node_finished")[0]["error_type"] == "RunCancelled"
    if mode == "blocking":
        assert recorded(home, "tool_call")[0]["error_type"] == "RunCancelled"


def test_a_deadline_ends_a_run_inside_a_blocking_tool(home: Path) -> None:
    process = start("blocking", seconds=0.5)
    rest, _ = process.communicate(timeout=20)

    assert rest.splitlines()[-1] == "budget_exceeded"
    (finished,) = recorded(home, "run_finished")
    assert finished["status"] == "budget_exceeded"
    assert "raise limits.seconds" in finished["error_message"]
    assert 400 < finished["duration_ms"] < 4000
