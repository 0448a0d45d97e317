"""Code of the user in a worker: it prints, reads, blocks, dies, and is edited."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.backend.workers.flows import STEPS, settings_with_flows
from tests.support.journal import recorded
from tests.support.servers import wait_until

from secondtake.backend.models.executions import RunRequest
from secondtake.backend.workers.logs import log_path
from secondtake.backend.workers.pool import WorkerPool
from secondtake.runner.settings import Settings

pytestmark = pytest.mark.slow

TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("code")
    before = Path.cwd()
    os.chdir(folder)
    yield settings_with_flows(folder, sim_latency=False, workers=2)
    os.chdir(before)


@pytest.fixture(scope="module")
def pool(settings: Settings) -> Iterator[WorkerPool]:
    with WorkerPool(settings) as pool:
        yield pool


def run(pool: WorkerPool, settings: Settings, workflow: str) -> dict[str, Any]:
    """Execute a workflow of code and return the event of its end."""
    run_id = pool.submit(RunRequest(workflow=workflow, inputs={"what": "it"})).run_id
    return end_of(settings, str(run_id))


def end_of(settings: Settings, run_id: str) -> dict[str, Any]:
    def ends() -> list[dict[str, Any]]:
        return [e for e in recorded(settings.home, "run_finished") if e["run_id"] == run_id]

    wait_until(lambda: bool(ends()), what="the end of the run", timeout_s=TIMEOUT_S)
    return ends()[0]


def test_a_run_that_is_refused_after_it_was_accepted_says_why(
    pool: WorkerPool, settings: Settings
) -> None:
    # No worker is warm yet, and only a worker may import what a workflow names.
    accepted = pool.submit(RunRequest(workflow="missing", inputs={"what": "it"}))
    assert accepted.status == "queued"
    end = end_of(settings, str(accepted.run_id))
    assert (end["status"], end["error_type"]) == ("error", "UsageError")
    assert "has no function `missing`" in end["error_message"]


def test_code_that_prints_and_reads_harms_nobody(pool: WorkerPool, settings: Settings) -> None:
    end = run(pool, settings, "shout")
    assert (end["status"], end["output"]) == ("ok", {"result": "it''"})
    assert "shouted" in log_path(settings.home, "worker").read_text()


def test_code_that_was_edited_is_executed_as_it_is_now(
    pool: WorkerPool, settings: Settings
) -> None:
    module = settings.workflows_root.parent / "my_steps.py"
    module.write_text("def shout(what):\n    return 'quiet'\n")
    try:
        assert run(pool, settings, "shout")["output"] == {"result": "quiet"}
    finally:
        module.write_text(STEPS)


def test_code_that_ends_the_process_ends_its_run_with_the_exit_code(
    pool: WorkerPool, settings: Settings
) -> None:
    end = run(pool, settings, "die")
    assert (end["status"], end["error_type"]) == ("error", "WorkerDied")
    assert "ended with exit code 3" in end["error_message"]


def test_code_that_blocks_is_given_up_when_the_run_is_cancelled(
    pool: WorkerPool, settings: Settings
) -> None:
    asked = pool.submit(RunRequest(workflow="block", inputs={"what": "it"}))
    wait_until(
        lambda: any(e["run_id"] == str(asked.run_id) for e in recorded(settings.home, "node_started")),
        what="the node",
        timeout_s=TIMEOUT_S,
    )  # fmt: skip
    pool.cancel(asked.run_id, reason="enough")
    assert end_of(settings, str(asked.run_id))["status"] == "cancelled"
