"""The studio's two pages as a person sees them: where things are, in one place for all tests."""

from collections.abc import Callable
from typing import Final, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Locator, Page
from tests.support.browser import PATIENCE_MS, Window

Pill = Literal["Failed", "Slow", "Expensive", "Unpriced", "Waiting"]
TABS: Final = {
    "Conversation": None,
    "What the model saw": "saw",
    "Tool calls": "tools",
    "Cost": "cost",
    "Raw": "raw",
}
"""The views on the right of a run, and how the address calls them."""

_QUIET: Final = """(quiet_ms) => {
  const app = document.querySelector('[data-testid=stApp]');
  if (!app || app.dataset.testScriptState === 'running') {
    window.quietSince = undefined;
    return false;
  }
  window.quietSince ??= performance.now();
  return performance.now() - window.quietSince > quiet_ms;
}"""
QUIET_MS: Final = 200
"""How long Streamlit must have nothing to do: a click is told to it a moment later."""

OUTSIDE_SOURCES: Final = """() => {
  const found = [];
  const isOutside = (value) => {
    const url = URL.parse(value, location.href);
    if (!url || ['data:', 'blob:'].includes(url.protocol)) return false;
    return url.host !== location.host || !url.protocol.startsWith('http');
  };
  const walk = (root) => {
    for (const each of root.querySelectorAll('*')) {
      for (const name of ['src', 'href', 'poster', 'data', 'action', 'xlink:href']) {
        const value = each.getAttribute(name);
        if (value && isOutside(value)) found.push(`${each.localName} ${name} ${value.slice(0, 80)}`);
      }
      if (each.matches('iframe, object, embed, base, meta[http-equiv], [srcset], [onerror]')) {
        found.push(each.localName);
      }
      if (each.shadowRoot) walk(each.shadowRoot);
    }
  };
  walk(document);
  return found;
}"""
"""Finds elements that would load or lead to another host."""


class StudioPage:
    """What both pages have."""

    def __init__(self, window: Window, url: str) -> None:
        self.window = window
        self.page: Page = window.page
        self.url = url

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the address."""
        return parse_qs(urlsplit(self.page.url).query)

    @property
    def away(self) -> Locator:
        """What is said while the server is away."""
        return self.page.locator(".st-key-away")

    @property
    def crash(self) -> Locator:
        """What Streamlit shows for an exception in a page."""
        return self.page.locator("[data-testid=stException]")

    def settle(self) -> None:
        """Wait until Streamlit has drawn what it was asked for."""
        self.page.evaluate("() => { window.quietSince = undefined; }")
        self.page.wait_for_function(_QUIET, arg=QUIET_MS)

    def wait_for(self, condition: Callable[[], bool], *, what: str) -> None:
        """Wait until a condition holds that needs the page's own events to go on."""
        waited_ms = 0.0
        while not condition():
            assert waited_ms < PATIENCE_MS, f"{what}: not within {PATIENCE_MS / 1000:.0f} s"
            self.page.wait_for_timeout(25)
            waited_ms += 25


class RunsPage(StudioPage):
    """The list of runs."""

    @property
    def rows(self) -> Locator:
        """The rows in sight and a few around them."""
        return self.page.locator("[role=grid] [role=row]")

    @property
    def search_field(self) -> Locator:
        """Where to type."""
        return self.page.locator(".st-key-runs_q input")

    @property
    def foot(self) -> Locator:
        """The line that counts the runs."""
        return self.page.locator(".foot", has_text="move")

    @property
    def counted(self) -> str:
        """How many runs there are, in words."""
        return self.foot.locator("span").first.inner_text()

    def open(self, **query: str) -> None:
        """Open the page and wait for its first row."""
        self.goto(**query)
        self.rows.first.wait_for()

    def goto(self, **query: str) -> None:
        """Open the page."""
        self.page.goto(f"{self.url}/?{urlencode(query)}" if query else self.url)

    def ids(self) -> list[str]:
        """Return the ids of the rows, from the top."""
        found: list[str] = self.page.evaluate(
            """() => {
              const all = [];
              const walk = (root) => {
                for (const each of root.querySelectorAll('*')) {
                  if (each.matches('[role=grid] [role=row]')) all.push(each);
                  if (each.shadowRoot) walk(each.shadowRoot);
                }
              };
              walk(document);
              const top = (row) => row.getBoundingClientRect().top;
              return all.sort((a, b) => top(a) - top(b)).map((row) => row.dataset.id);
            }"""
        )
        return found

    def row(self, run_id: object) -> Locator:
        """Return the row of a run."""
        return self.page.locator(f'[role=grid] [role=row][data-id="{run_id}"]')

    def pill(self, name: Pill) -> Locator:
        """Return a view's button."""
        return self.page.locator(".st-key-runs_pill button", has_text=name)

    def span(self, name: str) -> Locator:
        """Return the button of a stretch of time."""
        return self.page.locator(".st-key-runs_span button", has_text=name).first


class RunPage(StudioPage):
    """The page of one run."""

    @property
    def head(self) -> Locator:
        """Title, status and facts."""
        return self.page.locator(".run-head")

    @property
    def title(self) -> Locator:
        """What the run is about."""
        return self.head.locator("h1")

    @property
    def waterfall(self) -> Locator:
        """The tree of spans."""
        return self.page.get_by_role("tree", name="Steps of the run")

    @property
    def spans(self) -> Locator:
        """The rows of the waterfall in sight and a few around them."""
        return self.waterfall.get_by_role("treeitem")

    @property
    def right(self) -> Locator:
        """What stands on the right below the tabs."""
        return self.page.locator(".pane-fits")

    @property
    def question(self) -> Locator:
        """What a person is asked."""
        return self.page.locator("section.ask")

    @property
    def cancel(self) -> Locator:
        """The button that ends a run."""
        return self.page.locator(".st-key-run_cancel button")

    def tab(self, name: str) -> Locator:
        """Return the button of a view on the right."""
        return self.page.locator(".st-key-run_tab button", has_text=name)

    def show_tab(self, name: str) -> None:
        """Choose a view and wait until it is drawn: it writes the address when it is."""
        self.tab(name).click()
        code = TABS[name]
        wanted = None if code is None else [code]
        self.wait_for(lambda: self.query.get("tab") == wanted, what=f"the view {name}")

    def open(self, run_id: object, **query: str) -> None:
        """Open the page and wait for its head and its right side."""
        self.goto(run_id, **query)
        self.head.wait_for()
        self.right.first.wait_for()

    def goto(self, run_id: object, **query: str) -> None:
        """Open the page."""
        self.page.goto(f"{self.url}/run?{urlencode({'id': str(run_id), **query})}")
