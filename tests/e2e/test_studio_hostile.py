"""Texts that try to be more than text, on both pages: they are read, and do nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from playwright.sync_api import expect
from tests.support.browser_pages import OUTSIDE_SOURCES, TABS, RunPage, RunsPage
from tests.support.hostile import TEXTS, write_hostile_runs
from tests.support.seeding import backend_of
from tests.support.servers import Stack

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

MARK: Final = "<script>alert('script')</script>"
"""The beginning of every hostile text of the runs whose every tab is looked at."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "home"


@pytest.fixture(scope="module")
def ids(home: Path) -> dict[str, UUID]:
    """A home full of hostile runs, by what each tries."""
    ids = write_hostile_runs(home, newest=datetime.now(UTC))
    report = backend_of(home).load()
    assert report.rejected == 0, report
    return ids


@pytest.fixture(scope="module")
def studio(home: Path, ids: dict[str, UUID], open_stack: Callable[[Path], Stack]) -> Stack:
    return open_stack(home)


def test_the_list_shows_hostile_texts_as_text(runs_page: RunsPage, ids: dict[str, UUID]) -> None:
    runs_page.open(range="All")
    assert set(runs_page.ids()) == {str(run_id) for run_id in ids.values()}
    expect(runs_page.row(ids["script"])).to_contain_text(MARK[:20])
    expect(runs_page.row(ids["markdown"])).to_contain_text("![picture](")
    runs_page.settle()
    assert runs_page.page.evaluate(OUTSIDE_SOURCES) == []
    runs_page.window.pictures("runs-hostile")


def test_the_filters_show_hostile_texts_as_text(runs_page: RunsPage) -> None:
    runs_page.open(range="All")
    runs_page.page.locator(".st-key-runs_filter button").first.click()
    expect(runs_page.page.get_by_text(f"workflow: {MARK[:20]}").first).to_be_visible()
    runs_page.settle()
    assert runs_page.page.evaluate(OUTSIDE_SOURCES) == []
    runs_page.window.picture("runs-hostile-filters-light")


@pytest.mark.parametrize("kind", ["everything", "huge", "long names"])
def test_every_tab_shows_hostile_texts_as_text(
    run_page: RunPage, ids: dict[str, UUID], kind: str
) -> None:
    run_page.open(ids[kind])
    expect(run_page.spans.first).to_be_visible()
    run_page.window.pictures(f"run-hostile-{kind.replace(' ', '-')}")
    for tab in TABS:
        run_page.show_tab(tab)
        if tab != "Cost":
            expect(run_page.right.first).to_contain_text(MARK[:20])
        assert run_page.page.evaluate(OUTSIDE_SOURCES) == []
        if kind == "everything":
            run_page.window.picture(f"run-hostile-{tab}-light".replace(" ", "-").lower())
    run_page.show_tab("Conversation")


@pytest.mark.parametrize("kind", ["everything", "huge"])
def test_the_graph_and_a_span_show_hostile_texts_as_text(
    run_page: RunPage, ids: dict[str, UUID], kind: str
) -> None:
    run_page.open(ids[kind])
    for number in range(run_page.spans.count()):
        run_page.spans.nth(number).click()
        run_page.settle()
    assert run_page.page.evaluate(OUTSIDE_SOURCES) == []
    run_page.goto(ids[kind], left="graph")
    run_page.head.wait_for()
    run_page.right.first.wait_for()
    run_page.settle()
    assert run_page.page.evaluate(OUTSIDE_SOURCES) == []
    run_page.window.picture(f"run-hostile-{kind}-graph-light")


@pytest.mark.parametrize("kind", list(TEXTS))
def test_a_run_of_each_kind_of_text_is_readable(
    run_page: RunPage, ids: dict[str, UUID], kind: str
) -> None:
    run_page.open(ids[kind])
    expect(run_page.right.first).to_contain_text("user message: ")
    assert run_page.page.evaluate(OUTSIDE_SOURCES) == []
    overflow = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert run_page.page.evaluate(overflow) <= 0
    run_page.window.picture(f"run-hostile-{kind}-light")


def test_a_hostile_search_finds_and_does_nothing(runs_page: RunsPage, ids: dict[str, UUID]) -> None:
    runs_page.open(range="All", q=MARK)
    assert str(ids["script"]) in runs_page.ids()
    assert runs_page.search_field.input_value() == MARK
    runs_page.goto(q="'; DROP TABLE runs; --", session="<img src=x onerror=alert(1)>", range="All")
    expect(runs_page.page.get_by_text("No run fits")).to_be_visible()
    runs_page.open(range="All")
