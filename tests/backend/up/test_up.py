"""`secondtake up`: begins, ends, and survives the death of its children and its own."""

import os
import signal
from pathlib import Path

import httpx2
import pytest
from tests.backend.up.program import TIMEOUT_S, Up, wait_until_nobody
from tests.support.servers import free_port, processes_of, wait_until

from secondtake.backend.client.owner import read_owner
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.runs import RunQuery
from secondtake.runner.settings import load_settings

pytestmark = pytest.mark.slow

LEFT = {"logs", "secondtake.duckdb", "store.key", "journal", "prices", "control"}


def left_behind(home: Path) -> set[str]:
    """Return what the home holds that only belongs there while something runs."""
    inside = {path.name for folder in ("journal", "control") for path in (home / folder).glob("*")}
    return {path.name for path in home.iterdir()} - LEFT | inside


def test_ctrl_c_ends_everything_and_leaves_nothing(home: Path) -> None:
    with Up(home, "--no-studio", "--allow-host", "studio.example") as up:
        assert up.said == f"server  {up.url}\nCtrl-C ends everything.\n"
        assert up.get("/health").json()["status"] == "ok"
        for host, code in (("studio.example", 200), ("other.example", 403)):
            answer = httpx2.get(up.url + "/health", headers={"Host": host}, trust_env=False)
            assert answer.status_code == code
        assert len(processes_of(home)) >= 2
        assert up.end() == 0
        assert processes_of(home) == {}
    assert left_behind(home) == set()


def test_a_run_that_is_executed_ends_cancelled_with_up(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECONDTAKE_SIM_LATENCY", "on")
    prompt = {"prompt": "Write twenty long paragraphs about heat pumps.", "user_id": "u"}
    with Up(home, "--no-studio") as up:
        answer = httpx2.post(up.url + "/run", json=prompt, timeout=30, trust_env=False)
        assert answer.status_code == 202
        run = answer.json()["run_id"]
        listening = home / "control" / run
        wait_until(listening.exists, what="the run's beginning", timeout_s=TIMEOUT_S)
        assert up.end(signal.SIGTERM) == 0
        assert processes_of(home) == {}
    [item] = LocalBackend(load_settings({"home": home})).list_runs(RunQuery()).items
    assert (str(item.run_id), item.status) == (run, "cancelled")
    assert left_behind(home) == set()


def test_a_second_signal_ends_at_once(home: Path) -> None:
    with Up(home, "--no-studio") as up:
        owner = read_owner(home)
        assert owner is not None
        os.kill(owner[0], signal.SIGSTOP)  # so that it cannot end by itself
        up.process.send_signal(signal.SIGINT)
        assert up.end() == 0
        wait_until_nobody(home)
    assert not (home / "up.lock").exists()


def test_a_server_that_is_killed_is_started_again_and_that_is_said(home: Path) -> None:
    with Up(home, "--no-studio") as up:
        owner = read_owner(home)
        assert owner is not None
        os.kill(owner[0], signal.SIGKILL)

        def is_back() -> bool:
            now = read_owner(home)
            return now is not None and now[0] != owner[0]

        wait_until(is_back, what="another server", timeout_s=TIMEOUT_S)
        assert up.get("/health").json()["pid"] != owner[0]
        assert "warning: the server was ended by signal 9 (SIGKILL); it is started again" in up.said
        assert up.end() == 0


def test_up_that_is_killed_takes_its_children_along_and_can_start_again_at_once(
    home: Path,
) -> None:
    first = Up(home, "--no-studio")
    first.process.kill()
    with Up(home, "--no-studio", port=first.port) as second:
        assert second.get("/health").json()["status"] == "ok"
        assert second.end() == 0
        first.process.wait(TIMEOUT_S)
        assert processes_of(home) == {}
    assert left_behind(home) == set()


def test_server_and_studio_answer_and_end_together(home: Path) -> None:
    studio = free_port()
    with Up(home, "--studio-port", str(studio)) as up:
        assert up.said.splitlines()[1] == f"studio  http://127.0.0.1:{studio}"
        assert up.end() == 0
        assert processes_of(home) == {}
    assert left_behind(home) == set()
