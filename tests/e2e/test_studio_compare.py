"""Compare models in the browser: two simulated models end to end, live, and hostile prompts."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Locator, expect
from tests.support.browser import HEIGHT, Window
from tests.support.browser_pages import StudioPage
from tests.support.hostile import TEXTS
from tests.support.seeding import WORKFLOWS, run_sample
from tests.support.servers import Stack

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

OVERFLOW: Final = (
    "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
)
WORKER_MS: Final = 60_000
"""A worker process loads its libraries first."""


class ComparePage(StudioPage):
    """The page Compare models."""

    def open(self) -> None:
        """Open the list and the form."""
        self.page.goto(f"{self.url}/compare")
        self.run_button.wait_for()
        self.settle()

    @property
    def run_button(self) -> Locator:
        """The one primary button."""
        return self.page.locator(".st-key-compare_run button")

    @property
    def prompt(self) -> Locator:
        """Where the prompt is written."""
        return self.page.locator(".st-key-compare_prompt textarea")

    @property
    def models(self) -> Locator:
        """Where models are named."""
        return self.page.locator(".st-key-compare_models input")

    def ask(self, prompt: str, models: str) -> None:
        """Fill the form in and start."""
        self.prompt.fill(prompt)
        self.prompt.press("Control+Enter")
        self.settle()
        self.models.fill(models)
        self.models.press("Enter")
        expect(self.run_button).to_be_enabled()
        self.settle()
        self.run_button.click()
        self.page.locator("[data-testid=compare-verdict]").wait_for()

    def has_ended(self, runs: int) -> None:
        """Wait until all runs have ended."""
        chip = self.page.locator(".replay-title .chip", has_text=f"{runs} of {runs} runs")
        expect(chip).to_be_visible(timeout=WORKER_MS)
        self.settle()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("compare") / "home"
    home.mkdir(parents=True)
    (home.parent / "secondtake.toml").write_text(f'workflows_root = "{WORKFLOWS}"\n')
    run_sample(home, "assistant")
    return home


@pytest.fixture(scope="module")
def studio(home: Path, open_stack: Callable[..., Stack]) -> Stack:
    return open_stack(home, spare_worker=True)


@pytest.fixture
def compare(window: Window, studio: Stack) -> ComparePage:
    """The page, not yet opened."""
    return ComparePage(window, studio.url)


def test_two_simulated_models_are_compared_end_to_end(compare: ComparePage) -> None:
    compare.open()
    compare.window.pictures("compare-list")
    compare.ask("What is 17 * 23?", "sim/strong, sim/weak")
    compare.has_ended(2)
    page = compare.page
    expect(page.locator(".compare-table tbody tr")).to_have_count(2)
    expect(page.locator(".compare-table tbody tr").first).to_contain_text("baseline")
    expect(page.locator(".chip.simulated")).to_be_visible()
    expect(page.locator(".answers .one-answer")).to_have_count(2)
    expect(page.locator("[data-testid=stPlotlyChart] .scatterlayer .point")).to_have_count(2)
    compare.window.pictures("compare")
    address = page.url

    page.locator(".answers .run-link").first.click()
    page.locator(".run-head").wait_for()
    compare.settle()
    page.go_back()
    page.locator("[data-testid=compare-verdict]").wait_for()
    compare.wait_for(lambda: page.url == address, what="the comparison again")

    page.get_by_text("All comparisons").click()
    page.locator(".past-row").first.click()
    page.locator("[data-testid=compare-verdict]").wait_for()


def test_a_workflow_is_compared_by_keyboard_alone(compare: ComparePage) -> None:
    compare.open()
    page = compare.page
    page.locator(".st-key-compare_kind button", has_text="Workflow").focus()
    page.keyboard.press("Enter")
    flow = page.locator("[data-act=workflow]").first
    flow.focus()
    page.keyboard.press("Enter")
    expect(flow).to_have_attribute("aria-pressed", "true")
    for name in ("sim/strong", "sim/weak"):
        chip = page.locator(f'[data-act=model][data-value="{name}"]')
        chip.focus()
        page.keyboard.press("Enter")
        expect(chip).to_have_attribute("aria-pressed", "true")
        compare.settle()
    expect(compare.models).to_have_value("sim/strong, sim/weak")
    compare.run_button.focus()
    page.keyboard.press("Enter")
    compare.has_ended(2)


def test_cases_come_from_a_file_of_the_reader(compare: ComparePage) -> None:
    compare.open()
    page = compare.page
    page.locator(".st-key-compare_more_prompt summary").click()
    page.locator("[data-act=tool][data-value=calculator]").click()
    compare.settle()
    compare.window.pictures("compare-more-prompt")
    page.locator(".st-key-compare_kind button", has_text="Workflow").click()
    page.locator("[data-act=workflow]").first.click()
    page.locator(".st-key-compare_more_workflow summary").click()
    compare.window.pictures("compare-more")
    lines = b'{"topic": "heat pumps"}\n{"topic": }\n'
    file = page.locator(".st-key-compare_file input[type=file]")
    file.set_input_files({"name": "<b>mine.jsonl", "mimeType": "text/plain", "buffer": lines})
    refusal = page.locator(".st-key-compare_cases_count")
    expect(refusal).to_contain_text("<b>mine.jsonl:2:11: no JSON (Expecting value)")
    compare.window.pictures("compare-more-refused")
    page.set_viewport_size({"width": 1280, "height": HEIGHT})
    compare.window.picture("compare-more-1280-light")
    assert page.evaluate(OVERFLOW) <= 0
    page.get_by_text("Use no file").click()
    expect(page.locator(".st-key-compare_cases textarea")).to_be_visible()


def test_an_unknown_model_is_a_failure_with_its_reason(compare: ComparePage) -> None:
    compare.open()
    compare.ask("Hello", "sim/strong, sim/nobody")
    compare.has_ended(2)
    expect(compare.page.locator(".failure-row")).to_contain_text("no simulated model")
    compare.window.pictures("compare-failed")


def test_hostile_prompts_are_text(compare: ComparePage) -> None:
    compare.open()
    compare.ask(TEXTS["script"] + TEXTS["outside"] + TEXTS["markdown"], "sim/strong, sim/weak")
    compare.has_ended(2)
    expect(compare.page.locator(".inputs-text")).to_contain_text("<script>")
    compare.window.picture("compare-hostile-light")
