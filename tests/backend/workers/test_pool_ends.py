"""How a pool begins and ends badly: workers that cannot start, a close, a server that is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.backend.workers.flows import settings_with_flows
from tests.support import pool_child
from tests.support.journal import recorded
from tests.support.servers import wait_until

from secondtake.backend.errors import BusyError, ServerFaultError
from secondtake.backend.models.executions import RunRequest
from secondtake.backend.workers import pool as pool_module
from secondtake.backend.workers.pool import WorkerPool
from secondtake.runner.settings import Settings

pytestmark = pytest.mark.slow

TIMEOUT_S = 60.0


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return settings_with_flows(tmp_path, sim_latency=True, workers=1)


def is_alive(pid: int) -> bool:
    try:
        return b") Z" not in Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return False


def test_workers_that_cannot_start_are_one_clear_error_and_no_storm(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "litellm.py").write_text("raise ImportError('litellm is broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    with WorkerPool(settings) as pool:
        accepted = pool.submit(RunRequest(prompt="Hello"))
        wait_until(lambda: pool.problem() is not None, what="a problem", timeout_s=TIMEOUT_S)
        with pytest.raises(ServerFaultError, match="ImportError: litellm is broken"):
            pool.submit(RunRequest(prompt="Hello"))
        wait_until(
            lambda: bool(recorded(settings.home, "run_finished")),
            what="the end of the run that waited",
            timeout_s=TIMEOUT_S,
        )
        assert pool.counts().starting == 0  # it waits before it tries again
    [end] = recorded(settings.home, "run_finished")
    assert (end["run_id"], end["status"]) == (str(accepted.run_id), "error")
    assert "litellm is broken" in end["error_message"]


def test_a_close_ends_runs_as_cancelled_and_leaves_no_process(settings: Settings) -> None:
    with WorkerPool(settings) as pool:
        executed = pool.submit(RunRequest(workflow="slow"))
        wait_until(
            lambda: bool(recorded(settings.home, "run_started")),
            what="the run's beginning",
            timeout_s=TIMEOUT_S,
        )
        queued = pool.submit(RunRequest(workflow="slow"))
        pids = pool.pids()
    assert not [pid for pid in pids if is_alive(pid)]
    ends = {end["run_id"]: end["status"] for end in recorded(settings.home, "run_finished")}
    assert ends == {str(executed.run_id): "cancelled", str(queued.run_id): "cancelled"}
    with pytest.raises(BusyError, match="The server is ending"):
        pool.submit(RunRequest(workflow="slow"))


def test_a_full_queue_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "QUEUE_MAX", 1)
    pool = WorkerPool(settings)  # not started: nobody takes a run
    pool.submit(RunRequest(workflow="slow"))
    with pytest.raises(BusyError, match="1 runs wait to be executed; ask again later"):
        pool.submit(RunRequest(workflow="slow"))
    pool.close()


def test_the_run_of_a_server_that_was_killed_goes_on_and_its_worker_then_ends(
    settings: Settings,
) -> None:
    environment = os.environ | {
        "SECONDTAKE_HOME": str(settings.home),
        "SECONDTAKE_WORKFLOWS_ROOT": str(settings.workflows_root),
    }
    with subprocess.Popen(
        [sys.executable, pool_child.__file__, "slow"], stdout=subprocess.PIPE, env=environment
    ) as server:
        assert server.stdout is not None
        pid, run_id = server.stdout.readline().decode().split()
        server.kill()
    wait_until(lambda: not is_alive(int(pid)), what="the worker's end", timeout_s=TIMEOUT_S)
    [end] = recorded(settings.home, "run_finished")
    assert (end["run_id"], end["status"]) == (run_id, "ok")
