"""The server goes away while the studio is open: one sentence with the cure, and all is well again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from tests.support.browser_pages import RunPage, RunsPage
from tests.support.seeding_bulk import Bulk
from tests.support.servers import Stack

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture
def studio(bulk_stack: tuple[Stack, Bulk]) -> Iterator[Stack]:
    """A stack with a server at the beginning and at the end of each test, whatever one leaves."""
    stack, _ = bulk_stack
    yield stack
    if not stack.server.is_running:
        stack.start_server()


@pytest.mark.parametrize("crash", [False, True], ids=["ended", "killed"])
def test_a_live_list_says_that_the_server_is_away_and_comes_back_by_itself(
    runs_page: RunsPage, studio: Stack, crash: bool
) -> None:
    runs_page.open(range="All")
    ids = runs_page.ids()
    if crash:
        studio.server.kill_alone()
    else:
        studio.server.stop()
    expect(runs_page.away).to_be_visible()  # the list renews itself
    expect(runs_page.away).to_contain_text("secondtake up")
    assert runs_page.away.count() == 1
    expect(runs_page.crash).to_have_count(0)
    runs_page.window.pictures("runs-server-away")

    studio.start_server()
    runs_page.rows.first.wait_for()
    runs_page.wait_for(lambda: runs_page.ids() == ids, what="the same list")
    expect(runs_page.away).to_have_count(0)


def test_a_list_that_is_not_live_comes_back_with_retry(runs_page: RunsPage, studio: Stack) -> None:
    runs_page.open(range="All", live="0")
    ids = runs_page.ids()
    studio.server.stop()
    runs_page.pill("Failed").click()
    expect(runs_page.away).to_be_visible()
    studio.start_server()
    runs_page.pill("Failed").click()  # the choice was made: taking it back asks the server too
    runs_page.wait_for(lambda: runs_page.ids() == ids, what="the same list")

    studio.server.stop()
    runs_page.page.reload()
    expect(runs_page.away).to_be_visible()
    studio.start_server()
    runs_page.page.get_by_role("button", name="Retry").click()
    runs_page.wait_for(lambda: runs_page.ids() == ids, what="the list after Retry")
    expect(runs_page.away).to_have_count(0)


def test_a_run_says_that_the_server_is_away_and_comes_back(
    run_page: RunPage, studio: Stack, bulk: Bulk
) -> None:
    run_page.open(bulk.newest_run_id)
    studio.server.stop()
    run_page.tab("Raw").click()
    run_page.page.reload()
    expect(run_page.away.first).to_be_visible()
    expect(run_page.away.first).to_contain_text("secondtake up")
    expect(run_page.crash).to_have_count(0)
    run_page.window.pictures("run-server-away")

    studio.start_server()
    run_page.page.get_by_role("button", name="Retry").first.click()
    run_page.head.wait_for()
    expect(run_page.spans.first).to_be_visible()


def test_a_click_while_the_server_is_away_is_no_crash(runs_page: RunsPage, studio: Stack) -> None:
    runs_page.open(range="All", live="0")  # else the list itself finds out first
    first = runs_page.ids()[0]
    studio.server.stop()
    runs_page.rows.first.click()
    expect(runs_page.away.first).to_be_visible()
    expect(runs_page.crash).to_have_count(0)

    studio.start_server()
    run = RunPage(runs_page.window, runs_page.url)
    run.page.get_by_role("button", name="Retry").first.click()
    if run.query.get("id") == [first]:
        run.head.wait_for()
    else:
        runs_page.rows.first.wait_for()
