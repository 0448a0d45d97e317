"""Warm workers: runs are executed, cancelled, answered and killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.backend.workers.flows import settings_with_flows
from tests.support.journal import recorded
from tests.support.servers import wait_until

from secondtake.backend.models.executions import RequestedRun, RunRequest
from secondtake.backend.workers.pool import WorkerPool
from secondtake.runner.errors import UsageError
from secondtake.runner.mailbox import send_answer
from secondtake.runner.settings import Settings

pytestmark = pytest.mark.slow

TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("pool")
    before = Path.cwd()
    os.chdir(folder)  # workers look for trusted modules beside the toml file of their folder
    yield settings_with_flows(folder, sim_latency=True, workers=2)
    os.chdir(before)


@pytest.fixture(scope="module")
def warm(settings: Settings) -> Iterator[WorkerPool]:
    with WorkerPool(settings) as pool:
        yield pool


@pytest.fixture
def pool(warm: WorkerPool) -> WorkerPool:
    """The pool of the module, with a worker that has nothing to do."""
    if not warm.counts().idle:
        warm.submit(RunRequest(prompt="Hello"))  # which also ends the pool's patience at its start
    wait_until(lambda: warm.counts().idle > 0, what="a warm worker", timeout_s=TIMEOUT_S)
    return warm


def end_of(settings: Settings, run: UUID) -> dict[str, Any]:
    """Wait for the end of a run and return its event."""

    def ends() -> list[dict[str, Any]]:
        return [e for e in recorded(settings.home, "run_finished") if e["run_id"] == str(run)]

    wait_until(lambda: bool(ends()), what="the end of the run", timeout_s=TIMEOUT_S)
    [end] = ends()
    return end


def starts_of(settings: Settings, run: UUID) -> list[dict[str, Any]]:
    return [e for e in recorded(settings.home, "run_started") if e["run_id"] == str(run)]


def test_a_warm_worker_executes_a_run_under_the_id_that_was_given(
    pool: WorkerPool, settings: Settings
) -> None:
    run = pool.submit(
        RunRequest(prompt="What is 17 * 23?", tools=("calculator",), tags={"a": "b"}, user_id="u")
    )
    assert (run.status, run.run_id.version) == ("started", 7)
    assert end_of(settings, run.run_id)["status"] == "ok"
    [start] = starts_of(settings, run.run_id)
    assert (start["tags"], start["user_id"]) == ({"a": "b"}, "u")


def test_a_run_that_is_executed_ends_cancelled_when_asked_to(
    pool: WorkerPool, settings: Settings
) -> None:
    run = pool.submit(RunRequest(workflow="slow"))
    assert pool.cancel(run.run_id, reason="enough") == "asked"
    end = end_of(settings, run.run_id)
    assert (end["status"], end["error_message"]) == ("cancelled", "enough")


def test_a_run_that_waits_in_the_queue_is_cancelled_without_having_begun(
    pool: WorkerPool, settings: Settings
) -> None:
    runs = [pool.submit(RunRequest(workflow="slow", tags={"n": str(n)})) for n in range(4)]
    first = runs[0].run_id
    wait_until(lambda: not pool.is_queued(first), what="the first run", timeout_s=TIMEOUT_S)
    last: RequestedRun = runs[-1]
    assert last.status == "queued"
    assert pool.has(last.run_id)
    assert [pool.is_queued(each) for each in (first, last.run_id)] == [False, True]
    assert pool.cancel(last.run_id, reason="enough") == "cancelled"
    assert pool.cancel(last.run_id) == "unknown"
    end = end_of(settings, last.run_id)
    assert (end["status"], end["error_message"]) == ("cancelled", "enough")
    [start] = starts_of(settings, last.run_id)
    assert (start["name"], start["tags"]) == ("slow", {"n": "3"})
    for run in runs[:-1]:
        assert pool.cancel(run.run_id) in ("asked", "cancelled")
        assert end_of(settings, run.run_id)["status"] == "cancelled"


def test_kill_9_of_a_worker_ends_its_run_with_the_reason_and_the_queue_goes_on(
    pool: WorkerPool, settings: Settings
) -> None:
    before = set(pool.pids())
    run = pool.submit(RunRequest(workflow="slow"))
    busy = pool.pid_of(run.run_id)
    assert busy in before
    os.kill(busy, signal.SIGKILL)
    end = end_of(settings, run.run_id)
    assert (end["status"], end["error_type"]) == ("error", "WorkerDied")
    assert "killed by signal 9 (SIGKILL)" in end["error_message"]
    assert len(starts_of(settings, run.run_id)) == 1
    assert not (settings.home / "control" / str(run.run_id)).exists()
    following = pool.submit(RunRequest(prompt="Hello"))
    assert end_of(settings, following.run_id)["status"] == "ok"
    assert busy not in pool.pids()


def test_a_run_that_waits_for_a_person_takes_no_place(pool: WorkerPool, settings: Settings) -> None:
    waiting = [pool.submit(RunRequest(workflow="ask")) for _ in range(2)]
    wait_until(lambda: pool.counts().waiting == 2, what="both wait", timeout_s=TIMEOUT_S)
    other = pool.submit(RunRequest(prompt="Hello"))
    assert end_of(settings, other.run_id)["status"] == "ok"
    assert pool.counts().waiting == 2
    asking = {e["run_id"]: e for e in recorded(settings.home, "node_started") if e.get("question")}
    for run in waiting:
        span = asking[str(run.run_id)]["span_id"]
        assert send_answer(settings.home, run.run_id, span, answer="send", by="Ada")
        assert end_of(settings, run.run_id)["output"] == {"verdict": "send"}
    wait_until(lambda: pool.counts().waiting == 0, what="none waits", timeout_s=TIMEOUT_S)


def test_what_is_wrong_is_refused_and_leaves_no_run(pool: WorkerPool, settings: Settings) -> None:
    before = len(recorded(settings.home, "run_started"))
    with pytest.raises(UsageError, match="There is no workflow"):
        pool.submit(RunRequest(workflow="../flows/slow"))
    with pytest.raises(UsageError, match="has no function `missing`"):  # only the worker can tell
        pool.submit(RunRequest(workflow="missing", inputs={"what": "x"}))
    assert len(recorded(settings.home, "run_started")) == before
