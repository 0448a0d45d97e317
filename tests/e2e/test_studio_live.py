"""Runs that go on while one looks at them, under `secondtake up`: steps, questions, an end."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from playwright.sync_api import expect
from tests.support.browser_outside import Outside
from tests.support.browser_pages import OUTSIDE_SOURCES, RunPage, RunsPage
from tests.support.hostile import EVERYTHING
from tests.support.seeding import WORKFLOWS, LiveRun
from tests.support.servers import END_TIMEOUT_S, READY_TIMEOUT_S, Up, wait_for_run, wait_until

from secondtake.backend.client.client import Client
from secondtake.backend.errors import SecondTakeError
from secondtake.backend.models.executions import RunRequest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

CHOICES: Final = ("<img src=x onerror=alert(1)>", "![a](http://outside.example/c.png)")
TICKET: Final = "My invoice 2025-118 looks too high. Please explain it before Friday."


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live") / "home"


@pytest.fixture(scope="module")
def workflows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample workflows, and one that asks a person a hostile question."""
    folder = tmp_path_factory.mktemp("workflows") / "workflows"
    shutil.copytree(WORKFLOWS, folder)
    asking = {
        "name": "hostile_question",
        "inputs": {"text": {"description": "What is asked."}},
        "state": {"answer": {"type": "string"}},
        "nodes": {
            "ask": {
                "kind": "human",
                "question": "{{ text }}",
                "choices": list(CHOICES),
                "output": "answer",
            }
        },
        "edges": [{"from": "START", "to": "ask"}, {"from": "ask", "to": "END"}],
        "output": "answer",
    }
    (folder / "hostile_question.yaml").write_bytes(orjson.dumps(asking))
    return folder


@pytest.fixture(scope="module")
def studio(home: Path, outside: Outside, workflows: Path) -> Iterator[Up]:
    """Everything as a person starts it."""
    with Up(home, SECONDTAKE_WORKFLOWS_ROOT=str(workflows), **outside.environment) as up:
        yield up


@pytest.fixture(scope="module")
def client(studio: Up) -> Iterator[Client]:
    with closing(Client(studio.api_url)) as client:
        yield client


@pytest.fixture
def waiting(client: Client) -> UUID:
    """A run of a worker that waits for a person."""
    return _asking(client, workflow="support", inputs={"ticket": TICKET}, user_id="ada")


def _asking(client: Client, **requested: Any) -> UUID:
    """Start a run and wait until it waits for a person."""
    run_id = client.request_run(RunRequest(**requested)).run_id

    def asks() -> bool:
        with suppress(SecondTakeError):
            return client.get_run(str(run_id)).summary.question is not None
        return False

    wait_until(asks, what="the question", timeout_s=READY_TIMEOUT_S)
    return run_id


def _status(client: Client, run_id: UUID) -> Callable[[str], bool]:
    return lambda status: client.get_run(str(run_id)).summary.status == status


def test_a_run_that_goes_on_shows_its_steps_by_itself(
    run_page: RunPage, client: Client, home: Path
) -> None:
    with LiveRun(home) as live:
        live.step()
        wait_for_run(client, live.run_id)
        run_page.goto(live.run_id)
        expect(run_page.spans.filter(has_text="step_1")).to_be_visible()
        expect(run_page.head).to_contain_text("running")
        for _ in range(3):
            number = live.step()
            expect(run_page.spans.filter(has_text=f"step_{number}")).to_be_visible()
            expect(run_page.right.first).to_contain_text(f"This is live step {number}.")
        live.end()
        expect(run_page.head).not_to_contain_text("running")
        expect(run_page.head).to_contain_text("ok")
        expect(run_page.cancel).to_have_count(0)


def test_what_is_being_read_stays_where_it_is(
    run_page: RunPage, client: Client, home: Path
) -> None:
    with LiveRun(home) as live:
        for _ in range(30):
            live.step()
        wait_for_run(client, live.run_id)
        run_page.goto(live.run_id)
        expect(run_page.spans.filter(has_text="step_1").first).to_be_visible()
        run_page.spans.filter(has_text="step_2").first.click()
        run_page.settle()
        place = run_page.spans.filter(has_text="step_2").first.bounding_box()
        scrolled = run_page.right.first.evaluate("pane => pane.scrollTop")
        for _ in range(3):
            live.step()
        expect(run_page.head).to_contain_text("33 LLM calls")
        assert run_page.spans.filter(has_text="step_2").first.bounding_box() == place
        assert run_page.right.first.evaluate("pane => pane.scrollTop") == scrolled
        live.end()


def test_a_run_that_fails_while_one_looks_shows_its_error(
    run_page: RunPage, client: Client, home: Path
) -> None:
    with LiveRun(home) as live:
        live.step()
        wait_for_run(client, live.run_id)
        run_page.goto(live.run_id)
        expect(run_page.spans.filter(has_text="step_1")).to_be_visible()
        live.fail()
        expect(run_page.right.first).to_contain_text("told to fail")
        run_page.window.pictures("run-failed-while-looking")


def test_a_run_whose_process_was_killed_is_interrupted(
    run_page: RunPage, client: Client, home: Path
) -> None:
    with LiveRun(home) as live:
        live.step()
        wait_for_run(client, live.run_id)
        run_page.goto(live.run_id)
        expect(run_page.spans.filter(has_text="step_1")).to_be_visible()
        live.kill()
        expect(run_page.head).to_contain_text("interrupted")


def test_a_new_run_appears_in_the_list_by_itself(runs_page: RunsPage, home: Path) -> None:
    runs_page.open(range="All")
    with LiveRun(home) as live:
        live.step()
        expect(runs_page.row(live.run_id)).to_be_visible()
        live.end()


def test_a_question_is_answered_on_the_page_and_the_run_goes_on(
    run_page: RunPage, client: Client, waiting: UUID
) -> None:
    run_page.goto(waiting)
    expect(run_page.question).to_contain_text("Send this reply?")
    expect(run_page.head).to_contain_text("waiting")
    expect(run_page.right.first).to_contain_text(TICKET)
    run_page.window.pictures("run-waiting-for-a-person")
    run_page.question.get_by_role("button", name="send").click()
    expect(run_page.question).to_have_count(0)
    expect(run_page.head).to_contain_text("ok")
    status = _status(client, waiting)
    wait_until(lambda: status("ok"), what="the end", timeout_s=END_TIMEOUT_S)
    answers = [call.result for call in client.get_run(str(waiting)).tool_calls]
    assert "send" in answers
    run_page.window.pictures("run-answered-by-a-person")


def test_a_hostile_question_is_read_and_answered_with_a_hostile_choice(
    run_page: RunPage, client: Client
) -> None:
    run_id = _asking(client, workflow="hostile_question", inputs={"text": EVERYTHING})
    run_page.goto(run_id)
    expect(run_page.question).to_contain_text("<script>alert('script')</script>")
    assert run_page.page.evaluate(OUTSIDE_SOURCES) == []
    run_page.window.pictures("run-hostile-question")
    for choice in CHOICES:
        expect(run_page.question.get_by_role("button", name=choice, exact=True)).to_be_visible()
    run_page.question.get_by_role("button", name=CHOICES[0], exact=True).click()
    expect(run_page.question).to_have_count(0)
    status = _status(client, run_id)
    wait_until(lambda: status("ok"), what="the end", timeout_s=END_TIMEOUT_S)
    assert [call.result for call in client.get_run(str(run_id)).tool_calls] == [CHOICES[0]]
    assert run_page.page.evaluate(OUTSIDE_SOURCES) == []


def test_waiting_runs_are_found_by_their_pill_and_answered_by_keys(
    runs_page: RunsPage, waiting: UUID
) -> None:
    runs_page.open(range="All", view="Waiting")
    expect(runs_page.row(waiting)).to_be_visible()
    runs_page.row(waiting).click()
    run = RunPage(runs_page.window, runs_page.url)
    expect(run.question).to_contain_text("Send this reply?")
    run.question.get_by_role("button", name="send").focus()
    run.page.keyboard.press("Enter")
    expect(run.question).to_have_count(0)
    expect(run.head).to_contain_text("ok")


def test_a_run_is_cancelled_on_the_page(run_page: RunPage, client: Client, waiting: UUID) -> None:
    run_page.goto(waiting)
    run_page.cancel.click()
    expect(run_page.head).to_contain_text("cancelled")
    status = _status(client, waiting)
    wait_until(lambda: status("cancelled"), what="the end", timeout_s=END_TIMEOUT_S)
    expect(run_page.cancel).to_have_count(0)
    run_page.window.picture("run-cancelled-light")
