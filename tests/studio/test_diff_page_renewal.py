"""Two runs of which one goes on, on the Diff page: what is looked at, and what is kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from streamlit.testing.v1 import AppTest
from tests.studio.test_run_page_renewal import Recorder, news
from tests.support.diff_pairs import write_pair
from tests.support.studio_pages import checked

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError
from secondtake.runner import journal
from secondtake.studio.diff_page import data
from secondtake.studio.diff_page.data import DiffView, fetch_diff, load_diff, load_runs, renew_diff
from secondtake.studio.diff_page.page_state import DiffState


@pytest.fixture
def recorder(home: Path, api: TestClient) -> Iterator[Recorder]:
    with journal.SegmentWriter(home, seal_age_s=None) as writer:
        writer.run_begins()
        yield Recorder(writer, api)


@pytest.fixture
def ended(home: Path, api: TestClient) -> str:
    """A run that has ended."""
    run_id, _ = write_pair(home)
    journal.close_all()
    assert api.post("/load").is_success
    return str(run_id)


def shown_of(client: Client, ended: str, recorder: Recorder) -> tuple[DiffView, DiffState]:
    """Return a run beside one that goes on, as they are shown now."""
    recorder.begin()
    recorder.step("first")
    view = fetch_diff(client, load_runs(client, ended, str(recorder.run_id)))
    ids = (ended, str(recorder.run_id))
    return view, DiffState(a=ended, b=ids[1], ids=ids, version=view.version)


def test_only_a_change_of_one_of_the_runs_is_news(
    client: Client, ended: str, recorder: Recorder
) -> None:
    view, state = shown_of(client, ended, recorder)
    assert view.running == ["B"]
    assert state.ids is not None
    assert renew_diff(client, state.ids, view.version) is None

    recorder.step("second")
    renewed = renew_diff(client, state.ids, view.version)

    assert renewed is not None
    assert load_diff(client, state.ids, may_be_kept=True) is renewed


def test_what_looks_calls_for_the_page_until_both_have_ended(
    client: Client, ended: str, recorder: Recorder
) -> None:
    _, state = shown_of(client, ended, recorder)

    def script(client: "Client", state: "DiffState") -> None:
        from secondtake.studio.diff_page.renewal import watch

        watch(client, state)

    kwargs = {"client": client, "state": state}
    looking = checked(AppTest.from_function(script, kwargs=kwargs, default_timeout=30).run())
    assert news(looking) == 0
    recorder.step("second")
    state.look_at_s = 0.0
    assert news(checked(looking.run())) == 1
    recorder.end()
    assert state.ids is not None
    over = renew_diff(client, state.ids, state.version or "")
    assert over is not None
    assert over.running == []


def test_runs_that_were_shown_are_compared_once_while_they_stay_as_they_were(
    client: Client, ended: str
) -> None:
    first = load_diff(client, (ended, ended), may_be_kept=False)
    assert load_diff(client, (ended, ended), may_be_kept=False) is first
    runs = load_runs(client, ended, ended)
    scored = data.Runs(a=runs.a.model_copy(update={"scores": {"reward": 1.0}}), b=runs.b)
    assert data.kept_diff(client, scored) is None
    assert data.kept_diff(client, runs) is first


def test_a_server_that_goes_away_is_said_once_and_what_is_kept_is_looked_at_anew(
    client: Client, ended: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from secondtake.studio.diff_page import renewal

    _, state = shown_of(client, ended, recorder)

    def away(*_: object) -> None:
        raise NoServerError("away")

    with monkeypatch.context() as patch:
        patch.setattr(renewal, "renew_diff", away)
        assert [renewal._finds_news(client, state) for _ in range(2)] == [True, False]
    assert renewal._finds_news(client, state), "the page says it is away until it is drawn anew"
