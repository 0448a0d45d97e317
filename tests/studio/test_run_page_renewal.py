"""Runs that go on or are still to come, on the Run page: what is looked at, and what is kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from streamlit.testing.v1 import AppTest
from tests.support.stored import STARTED_AT, write_research_run
from tests.support.studio_pages import all_markup, checked, components, drawn

from secondtake.backend.client import Client
from secondtake.backend.models.records import EvaluationRow
from secondtake.runner import journal
from secondtake.runner.events import NodeFinished, NodeStarted, RunFinished, RunStarted
from secondtake.studio.run_page import data
from secondtake.studio.run_page.data import load_view, renew_view
from secondtake.studio.run_page.page_state import PageState


class Recorder:
    """A recorder in the middle of a run."""

    def __init__(self, writer: journal.SegmentWriter, api: TestClient) -> None:
        self.run_id = uuid4()
        self._writer, self._api, self._seq = writer, api, 0

    def begin(self) -> None:
        self._write(
            RunStarted, name="live", started_at=STARTED_AT, writer_id=self._writer.writer_id
        )

    def step(self, span_id: str) -> None:
        node = {"span_id": span_id, "node": span_id, "node_path": f"{span_id}[1]"}
        self._write(NodeStarted, **node, started_at=STARTED_AT)
        self._write(NodeFinished, **node, ended_at=STARTED_AT, duration_ms=0.0)

    def end(self) -> None:
        self._write(RunFinished, ended_at=STARTED_AT, status="ok")

    def _write(self, kind: Any, **fields: Any) -> None:
        common = {"run_id": self.run_id, "recorded_at": STARTED_AT, "seq": self._seq}
        self._seq += 1
        self._writer.write(kind(**common, **fields))
        self._writer.seal()
        assert self._api.post("/load").is_success


@pytest.fixture
def recorder(home: Path, api: TestClient) -> Iterator[Recorder]:
    with journal.SegmentWriter(home, seal_age_s=None) as writer:
        writer.run_begins()
        yield Recorder(writer, api)


def page(run_id: UUID) -> AppTest:
    def script() -> None:
        from secondtake.studio.pages import run

        run.show()

    return drawn(script, id=str(run_id))


def watching(client: Client, state: PageState) -> AppTest:
    """Only the part of the page that looks."""

    def script(client: "Client", state: "PageState") -> None:
        from secondtake.studio.run_page.renewal import watch

        watch(client, state)

    kwargs = {"client": client, "state": state}
    return checked(AppTest.from_function(script, kwargs=kwargs, default_timeout=30).run())


def news(shown: AppTest) -> int:
    ((name, (told,)),) = components(shown).items()
    assert name == "secondtake.news"
    return int(told["news"])


def an_evaluation(run_id: str) -> EvaluationRow:
    unknown: dict[str, Any] = dict.fromkeys(EvaluationRow.model_fields)
    return EvaluationRow.model_construct(**{**unknown, "run_id": run_id, "name": "score"})


def test_a_run_that_has_not_begun_is_awaited_and_shown(recorder: Recorder, client: Client) -> None:
    shown = page(recorder.run_id)
    assert "This run has not begun yet" in all_markup(shown)

    recorder.begin()
    recorder.step("first")
    checked(shown.run())

    assert "This run has not begun yet" not in all_markup(shown)
    assert 'class="run-head"' in all_markup(shown)


def test_a_run_that_never_comes_is_said_after_a_while(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secondtake.studio.run_page.renewal.SOUGHT_FOR_S", 0.0)

    shown = page(uuid4())

    assert "There is no run" in all_markup(shown)
    assert "Look again" in [button.label for button in shown.button]


def test_only_a_change_is_news(recorder: Recorder, client: Client) -> None:
    recorder.begin()
    recorder.step("first")
    view = load_view(client, str(recorder.run_id), may_be_kept=False)
    state = PageState(name=view.run_id, run_id=view.run_id, version=view.version)

    assert news(watching(client, state)) == 0
    recorder.step("second")
    state.look_at_s = 0.0
    assert news(watching(client, state)) == 1

    kept = load_view(client, view.run_id, may_be_kept=True)
    assert [span.name for span in kept.tree.spans] == ["first", "second"]


def test_an_end_is_seen(recorder: Recorder, client: Client) -> None:
    recorder.begin()
    view = load_view(client, str(recorder.run_id), may_be_kept=False)
    recorder.end()

    renewed = renew_view(client, view.run_id, view.version)

    assert renewed is not None
    assert not renewed.is_running


def test_a_run_that_has_ended_is_fetched_once_while_it_stays_as_it_was(
    home: Path, api: TestClient, client: Client
) -> None:
    run_id = str(write_research_run(home))
    journal.close_all()
    assert api.post("/load").is_success
    first = load_view(client, run_id, may_be_kept=False)

    assert load_view(client, run_id, may_be_kept=False) is first
    first.detail.evaluations.append(an_evaluation(run_id))
    assert load_view(client, run_id, may_be_kept=False) is not first


def test_so_many_runs_are_kept_as_memory_allows(
    home: Path, api: TestClient, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "KEPT_BYTES", 1)
    ids = [str(write_research_run(home)) for _ in range(2)]
    journal.close_all()
    assert api.post("/load").is_success
    first, last = (load_view(client, each, may_be_kept=True) for each in ids)

    assert load_view(client, ids[1], may_be_kept=True) is last
    assert load_view(client, ids[0], may_be_kept=True) is not first
