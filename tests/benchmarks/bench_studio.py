"""How fast the studio and its server are with 200,000 spans stored, in a real browser.

Medians of several tries, each with its bar beside it. "Warm" is a new page of a browser whose
scripts are cached; the first visit of a new profile is printed beside it. Times are the wall clock
of the person: from the click, or the address, to what is meant to be seen.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from playwright.sync_api import BrowserContext
from tests.support.browser import NoBrowserError, Window, find_or_install, opened_browser
from tests.support.browser_pages import RunPage, RunsPage
from tests.support.seeding import LiveRun, backend_of
from tests.support.seeding_bulk import Bulk, write_bulk
from tests.support.servers import Stack, Up, resident_mb, wait_for_run

from secondtake.backend.client.client import Client
from secondtake.backend.models.runs import RunQuery, StateQuery
from secondtake.backend.models.statistics import StatisticsQuery

T = TypeVar("T")

TRIES: Final = 7
REST_S: Final = 5.0
"""How long a server is left alone before its memory is read."""
POLL_S: Final = 0.02
"""How often the page is looked at. Playwright's own waiting looks only every half second once it has
waited a quarter of one, which is what it would be measuring; looking all the time would take the
browser's processor away."""
REQUEST_TRIES: Final = 9
STARTS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One line of the table."""

    name: str
    values: list[float]
    unit: str = "ms"
    bar: float | None = None
    first: float | None = None
    """The first visit of a new profile."""

    def line(self) -> str:
        """Return it as a line: median, slowest, first visit, bar."""
        median = statistics.median(self.values)
        bar, verdict = "", ""
        if self.bar is not None:
            bar = f"≤ {self.bar:,.0f}"
            verdict = "" if median <= self.bar else "  MISSED"
        first = "" if self.first is None else f"{self.first:,.0f}"
        numbers = f"{median:>9,.0f}{max(self.values):>9,.0f}{first:>9}{bar:>10}"
        return f"{self.name:46}{numbers} {self.unit}{verdict}"


HEAD: Final = f"{'':46}{'median':>9}{'slowest':>9}{'cold':>9}{'bar':>10}"


def main() -> None:
    """Measure, and print one table."""
    folder = Path(tempfile.mkdtemp(prefix="bench-studio-"))
    try:
        home = folder / "home"
        bulk = _seed(home)
        _say(HEAD)
        for measured in _measure(folder, home, bulk):
            _say(measured.line())
        _say("")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _seed(home: Path) -> Bulk:
    load = os.getloadavg()
    begun = time.perf_counter()
    bulk = write_bulk(home)
    written_s = time.perf_counter() - begun
    backend_of(home).load()
    loaded_s = time.perf_counter() - begun - written_s
    _say(f"load average at start {load[0]:.1f}, on {os.cpu_count()} processors")
    _say(f"studio, {bulk.spans:,} spans in {bulk.runs:,} runs "
         f"(written in {written_s:.1f} s, loaded in {loaded_s:.1f} s)")  # fmt: skip
    return bulk


def _measure(folder: Path, home: Path, bulk: Bulk) -> Iterator[Measured]:
    yield from _starts(home)
    with Stack(home) as stack:
        time.sleep(REST_S)
        at_rest_mb = resident_mb(stack.server.pid)
        yield Measured(name="server memory at rest", values=[at_rest_mb], unit="MB", bar=200)
        at_rest_mb = resident_mb(stack.studio.pid)
        yield Measured(name="studio memory at rest", values=[at_rest_mb], unit="MB")
        with closing(Client(stack.api_url)) as client:
            yield from _requests(client, bulk)
        try:
            chromium = find_or_install()
        except NoBrowserError as error:
            _say(f"nothing is measured in a browser: {error}")
            return
        yield from _in_browser(chromium, folder, home, stack, bulk)
        time.sleep(REST_S)
        used_mb = resident_mb(stack.server.pid)
        yield Measured(name="server memory afterwards", values=[used_mb], unit="MB")
        used_mb = resident_mb(stack.studio.pid)
        yield Measured(name="studio memory afterwards", values=[used_mb], unit="MB")


def _starts(home: Path) -> Iterator[Measured]:
    servers: list[float] = []
    studios: list[float] = []
    ends: list[float] = []
    for _ in range(STARTS):
        with Up(home) as up:
            servers.append(1000 * up.server_ready_s)
            studios.append(1000 * up.studio_ready_s)
            begun = time.perf_counter()
        ends.append(1000 * (time.perf_counter() - begun))
    yield Measured(name="`up`: server answers", values=servers, bar=3000)
    yield Measured(name="`up`: studio answers", values=studios, bar=6000)
    yield Measured(name="`up`: all has ended after Ctrl-C", values=ends, bar=5000)


def _requests(client: Client, bulk: Bulk) -> Iterator[Measured]:
    small, large = str(bulk.newest_run_id), str(bulk.large_run_id)
    asked: dict[str, Callable[[], object]] = {
        "50 runs": lambda: client.list_runs(RunQuery(limit=50)),
        "200 runs": lambda: client.list_runs(RunQuery(limit=200)),
        "failed runs": lambda: client.list_runs(RunQuery(status=("error",))),
        "runs with a text": lambda: client.list_runs(RunQuery(text="heat pumps no. 77")),
        "statistics": lambda: client.run_statistics(StatisticsQuery()),
        "facets": client.run_facets,
        "a run of 11 spans": lambda: client.get_run(small, max_chars=20_000),
        "its spans": lambda: client.run_spans(small),
        "its state": lambda: client.fold_state(StateQuery(run=small)),
        "a run of 5,000 spans": lambda: client.get_run(large, max_chars=20_000),
        "its 5,000 spans": lambda: client.run_spans(large),
    }
    for name, ask in asked.items():
        values = [_milliseconds(ask) for _ in range(REQUEST_TRIES)]
        yield Measured(name=f"API: {name}", values=values)


def _in_browser(
    chromium: Path, folder: Path, home: Path, stack: Stack, bulk: Bulk
) -> Iterator[Measured]:
    cold_runs = _cold(chromium, folder / "cold-runs", lambda w: _runs(w, stack.url))
    cold_run = _cold(
        chromium, folder / "cold-run", lambda w: _run(w, stack.url, str(bulk.newest_run_id))
    )
    with opened_browser(chromium, folder / "warm") as context:
        _in_new_page(context, lambda w: _runs(w, stack.url))
        _in_new_page(context, lambda w: _run(w, stack.url, str(bulk.newest_run_id)))

        def times(visit: Callable[[Window], float]) -> list[float]:
            return [_in_new_page(context, visit) for _ in range(TRIES)]

        newest, large = str(bulk.newest_run_id), str(bulk.large_run_id)
        values = times(lambda w: _runs(w, stack.url))
        yield Measured(name="Runs: first row", values=values, bar=1500, first=cold_runs)
        values = times(lambda w: _run(w, stack.url, newest))
        yield Measured(name="Run: by its address", values=values, bar=1500, first=cold_run)
        values = times(lambda w: _row_to_run(w, stack.url))
        yield Measured(name="Runs → Run: a click on a row", values=values, bar=800)
        values = times(lambda w: _pill(w, stack.url))
        yield Measured(name="Runs: a click on a filter", values=values, bar=400)
        values = times(lambda w: _span(w, stack.url, newest))
        yield Measured(name="Run: a click in the waterfall", values=values, bar=400)
        values = times(lambda w: _run(w, stack.url, large))
        yield Measured(name="Run of 5,000 spans: by its address", values=values, bar=2000)
        values = times(lambda w: _span(w, stack.url, large))
        yield Measured(name="Run of 5,000 spans: a click in the waterfall", values=values, bar=400)
        values = _in_new_page(context, lambda w: _live(w, stack.url, stack.api_url, home))
        yield Measured(name="Run that goes on: a step is seen", values=values, bar=2000)


def _runs(window: Window, url: str) -> float:
    page = RunsPage(window, url)

    def visit() -> None:
        page.goto()
        _until(page.rows.first.is_visible)

    return _milliseconds(visit)


def _run(window: Window, url: str, run_id: str) -> float:
    page = RunPage(window, url)

    def visit() -> None:
        page.goto(run_id)
        _wait_for_run(page)

    return _milliseconds(visit)


def _row_to_run(window: Window, url: str) -> float:
    runs, run = RunsPage(window, url), RunPage(window, url)
    runs.open(range="30d")
    runs.settle()

    def click() -> None:
        runs.rows.nth(3).click()
        _wait_for_run(run)

    return _milliseconds(click)


def _wait_for_run(page: RunPage) -> None:
    """Wait until head, waterfall and conversation of a run are there."""
    for part in (page.head, page.spans.first, page.right.first):
        _until(part.is_visible)


def _pill(window: Window, url: str) -> float:
    runs = RunsPage(window, url)
    runs.open(range="30d")
    runs.settle()
    before = runs.counted
    click = runs.pill("Failed")

    def choose() -> None:
        click.click()
        _until(lambda: runs.counted != before)

    return _milliseconds(choose)


def _span(window: Window, url: str, run_id: str) -> float:
    page = RunPage(window, url)
    page.goto(run_id)
    _wait_for_run(page)
    page.settle()
    page.show_tab("What the model saw")
    page.settle()
    before = page.right.first.inner_text()
    row = page.spans.filter(has_text="call 3").first
    show = page.right.first

    def choose() -> None:
        row.click()
        _until(lambda: show.inner_text() != before)

    return _milliseconds(choose)


def _live(window: Window, url: str, api_url: str, home: Path) -> list[float]:
    page = RunPage(window, url)
    with LiveRun(home) as live:
        live.step()
        with closing(Client(api_url)) as client:
            wait_for_run(client, live.run_id)
        page.goto(live.run_id)
        page.spans.first.wait_for()
        page.settle()

        def step() -> None:
            _until(page.spans.filter(has_text=f"step_{live.step()}").is_visible)

        return [_milliseconds(step) for _ in range(TRIES)]


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + 15
    while not is_so():
        time.sleep(POLL_S)
        assert time.perf_counter() < deadline, "it was not seen within 15 s"


def _cold(chromium: Path, profile: Path, visit: Callable[[Window], float]) -> float:
    with opened_browser(chromium, profile) as context:
        return _in_new_page(context, visit)


def _in_new_page(context: BrowserContext, visit: Callable[[Window], T]) -> T:
    with _opened(context) as window:
        return visit(window)


@contextmanager
def _opened(context: BrowserContext) -> Iterator[Window]:
    window = Window(context)
    try:
        yield window
    finally:
        window.close()


def _milliseconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - begun)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
