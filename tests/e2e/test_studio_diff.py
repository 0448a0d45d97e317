"""The Diff page in a real browser: a replay beside its source, real trials, long and hostile runs."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, expect
from tests.e2e.test_studio_hostile import MARK
from tests.support.browser import HEIGHT, Window
from tests.support.browser_pages import OUTSIDE_SOURCES, RunPage
from tests.support.diff_browser_page import DIFF_TABS, DiffPage
from tests.support.diff_pairs import TICKET, write_long_pair, write_pair
from tests.support.hostile import write_hostile_runs
from tests.support.seeding import LiveRun, backend_of, import_tau_bench, run_ids
from tests.support.servers import Stack, wait_for_run

from secondtake.backend.client import Client
from secondtake.backend.models.runs import RunQuery

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUSED = "() => document.activeElement.dataset.key"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("diff") / "home"


@pytest.fixture(scope="module")
def ids(home: Path) -> dict[str, UUID]:
    """Runs by what they are: a pair, a long pair, and hostile ones."""
    found = write_hostile_runs(home, newest=datetime.now(UTC))
    found["a"], found["b"] = write_pair(home)
    found["long a"], found["long b"] = write_long_pair(home, turns=500, changed_every=3)
    assert backend_of(home).load().rejected == 0
    return found


@pytest.fixture(scope="module")
def studio(home: Path, ids: dict[str, UUID], open_stack: Callable[[Path], Stack]) -> Stack:
    return open_stack(home)


@pytest.fixture
def diff_page(window: Window, studio: Stack) -> DiffPage:
    """The page, not yet opened."""
    return DiffPage(window, studio.url)


def test_a_replay_beside_its_source_is_seen_at_a_glance(
    diff_page: DiffPage, ids: dict[str, UUID]
) -> None:
    diff_page.open(ids["a"], ids["b"])
    expect(diff_page.verdict).to_contain_text("B is 92 % cheaper at simulated prices")
    expect(diff_page.card("B")).to_contain_text("replay of A with model=sim/weak")
    expect(diff_page.divergence).to_contain_text("LLM call 1 in agent: model sim/strong")
    expect(diff_page.pairs).to_have_count(4)
    assert diff_page.page.evaluate(OVERFLOW) <= 0
    diff_page.window.pictures("diff-replay")
    for tab in DIFF_TABS:
        diff_page.show_tab(tab)
        diff_page.window.pictures(f"diff-replay-{DIFF_TABS[tab] or 'steps'}")
    diff_page.page.set_viewport_size({"width": 1280, "height": HEIGHT})
    diff_page.show_tab("Steps")
    assert diff_page.page.evaluate(OVERFLOW) <= 0
    diff_page.window.picture("diff-replay-1280-light")


def test_identical_steps_unfold(diff_page: DiffPage, ids: dict[str, UUID]) -> None:
    diff_page.open(ids["a"], ids["b"])
    diff_page.body.get_by_text("1 identical step").click()
    expect(diff_page.pairs).to_have_count(5)
    expect(diff_page.pairs.first).to_contain_text("read_order")


def test_j_and_k_go_from_step_to_step_and_enter_opens(
    diff_page: DiffPage, ids: dict[str, UUID]
) -> None:
    diff_page.open(ids["a"], ids["b"])
    for key in "jjjk":
        diff_page.page.keyboard.press(key)
    assert diff_page.page.evaluate(FOCUSED) == "pair-3"
    diff_page.page.keyboard.press("Enter")
    expect(diff_page.detail).to_contain_text("arguments")
    expect(diff_page.detail.locator("ins").first).to_have_text("49.00")
    diff_page.wait_for(lambda: diff_page.query.get("step") == ["3"], what="the step")
    diff_page.window.pictures("diff-replay-open")
    assert diff_page.page.evaluate(FOCUSED) == "pair-3"
    diff_page.page.keyboard.press("Enter")
    expect(diff_page.detail).to_have_count(0)


def test_a_bar_of_the_bridge_leads_to_its_steps(diff_page: DiffPage, ids: dict[str, UUID]) -> None:
    diff_page.open(ids["a"], ids["b"], tab="money")
    diff_page.body.get_by_text("ask_colleague · tool call 3").click()
    expect(diff_page.detail).to_contain_text("May I refund this?")
    assert diff_page.query["step"] == ["4"]


def test_a_copied_address_gives_the_same_view(
    diff_page: DiffPage, browser: BrowserContext, ids: dict[str, UUID]
) -> None:
    diff_page.open(ids["a"], ids["b"])
    diff_page.pairs.nth(3).click()
    diff_page.detail.wait_for()
    diff_page.wait_for(lambda: "step" in diff_page.query, what="the step in the address")
    shown = diff_page.body.inner_text()
    other = Window(browser)
    try:
        other.page.goto(diff_page.page.url)
        copy = DiffPage(other, diff_page.url)
        copy.detail.wait_for()
        assert copy.body.inner_text() == shown
    finally:
        other.close()


def test_from_a_run_to_its_diff_swapped_and_back(diff_page: DiffPage, ids: dict[str, UUID]) -> None:
    run = RunPage(diff_page.window, diff_page.url)
    run.open(ids["b"])
    run.page.get_by_role("link", name="Diff with its source").click()
    expect(diff_page.card("A")).to_contain_text("sim/strong")
    assert diff_page.query == {"a": [str(ids["a"])], "b": [str(ids["b"])]}
    diff_page.settle()

    diff_page.page.keyboard.press("x")
    expect(diff_page.card("A")).to_contain_text("replay of B")
    assert diff_page.query["a"] == [str(ids["b"])]
    diff_page.settle()
    diff_page.card("B").click()
    expect(run.head).to_contain_text("sim/strong")
    assert run.query["id"] == [str(ids["a"])]

    run.page.go_back()
    expect(diff_page.card("A")).to_contain_text("replay of B")
    run.page.go_back()
    run.head.wait_for()
    assert run.query["id"] == [str(ids["b"])]


def test_two_runs_are_chosen_by_two_clicks(diff_page: DiffPage, ids: dict[str, UUID]) -> None:
    diff_page.page.goto(diff_page.url)
    diff_page.page.get_by_test_id("stPageLink").get_by_text("Diff", exact=True).click()
    diff_page.picker.wait_for()
    diff_page.window.pictures("diff-picker")
    field = diff_page.page.locator(".st-key-diff_q input")
    field.fill("48213")
    field.press("Enter")
    expect(diff_page.picker.get_by_role("link")).to_have_count(3)
    diff_page.picker.get_by_role("link").last.click()
    expect(diff_page.page.get_by_text("Choose another A")).to_be_visible()
    diff_page.settle()
    diff_page.picker.get_by_role("link", name=TICKET).first.click()
    diff_page.body.wait_for()
    assert diff_page.query == {"a": [str(ids["a"])], "b": [str(ids["b"])]}


def test_five_thousand_steps_are_shown_in_pieces(diff_page: DiffPage, ids: dict[str, UUID]) -> None:
    diff_page.open(ids["long a"], ids["long b"])
    expect(diff_page.body.get_by_text("identical steps").first).to_be_visible()
    elements = "() => document.querySelectorAll('*').length"
    assert diff_page.page.evaluate(elements) < 4000
    diff_page.body.locator(".diff-fold").first.click()
    expect(diff_page.pairs.nth(1)).to_contain_text("read_part")
    diff_page.window.pictures("diff-long")

    later = diff_page.body.locator("[data-reach=down]")
    diff_page.pairs.nth(3).hover()
    for following in ("80", "120", "160"):
        diff_page.page.mouse.wheel(0, 9000)
        expect(later).to_have_attribute("data-value", following)
    assert diff_page.page.evaluate(elements) < 4000
    diff_page.page.locator(".bead").last.click()
    expect(diff_page.detail).to_be_visible()
    expect(later).to_have_count(0)


def test_a_run_that_goes_on_is_followed_and_nothing_moves_under_the_pointer(
    diff_page: DiffPage, home: Path, studio: Stack, ids: dict[str, UUID]
) -> None:
    with LiveRun(home) as live, closing(Client(studio.api_url)) as client:
        for _ in range(9):
            live.step()
        wait_for_run(client, live.run_id)
        diff_page.open(ids["a"], live.run_id)
        expect(diff_page.note).to_contain_text("B is still running; this page follows")
        row = diff_page.pairs.nth(8)
        row.hover()
        key = row.get_attribute("data-key")
        before = row.bounding_box()
        live.step()
        expect(diff_page.fact("LLM calls")).to_contain_text("10")
        diff_page.window.pictures("diff-live")
        assert diff_page.body.locator(f'[data-key="{key}"]').bounding_box() == before
        live.end()
        expect(diff_page.note).to_contain_text("Both runs have ended")
        assert diff_page.body.locator(f'[data-key="{key}"]').bounding_box() == before


@pytest.mark.parametrize("kinds", [("everything", "script"), ("huge", "long names")])
def test_hostile_runs_are_text_on_every_tab(
    diff_page: DiffPage, ids: dict[str, UUID], kinds: tuple[str, str]
) -> None:
    diff_page.open(ids[kinds[0]], ids[kinds[1]], step="1")
    expect(diff_page.detail).to_contain_text(MARK[:20])
    diff_page.window.pictures(f"diff-hostile-{kinds[0]}")
    for tab in DIFF_TABS:
        diff_page.show_tab(tab)
        assert diff_page.page.evaluate(OUTSIDE_SOURCES) == []
        assert diff_page.page.evaluate(OVERFLOW) <= 0
        diff_page.window.picture(f"diff-hostile-{kinds[0]}-{DIFF_TABS[tab] or 'steps'}-light")


def test_runs_that_are_not_there_are_one_sentence(
    diff_page: DiffPage, ids: dict[str, UUID]
) -> None:
    diff_page.page.goto(f"{diff_page.url}/diff?a={ids['a']}&b=nothing")
    expect(diff_page.page.get_by_text("These runs cannot be compared")).to_be_visible()
    diff_page.window.picture("diff-not-there-light")


def test_a_server_that_is_away_is_said_and_comes_back(
    diff_page: DiffPage, studio: Stack, ids: dict[str, UUID]
) -> None:
    studio.server.stop()
    try:
        diff_page.page.goto(f"{diff_page.url}/diff?a={ids['a']}&b={ids['b']}")
        expect(diff_page.away).to_contain_text("The server does not answer")
    finally:
        studio.start_server()
    diff_page.page.get_by_role("button", name="Retry").click()
    diff_page.body.wait_for()


def test_two_trials_of_one_real_task(
    window: Window, tmp_path: Path, shared_data: Path, open_stack: Callable[[Path], Stack]
) -> None:
    home = tmp_path / "home"
    import_tau_bench(home, shared_data, fork=False)
    a, b = (run_ids(home, RunQuery(tags={"task": "39", "trial": trial}))[0] for trial in ("0", "2"))
    page = DiffPage(window, open_stack(home).url)
    page.open(a, b)
    expect(page.verdict).to_contain_text("B scores 1.00 lower on reward")
    expect(page.divergence).to_contain_text("get_reservation_details")
    expect(page.page.get_by_test_id("diff-strip")).to_contain_text("was —")
    window.pictures("diff-tau-bench")
    page.pairs.nth(1).click()
    expect(page.detail).to_contain_text("newly sent")
    window.pictures("diff-tau-bench-open")
