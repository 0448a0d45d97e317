"""Both pages on real runs, in light and dark, as pictures that a person can look at."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect
from tests.support.browser_pages import TABS, RunPage, RunsPage
from tests.support.seeding import (
    LiveRun,
    backend_of,
    import_tau_bench,
    run_sample,
)
from tests.support.servers import Stack, wait_for_run

from secondtake.backend.client.client import Client
from secondtake.backend.models.runs import RunQuery, RunSummary

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

NO_TEXT: Final = 3
"""A pane with so few characters shows nothing."""


@pytest.fixture(scope="module")
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of every sort: tau-bench where its files are, its fork's failures, a sample workflow."""
    home = tmp_path_factory.mktemp("pictures") / "home"
    home.mkdir()
    with suppress(pytest.skip.Exception):
        import_tau_bench(home, request.getfixturevalue("shared_data"))
    run_sample(home, "research", "-i", "topic=heat pumps", "--session", "demo", "--user", "ada")
    backend_of(home).load()
    return home


@pytest.fixture(scope="module")
def studio(home: Path, open_stack: Callable[[Path], Stack]) -> Stack:
    return open_stack(home)


@pytest.fixture(scope="module")
def client(studio: Stack) -> Iterator[Client]:
    with closing(Client(studio.api_url)) as client:
        yield client


def test_the_list_of_runs(runs_page: RunsPage) -> None:
    runs_page.open(range="All")
    runs_page.settle()
    assert len(runs_page.ids()) > 0
    runs_page.window.pictures("runs-all")


def test_a_run_of_tau_bench(run_page: RunPage, client: Client, shared_data: Path) -> None:
    run = _longest(client, RunQuery(status=("ok",), text="airline", limit=1000))
    run_page.open(run.run_id)
    expect(run_page.title).to_be_visible()
    run_page.settle()
    run_page.window.pictures("run-tau-bench")
    _every_tab(run_page, "run-tau-bench")


def test_a_failed_run_of_the_fork(run_page: RunPage, client: Client, shared_data: Path) -> None:
    run = client.list_runs(RunQuery(status=("error",), limit=1000)).items[0]
    run_page.open(run.run_id)
    assert run.error_type is not None
    expect(run_page.page.locator("body")).to_contain_text(run.error_type)
    run_page.settle()
    run_page.window.pictures("run-fork-failed")
    _every_tab(run_page, "run-fork-failed")


def test_a_run_with_parallel_branches(run_page: RunPage, client: Client) -> None:
    run = client.list_runs(RunQuery(tags={"sample": "research"})).items[0]
    run_page.open(run.run_id)
    expect(run_page.spans.filter(has_text="search").nth(1)).to_be_visible()
    run_page.settle()
    run_page.window.pictures("run-parallel")
    _every_tab(run_page, "run-parallel")

    run_page.goto(run.run_id, left="graph")
    run_page.head.wait_for()
    run_page.settle()
    expect(run_page.page.locator("body")).to_contain_text("plan")
    run_page.window.pictures("run-parallel-graph")


def test_a_run_that_is_still_going(
    run_page: RunPage, runs_page: RunsPage, client: Client, home: Path
) -> None:
    with LiveRun(home) as live:
        for _ in range(4):
            live.step()
        wait_for_run(client, live.run_id)
        run_page.goto(live.run_id)
        run_page.head.wait_for()
        expect(run_page.spans.filter(has_text="step_4")).to_be_visible()
        expect(run_page.right.first).to_contain_text("This is live step 4.")
        run_page.window.pictures("run-going-on")
        live.step()
        expect(run_page.spans.filter(has_text="step_5")).to_be_visible()

        runs_page.open(range="All")
        expect(runs_page.row(live.run_id)).to_be_visible()
        runs_page.window.pictures("runs-one-going-on")
        live.end()


def test_a_home_without_runs(
    runs_page: RunsPage, open_stack: Callable[[Path], Stack], tmp_path: Path
) -> None:
    empty = RunsPage(runs_page.window, open_stack(tmp_path / "home").url)
    empty.goto()
    expect(empty.page.get_by_text("No runs yet")).to_be_visible()
    empty.settle()
    empty.window.pictures("runs-empty")


def _longest(client: Client, query: RunQuery) -> RunSummary:
    return max(client.list_runs(query).items, key=lambda run: run.message_count or 0)


def _every_tab(run_page: RunPage, name: str) -> None:
    """Show each tab, each with something in it, and take a picture of all but the first."""
    for tab in TABS:
        run_page.show_tab(tab)
        assert len(run_page.right.first.inner_text()) > NO_TEXT, f"{tab} is empty"
        if tab != "Conversation":
            run_page.window.picture(f"{name}-{tab.lower().replace(' ', '-')}-light")
