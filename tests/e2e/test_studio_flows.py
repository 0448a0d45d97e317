"""What a person does with the list of runs: search, filter, open, come back, by mouse and by keys."""

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect
from tests.support.browser import Window
from tests.support.browser_pages import RunPage, RunsPage
from tests.support.seeding_bulk import Bulk
from tests.support.servers import Stack

from secondtake.backend.client.client import Client
from secondtake.backend.models.runs import RunQuery
from secondtake.studio.runs_page.fetching import PAGE_RUNS
from secondtake.studio.runs_page.view import FAILED

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

ALL = {"range": "All"}


@pytest.fixture
def studio(bulk_stack: tuple[Stack, Bulk]) -> Stack:
    return bulk_stack[0]


@pytest.fixture(scope="module")
def client(bulk_stack: tuple[Stack, Bulk]) -> Iterator[Client]:
    with closing(Client(bulk_stack[0].api_url)) as client:
        yield client


@pytest.fixture(scope="module")
def failed_ids(client: Client) -> list[str]:
    """The runs that failed, newest first."""
    failed = client.list_runs(RunQuery(status=FAILED)).items
    assert 0 < len(failed) < 20
    return [str(run.run_id) for run in failed]


def test_a_first_visit_of_both_pages_loads_everything_from_here(
    runs_page: RunsPage, bulk: Bulk
) -> None:
    """The first of the module: its browser's profile is empty. The window itself tells hosts."""
    loaded = "() => [...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    faces = {"Inter", "Material Symbols Rounded"}
    runs_page.open(**ALL)
    runs_page.settle()
    assert faces <= {name.strip('"') for name in runs_page.page.evaluate(loaded)}
    run = RunPage(runs_page.window, runs_page.url)
    run.open(bulk.newest_run_id)
    run.settle()
    assert faces <= {name.strip('"') for name in run.page.evaluate(loaded)}
    assert any("/fonts/" in address for address in runs_page.window.addresses)
    assert not runs_page.window.outside_addresses


def test_a_pill_narrows_the_list_and_stands_in_the_address(
    runs_page: RunsPage, failed_ids: list[str]
) -> None:
    runs_page.open(**ALL)
    runs_page.pill("Failed").click()
    runs_page.wait_for(lambda: runs_page.ids() == failed_ids, what="the failed runs")
    runs_page.settle()
    assert runs_page.query["view"] == ["Failed"]
    assert runs_page.counted.startswith(f"{len(failed_ids)} ")


def test_a_search_finds_the_one_run(runs_page: RunsPage) -> None:
    runs_page.open(**ALL)
    runs_page.search_field.fill("no. 41")
    runs_page.wait_for(lambda: len(runs_page.ids()) == 1, what="the one run")
    expect(runs_page.rows.first).to_contain_text("no. 41")
    runs_page.settle()
    assert runs_page.query["q"] == ["no. 41"]


def test_a_filter_of_the_popover_narrows_the_list(
    runs_page: RunsPage, failed_ids: list[str]
) -> None:
    runs_page.open(**ALL)
    runs_page.page.locator(".st-key-runs_filter button").first.click()
    runs_page.page.locator(".st-key-runs_status button", has_text="error").click()
    runs_page.wait_for(lambda: runs_page.ids() == failed_ids, what="the failed runs")
    runs_page.settle()
    assert runs_page.query["status"] == ["error"]
    runs_page.window.picture("runs-filter-popover-light")


def test_a_search_for_nothing_says_so_and_leads_back(runs_page: RunsPage) -> None:
    runs_page.goto(q="there is no such run", **ALL)
    expect(runs_page.page.get_by_text("No run fits")).to_be_visible()
    runs_page.window.pictures("runs-none-fits")
    runs_page.page.get_by_role("button", name="Show all runs").click()
    runs_page.rows.first.wait_for()


def test_a_click_opens_a_run_and_back_returns_to_the_same_list(
    runs_page: RunsPage, failed_ids: list[str]
) -> None:
    runs_page.open(**ALL)
    runs_page.pill("Failed").click()
    runs_page.wait_for(lambda: runs_page.ids() == failed_ids, what="the failed runs")
    runs_page.settle()

    runs_page.row(failed_ids[1]).click()
    run = RunPage(runs_page.window, runs_page.url)
    run.head.wait_for()
    assert run.query["id"] == [failed_ids[1]]
    expect(run.spans.first).to_be_visible()

    run.page.go_back()
    runs_page.rows.first.wait_for()
    runs_page.wait_for(lambda: runs_page.ids() == failed_ids, what="the failed runs again")
    assert runs_page.query["view"] == ["Failed"]
    expect(runs_page.pill("Failed")).to_have_attribute("data-selected", "true")


def test_a_copied_address_gives_the_same_list(runs_page: RunsPage, browser: BrowserContext) -> None:
    runs_page.open(**ALL)
    runs_page.pill("Expensive").click()
    runs_page.settle()
    runs_page.search_field.fill("parcel")
    runs_page.wait_for(lambda: runs_page.query.get("q") == ["parcel"], what="the address")
    runs_page.settle()
    ids = runs_page.ids()
    other = Window(browser)
    try:
        other.page.goto(runs_page.page.url)
        copy = RunsPage(other, runs_page.url)
        copy.rows.first.wait_for()
        assert copy.ids() == ids
        assert copy.search_field.input_value() == "parcel"
    finally:
        other.close()


def test_a_copied_address_gives_the_same_view_of_a_run(
    run_page: RunPage, browser: BrowserContext, bulk: Bulk
) -> None:
    run_page.open(bulk.newest_run_id)
    run_page.spans.nth(3).click()
    run_page.show_tab("What the model saw")
    run_page.wait_for(lambda: "span" in run_page.query, what="the span in the address")
    run_page.settle()
    shown = run_page.right.first.inner_text()
    other = Window(browser)
    try:
        other.page.goto(run_page.page.url)
        copy = RunPage(other, run_page.url)
        expect(copy.right.first).to_have_text(run_page.right.first.text_content() or "")
        assert copy.right.first.inner_text() == shown
    finally:
        other.close()


def test_a_ctrl_click_opens_a_run_in_a_tab_of_its_own(
    runs_page: RunsPage, browser: BrowserContext
) -> None:
    runs_page.open(**ALL)
    address = runs_page.page.url
    with browser.expect_page() as opened:
        runs_page.rows.nth(2).click(modifiers=["ControlOrMeta"])
    opened.value.wait_for_url("**/run?id=*")
    opened.value.close()
    assert runs_page.page.url == address


def test_everything_can_be_done_by_keys_alone(runs_page: RunsPage, failed_ids: list[str]) -> None:
    runs_page.open(view="Failed", **ALL)
    keys = runs_page.page.keyboard
    keys.press("/")
    expect(runs_page.search_field).to_be_focused()
    keys.type("no answer within")
    keys.press("Enter")
    runs_page.wait_for(lambda: "q" in runs_page.query, what="the search in the address")
    runs_page.settle()
    ids = runs_page.ids()
    keys.press("Tab")
    focus = "() => document.activeElement?.matches('input')"
    for _ in range(40):  # out of the toolbar: letters belong to a field that has the focus
        if not runs_page.page.evaluate(focus):
            break
        keys.press("Tab")
    keys.press("j")
    keys.press("ArrowDown")
    runs_page.window.picture("runs-keyboard-row-light")
    keys.press("Enter")
    run = RunPage(runs_page.window, runs_page.url)
    run.head.wait_for()
    assert run.query["id"] == [ids[1]]

    run.page.go_back()
    runs_page.rows.first.wait_for()
    runs_page.wait_for(lambda: runs_page.ids() == ids, what="the list as it was")


def test_the_theme_follows_the_switch_on_both_pages(runs_page: RunsPage, bulk: Bulk) -> None:
    scheme = "() => getComputedStyle(document.querySelector('.stApp')).colorScheme"
    runs_page.open(**ALL)
    page = runs_page.page
    assert "light" in page.evaluate(scheme)
    page.get_by_role("radio", name="Dark").click()
    runs_page.rows.first.wait_for()
    page.wait_for_function(f"({scheme})().includes('dark')")
    run = RunPage(runs_page.window, runs_page.url)
    run.open(bulk.newest_run_id)
    assert "dark" in page.evaluate(scheme)
    page.get_by_role("radio", name="System").click()
    page.wait_for_function(f"({scheme})().includes('light')")


def test_a_run_that_does_not_exist_is_said(run_page: RunPage) -> None:
    run_page.page.goto(f"{run_page.url}/run?{urlencode({'id': 'ffffffff-0000'})}")
    expect(run_page.page.get_by_text("This run cannot be shown")).to_be_visible()
    run_page.window.pictures("run-not-found")


def test_all_runs_are_reached_by_scrolling(runs_page: RunsPage, bulk: Bulk) -> None:
    runs_page.open(**ALL)
    page = runs_page.page
    assert runs_page.counted == f"newest {PAGE_RUNS} of {bulk.runs} runs"
    page.locator("[role=grid]").focus()
    seen: set[str] = set()

    def scrolled() -> bool:
        seen.update(runs_page.ids())
        page.keyboard.press("PageDown")
        return len(seen) == bulk.runs

    runs_page.wait_for(scrolled, what=f"{bulk.runs} rows")
    assert runs_page.counted == f"{bulk.runs} runs"


def test_escape_leaves_the_search_and_back_finds_the_row_that_was_left(
    runs_page: RunsPage,
) -> None:
    runs_page.open(**ALL)
    keys = runs_page.page.keyboard
    grid = runs_page.page.locator("[role=grid]")
    keys.press("/")
    keys.press("Escape")
    expect(grid).to_be_focused()
    keys.press("j")
    keys.press("PageDown")
    keys.press("PageDown")
    keys.press("k")
    marked = runs_page.page.locator("[role=grid] .at")
    run_id, scrolled = marked.get_attribute("data-id"), grid.evaluate("grid => grid.scrollTop")
    assert scrolled > 0
    keys.press("Enter")
    run = RunPage(runs_page.window, runs_page.url)
    run.head.wait_for()
    assert run.query["id"] == [run_id]

    run.page.go_back()
    expect(marked).to_have_attribute("data-id", run_id or "")
    assert grid.evaluate("grid => grid.scrollTop") == scrolled


def test_a_run_opens_although_the_list_still_asks_for_more_rows(runs_page: RunsPage) -> None:
    for after_ms in (0, 5, 20, 80):
        runs_page.open(**ALL)
        runs_page.settle()
        run_id = runs_page.page.locator("[role=grid]").evaluate(
            """(grid, after_ms) => {
              const row = grid.querySelector("[role=row]");
              row.click();
              setTimeout(() => { grid.scrollTop = grid.scrollHeight; }, after_ms);
              return row.dataset.id;
            }""",
            after_ms,
        )
        run = RunPage(runs_page.window, runs_page.url)
        run.head.wait_for()
        assert run.query["id"] == [run_id]


def test_stepping_from_run_to_run_takes_one_step_back_to_the_list(runs_page: RunsPage) -> None:
    runs_page.open(**ALL)
    ids = runs_page.ids()
    runs_page.row(ids[1]).click()
    run = RunPage(runs_page.window, runs_page.url)
    run.head.wait_for()
    run.page.locator("a.run-step").last.wait_for()
    for key, expected in (("j", ids[2]), ("j", ids[3]), ("k", ids[2])):
        run.page.keyboard.press(key)
        run.page.wait_for_url(f"{run.url}/run?id={expected}*")
        run.settle()
    expect(run.page.locator(f'[data-copy="{ids[2]}"]')).to_be_visible()

    run.page.go_back()
    runs_page.rows.first.wait_for()
    assert urlsplit(runs_page.page.url).path == "/"


def test_columns_are_chosen_by_keys_and_stay_chosen(runs_page: RunsPage) -> None:
    runs_page.open(**ALL)
    page, keys = runs_page.page, runs_page.page.keyboard
    heads = page.locator("[role=columnheader]")
    usual = heads.all_inner_texts()
    page.locator(".choose").focus()
    keys.press("Enter")
    keys.press("End")
    for _ in range(2):
        keys.press("ArrowLeft")  # from the button past the last column to the one before
    keys.press("Space")
    keys.press("Escape")
    expect(page.locator(".choose")).to_be_focused()
    expect(heads).to_have_count(len(usual) + 1)
    page.reload()
    runs_page.rows.first.wait_for()
    assert heads.all_inner_texts() == [*usual, "Errors"]


def test_filters_are_set_by_keys(runs_page: RunsPage, failed_ids: list[str]) -> None:
    runs_page.open(**ALL)
    page, keys = runs_page.page, runs_page.page.keyboard
    page.locator(".st-key-runs_filter button").first.focus()
    keys.press("Enter")
    statuses = page.locator(".st-key-runs_status button")
    expect(statuses.first).to_be_focused()
    for _ in range(2):
        keys.press("ArrowRight")
    expect(statuses.filter(has_text="error")).to_be_focused()
    keys.press("Space")
    runs_page.wait_for(lambda: runs_page.ids() == failed_ids, what="the failed runs")
    keys.press("Escape")
    expect(statuses).to_have_count(0)


def test_the_right_side_of_a_run_is_used_by_keys_alone(run_page: RunPage, bulk: Bulk) -> None:
    run_page.open(bulk.newest_run_id)
    page, keys = run_page.page, run_page.page.keyboard
    run_page.tab("Conversation").focus()
    keys.press("ArrowRight")
    keys.press("Enter")
    run_page.wait_for(lambda: run_page.query.get("tab") == ["saw"], what="the next view")
    run_page.settle()
    for tab in ("Tool calls", "Conversation"):
        run_page.tab(tab).focus()
        keys.press("Enter")
        run_page.settle()
    fold = run_page.right.locator("summary").first
    opened = "(summary) => summary.parentElement.open"
    for _ in range(12):  # from the tabs, through what stands before it
        keys.press("Tab")
        if fold.evaluate("(summary) => summary === summary.getRootNode().activeElement"):
            break
    expect(fold).to_be_focused()
    was_open = fold.evaluate(opened)
    keys.press("Enter")
    run_page.window.picture("run-keyboard-fold-light")
    assert fold.evaluate(opened) != was_open
    assert page.evaluate("() => document.activeElement !== document.body")
