"""One browser for each module of browser tests, and a page for each test that is checked at its end."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import BrowserContext
from tests.support.browser import (
    NoBrowserError,
    Window,
    assert_no_console_error,
    assert_no_dialog,
    assert_no_request_left_the_host,
    find_or_install,
    opened_browser,
)
from tests.support.browser_outside import BROWSERS_OWN, Outside
from tests.support.browser_pages import RunPage, RunsPage
from tests.support.seeding import backend_of
from tests.support.seeding_bulk import SPANS_PER_RUN, Bulk, write_bulk
from tests.support.servers import Stack, Up

BULK_RUNS: Final = 80
_FAILED: Final = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep whether a test failed: its page is then looked at before it is closed."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A Chromium that starts. Tests skip where there is none and none can be installed."""
    try:
        return find_or_install()
    except NoBrowserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    """Everything but this machine, for the servers."""
    with Outside() as outside:
        yield outside


@pytest.fixture(scope="module")
def outside_of_browser() -> Iterator[Outside]:
    """Everything but this machine, for the browser."""
    with Outside(ignored=BROWSERS_OWN) as outside:
        yield outside


@pytest.fixture(scope="module")
def browser(
    chromium: Path, outside_of_browser: Outside, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """A browser of the module's own: what its pages loaded once is there for the next.

    Not of the session: Playwright keeps an event loop going in this thread, and other tests that
    want one of their own would fail.
    """
    profile = tmp_path_factory.mktemp("profile")
    with opened_browser(chromium, profile, outside=outside_of_browser) as context:
        yield context


@pytest.fixture
def window(
    request: pytest.FixtureRequest,
    browser: BrowserContext,
    outside: Outside,
    outside_of_browser: Outside,
) -> Iterator[Window]:
    """A page. At its end: nothing asked for another host, no error in the console, no dialog."""
    window = Window(browser)
    yield window
    if request.node.stash.get(_FAILED, False):
        window.picture(f"failed-{request.node.name}")
        request.node.add_report_section("call", "page", window.described())
    window.forget()
    window.close()
    assert_no_dialog(window)
    assert_no_request_left_the_host(window, outside, outside_of_browser)
    assert_no_console_error(window)


@pytest.fixture(scope="session")
def bulk_stack(
    outside: Outside, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stack, Bulk]]:
    """Server and studio on a home with some tens of runs of the last thirty days.

    Of the session, for modules that add nothing to it; whoever ends the server starts it again.
    """
    home = tmp_path_factory.mktemp("bulk") / "home"
    bulk = write_bulk(home, spans=BULK_RUNS * SPANS_PER_RUN, now=datetime.now(UTC))
    backend_of(home).load()
    with Stack(home, spare_worker=False, **outside.environment) as stack:
        yield stack, bulk


@pytest.fixture
def bulk(bulk_stack: tuple[Stack, Bulk]) -> Bulk:
    """What the home of `bulk_stack` holds."""
    return bulk_stack[1]


@pytest.fixture(scope="module")
def open_stack(outside: Outside) -> Iterator[Callable[..., Stack]]:
    """Start server and studio on a home. At the module's end they end, and left nothing behind.

    With `spare_worker=True` the server is ready to execute a run.
    """
    with ExitStack() as stack:

        def start(home: Path, *, spare_worker: bool = False) -> Stack:
            made = Stack(home, spare_worker=spare_worker, **outside.environment)
            return stack.enter_context(made)

        yield start


@pytest.fixture
def runs_page(window: Window, studio: Stack | Up) -> RunsPage:
    """The list of runs, not yet opened."""
    return RunsPage(window, studio.url)


@pytest.fixture
def run_page(window: Window, studio: Stack | Up) -> RunPage:
    """The page of a run, not yet opened."""
    return RunPage(window, studio.url)
