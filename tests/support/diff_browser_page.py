"""The studio's Diff page as a person sees it."""

from typing import Final
from urllib.parse import urlencode

from playwright.sync_api import Locator
from tests.support.browser_pages import StudioPage

DIFF_TABS: Final = {
    "Steps": None,
    "Final answer": "answer",
    "Configuration": "configuration",
    "Inputs": "inputs",
    "State": "state",
    "Money & time": "money",
}
"""The views of a diff, and how the address calls them."""


class DiffPage(StudioPage):
    """The page that compares two runs."""

    @property
    def verdict(self) -> Locator:
        """The sentence on top."""
        return self.page.get_by_test_id("diff-verdict")

    @property
    def body(self) -> Locator:
        """What stands below the tabs."""
        return self.page.get_by_test_id("diff-body")

    @property
    def divergence(self) -> Locator:
        """The bar that says where the runs part."""
        return self.page.get_by_test_id("diff-divergence")

    @property
    def pairs(self) -> Locator:
        """The pairs of steps that are shown."""
        return self.body.locator(".diff-row[data-stop]")

    @property
    def detail(self) -> Locator:
        """The pair that is open."""
        return self.page.get_by_test_id("diff-detail")

    @property
    def picker(self) -> Locator:
        """The runs to choose from."""
        return self.page.get_by_test_id("diff-picker")

    @property
    def note(self) -> Locator:
        """What is said of runs that go on."""
        return self.page.get_by_test_id("diff-note")

    def fact(self, label: str) -> Locator:
        """Return a figure of the strip."""
        return self.page.get_by_test_id("diff-strip").locator(".diff-fact", has_text=label)

    def card(self, letter: str) -> Locator:
        """Return the card of a side."""
        return self.page.get_by_test_id(f"diff-card-{letter.lower()}")

    def show_tab(self, name: str) -> None:
        """Choose a view and wait until it is drawn: it writes the address when it is."""
        self.page.locator(".st-key-diff_tab button", has_text=name).click()
        code = DIFF_TABS[name]
        wanted = None if code is None else [code]
        self.wait_for(lambda: self.query.get("tab") == wanted, what=f"the view {name}")
        self.settle()

    def open(self, a: object, b: object, **query: str) -> None:
        """Open the page and wait until the two runs are compared."""
        self.page.goto(f"{self.url}/diff?{urlencode({'a': str(a), 'b': str(b), **query})}")
        self.body.wait_for()
