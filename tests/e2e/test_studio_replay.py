"""Replay in the browser: change one thing, see what it would take, run it, land on the diff."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import pytest
from playwright.sync_api import Locator, expect
from tests.support.browser import Window
from tests.support.browser_pages import RunPage, StudioPage
from tests.support.hostile import TEXTS
from tests.support.seeding import run_sample
from tests.support.servers import Stack

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

PROMPT: Final = "Write a report of at most 40 words about {{ topic }}: {{ notes }}"
WORKER_MS: Final = 60_000
"""A worker process loads its libraries first."""


class ReplayPage(StudioPage):
    """The page Replay."""

    def open(self, run: object, query: Mapping[str, str | list[str]] | None = None) -> None:
        """Open the page and wait for the plan, or for why there is none."""
        asked = urlencode({"run": str(run), **(query or {})}, doseq=True)
        self.page.goto(f"{self.url}/replay?{asked}")
        self.page.locator(".st-key-replay_foot .replay-note, [data-testid=plan]").first.wait_for()
        self.settle()

    def step(self, name: str) -> Locator:
        """Return the row of a step, by its name."""
        return (
            self.page.locator(".step-row").filter(has=self.page.get_by_text(name, exact=True)).first
        )

    def target(self, name: str) -> Locator:
        """Return what can be different, by its name."""
        return self.page.locator(".replay-chooser .target", has_text=name).first

    @property
    def run_button(self) -> Locator:
        """The one primary button."""
        return self.page.locator(".st-key-replay_run button")

    @property
    def field(self) -> Locator:
        """Where a text is edited."""
        return self.page.locator(".st-key-replay_editor_field textarea")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay") / "home"


@pytest.fixture(scope="module")
def run_id(home: Path) -> UUID:
    """A run of the sample workflow `research`."""
    home.mkdir(parents=True)
    return run_sample(home, "research", "-i", "topic=heat pumps")


@pytest.fixture(scope="module")
def studio(home: Path, run_id: UUID, open_stack: Callable[..., Stack]) -> Stack:
    return open_stack(home, spare_worker=True)


@pytest.fixture
def replay(window: Window, studio: Stack) -> ReplayPage:
    """The page, not yet opened."""
    return ReplayPage(window, studio.url)


def test_a_changed_prompt_is_planned_run_and_shown_as_a_diff(
    replay: ReplayPage, run_page: RunPage, run_id: UUID
) -> None:
    run_page.open(run_id)
    run_page.page.locator("a.run-replay").click()
    page = replay.page
    page.locator("[data-testid=plan]").wait_for()
    expect(page.locator(".reach.is-executed")).to_have_count(0)
    replay.settle()
    replay.step("write").click()
    replay.target("prompt").click()
    replay.field.wait_for()
    replay.settle()
    replay.field.fill(PROMPT)
    replay.field.press("Control+Enter")
    expect(page.locator(".reach.is-executed")).to_have_count(1)
    expect(page.locator(".change .side-b ins").first).to_be_visible()
    replay.settle()
    replay.window.pictures("replay-changed")
    asked = page.url

    replay.run_button.click()
    page.wait_for_url("**/diff?**", timeout=WORKER_MS)
    assert replay.query["a"] == [str(run_id)]
    expect(page.get_by_text("First divergence")).to_be_visible()
    replay.settle()

    page.go_back()
    page.locator("[data-testid=plan]").wait_for()
    expect(page.locator(".reach.is-executed")).to_have_count(1)
    assert page.url == asked


def test_a_copied_address_asks_for_the_same(replay: ReplayPage, run_id: UUID) -> None:
    replay.open(run_id, {"from": "write", "set": ["model=sim/weak"], "repeat": "2"})
    expect(replay.page.locator(".fork-mark")).to_have_count(1)
    expect(replay.page.locator(".change code.path")).to_have_text("model")
    expect(replay.page.locator(".st-key-replay_repeat input")).to_have_value("2")


def test_repeats_end_with_how_stable_the_answer_is(replay: ReplayPage, run_id: UUID) -> None:
    replay.open(run_id, {"from": "write", "set": ["temperature=1"], "repeat": "3"})
    replay.run_button.click()
    result = replay.page.locator("[data-testid=repeats]")
    result.wait_for(timeout=WORKER_MS)
    expect(result).to_contain_text("3 replays")
    expect(replay.page.locator(".repeat-runs a")).to_have_count(3)
    replay.settle()
    replay.window.pictures("replay-repeats")


def test_the_keyboard_alone_chooses_changes_and_runs(replay: ReplayPage, run_id: UUID) -> None:
    replay.open(run_id)
    page = replay.page
    replay.step("write").focus()
    page.keyboard.press("Enter")
    replay.target("system").focus()
    page.keyboard.press("Enter")
    replay.field.wait_for()
    replay.settle()
    replay.field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("You write one sentence.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".reach.is-executed")).to_have_count(1)
    replay.settle()
    replay.run_button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/diff?**", timeout=WORKER_MS)


def test_a_refusal_stands_beside_the_form(replay: ReplayPage, run_id: UUID) -> None:
    replay.open(run_id, {"set": ["nodes.wrte.prompt=Hello"]})
    expect(replay.page.locator("[data-testid=refusal]")).to_contain_text("write")
    expect(replay.run_button).to_be_disabled()
    replay.window.pictures("replay-refused")


def test_hostile_changes_are_text(replay: ReplayPage, run_id: UUID) -> None:
    for text in (TEXTS["script"], TEXTS["outside"], TEXTS["markdown"]):
        replay.open(run_id, {"set": [f"nodes.write.prompt={text}"]})
        expect(replay.page.locator(".change .side-b")).to_contain_text(text[:12])
    replay.window.picture("replay-hostile-light")
