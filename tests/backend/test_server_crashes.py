"""A server beside many recorders: exact counts, answers meanwhile, and kill -9 of anything."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.support import recording_child
from tests.support.servers import processes_of, wait_until
from tests.support.serving import TIMEOUT_S, Serving

from secondtake.backend.client import Client
from secondtake.backend.models.runs import RunQuery
from secondtake.backend.models.system import SqlQuery

RECORDERS: Final = 8
RUNS_EACH: Final = 500
KILLS: Final = 10
RUNS_EACH_KILL: Final = 100
COUNTS: Final = (
    "SELECT count(*), count(DISTINCT run_id), count(*) FILTER (status = 'ok'), "
    "sum(node_count), sum(llm_call_count), sum(tool_call_count), sum(message_count) FROM runs"
)

pytestmark = pytest.mark.slow


def start_recorder(home: Path, runs: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, recording_child.__file__, str(runs)],
        env=os.environ | {"SECONDTAKE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
    )


def assert_all_is_there(url: str, runs: int) -> None:
    """Require every row of so many runs, once, and nothing rejected."""
    with Client(url) as client:
        loaded = client.load()
        assert (loaded.rejected, loaded.problems) == (0, [])
        [row] = client.run_sql(SqlQuery(text=COUNTS)).rows
        assert [int(number) for number in row] == [runs, runs, runs, runs, runs, runs, 2 * runs]
        assert client.list_runs(RunQuery(limit=1)).total_count == runs
        [[stored]] = client.run_sql(SqlQuery(text="SELECT count(*) FROM messages")).rows
        assert stored == 2 * runs


def test_a_server_answers_while_eight_processes_record(home: Path) -> None:
    with Serving(home) as server:
        recorders = [start_recorder(home, RUNS_EACH) for _ in range(RECORDERS)]
        answered = 0
        with Client(server.url) as client:
            while any(recorder.poll() is None for recorder in recorders):
                page = client.list_runs(RunQuery(limit=20))
                if page.items:
                    client.run_spans(str(page.items[0].run_id))
                assert client.health().status == "ok"
                answered += 1
        assert [recorder.returncode for recorder in recorders] == [0] * RECORDERS
        assert answered > 0
        assert_all_is_there(server.url, RECORDERS * RUNS_EACH)


def test_a_server_that_is_killed_again_and_again_loses_nothing(home: Path) -> None:
    moment = random.Random(8)
    with Serving(home) as server:
        recorders: list[subprocess.Popen[bytes]] = []
        for _ in range(KILLS):
            recorders += [start_recorder(home, RUNS_EACH_KILL) for _ in range(2)]
            time.sleep(moment.uniform(0.0, 0.8))  # any moment will do: that is what is tested
            server.kill()
            server.start()
        for recorder in recorders:
            assert recorder.wait(TIMEOUT_S) == 0
        assert_all_is_there(server.url, 2 * KILLS * RUNS_EACH_KILL)


def test_kill_9_of_a_worker_ends_its_run_with_the_reason(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECONDTAKE_SIM_LATENCY", "on")
    body = {"prompt": "Write twenty long paragraphs about heat pumps.", "user_id": "u"}
    with Serving(home) as server, Client(server.url) as client:
        accepted = httpx2.post(server.url + "/run", json=body, timeout=30, trust_env=False)
        run_id = accepted.json()["run_id"]
        begun = home / "control" / run_id
        wait_until(begun.exists, what="the run's beginning", timeout_s=TIMEOUT_S)
        for pid, command in processes_of(home).items():
            if "workers.worker" in command:
                os.kill(pid, signal.SIGKILL)

        def run_of() -> list[str]:
            return [run.status for run in client.list_runs(RunQuery()).items]

        wait_until(lambda: run_of() == ["error"], what="the run's end", timeout_s=TIMEOUT_S)
        summary = client.get_run(run_id).summary
        assert summary.error_type == "WorkerDied"
        assert "killed by signal 9 (SIGKILL)" in (summary.error_message or "")
        assert summary.user_id == "u"
        again = httpx2.post(
            f"{server.url}/run?wait_s=60", json={"prompt": "Hello"}, timeout=90, trust_env=False
        )
        assert again.json()["summary"]["status"] == "ok"
        assert server.end() == 0
        assert processes_of(home) == {}
