"""The page Replay over the real API and store: the form, the plan, refusals, three states."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from streamlit.testing.v1 import AppTest
from tests.support.replaying import first_run
from tests.support.stored import STARTED_AT, run_frame, write_events, write_run
from tests.support.studio_pages import Away, all_markup, api_client, checked, drawn, load, studio

from secondtake.backend.client import Client
from secondtake.runner.events import LlmCall, Message
from secondtake.studio import connection

# The API is asked in this process, where Starlette warns of the time that a request may take.
pytestmark = pytest.mark.filterwarnings("ignore:You should not use the 'timeout' argument")

WORKFLOW = """
name: letters
inputs:
  topic: {type: string}
state:
  draft: {type: string}
  letter: {type: string}
nodes:
  draft: {kind: llm, prompt: "Draft a letter about {{ topic }}.", output: draft}
  write: {kind: llm, system: "Be brief.", prompt: "Write this well: {{ draft }}", output: letter}
edges:
  - {from: START, to: draft}
  - {from: draft, to: write}
  - {from: write, to: END}
output: letter
"""


@pytest.fixture
def run_id(home: Path) -> UUID:
    """A run of a workflow with two nodes, on a simulated model."""
    return first_run(home, WORKFLOW, {"topic": "heat pumps"}).run_id


@pytest.fixture
def client(home: Path, run_id: UUID, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The client of the studio, over a store that has the run."""
    with api_client(home) as made:
        made.url = f"http://127.0.0.1:8000/{uuid4()}"  # no other test's runs are kept for it
        load(made)
        monkeypatch.setattr(connection, "_client", lambda url: made)
        yield made


def write_watched(home: Path, reason: str, **fields: Any) -> UUID:
    """Write a run of which a call was only watched: it asked a model once."""
    run_id, question = uuid4(), uuid4()
    place: dict[str, Any] = {"run_id": run_id, "recorded_at": STARTED_AT}
    said = Message(**place, seq=1, message_id=question, depth=0, role="user", content="Why?")
    call = LlmCall(**place, seq=2, span_id="a", model="sim/strong", input_message_id=question)
    *events, end = run_frame(run_id, [said, call], **fields)
    ending = {"replayable": "stepwise", "replayable_reason": reason}
    write_events(home, *events, end.model_copy(update=ending))
    return run_id


def replay_page(run: object, **query: str | list[str]) -> AppTest:
    """Return the page, drawn once."""

    def script() -> None:
        from secondtake.studio.connection import away_is_said
        from secondtake.studio.pages import replay

        with away_is_said():
            replay.show()

    return drawn(script, run=str(run), **query)


@pytest.mark.usefixtures("client")
def test_without_a_change_all_is_answered_by_the_recording(run_id: UUID) -> None:
    text = all_markup(replay_page(run_id))
    assert ">letters<" in text
    assert text.count("is-recorded") == 2
    assert "is-executed" not in text
    assert "estimate" in text
    assert "Nothing yet: every call is answered by the recording" in text


@pytest.mark.usefixtures("client")
def test_a_changed_prompt_reaches_its_node_alone(run_id: UUID) -> None:
    app = replay_page(run_id, set=["nodes.write.prompt=Write this badly: {{ draft }}"])
    text = all_markup(app)
    assert text.count("is-executed") == 1
    assert text.count("is-recorded") == 1
    assert "Write this <del>well</del>" in text
    assert "Write this <ins>badly</ins>" in text


@pytest.mark.usefixtures("client")
def test_the_field_holds_what_was_recorded_and_an_edit_is_a_change(run_id: UUID) -> None:
    app = replay_page(run_id, set=["nodes.write.prompt=Write this badly: {{ draft }}"])
    (field,) = app.text_area
    assert field.value == "Write this badly: {{ draft }}"

    checked(field.set_value("Write this again: {{ draft }}").run())
    assert app.query_params["set"] == "nodes.write.prompt=Write this again: {{ draft }}"

    checked(app.text_area[0].set_value("Write this well: {{ draft }}").run())
    assert "set" not in app.query_params, "as it was is no change"


@pytest.mark.usefixtures("client")
def test_the_address_holds_fork_policies_and_repeats(run_id: UUID) -> None:
    query = {"from": "write", "llm": "live", "tools": "recorded", "repeat": "3"}
    app = replay_page(run_id, **query, set=["model=sim/weak", "state.draft=A draft = short"])
    assert {name: app.query_params[name] for name in query} == query
    assert app.query_params["set"] == ["model=sim/weak", "state.draft=A draft = short"]
    text = all_markup(app)
    assert "forks here" in text
    assert "for each repeat" in text


@pytest.mark.usefixtures("client")
def test_a_change_of_the_state_shows_what_it_was(run_id: UUID, client: Client) -> None:
    recorded = client.get_recording(str(run_id))
    drafted = recorded.response_of(recorded.llm_calls[0]).messages[0]["content"]
    app = replay_page(run_id, **{"from": "write"}, set=["state.draft=Other words."])
    assert drafted[:20] in all_markup(app).replace("<del>", "").replace("</del>", "")


@pytest.mark.usefixtures("client")
def test_a_refusal_is_the_sentence_of_the_backend(run_id: UUID) -> None:
    app = replay_page(run_id, set=["nodes.wrte.prompt=Hello"])
    text = all_markup(app)
    assert 'data-testid="refusal"' in text
    assert "wrte" in text
    assert "write" in text
    assert app.button(key="replay_run").disabled


def test_a_run_that_cannot_be_replayed_as_a_whole_offers_stepwise(
    home: Path, client: Client
) -> None:
    run = write_watched(home, "search is only watched")
    load(client)
    app = replay_page(run)
    text = all_markup(app)
    assert "cannot be replayed as a whole: search is only watched" in text
    assert "Replay stepwise" in text
    assert not app.button, "there is nothing to run"
    app = replay_page(run, stepwise="1", set="model=sim/weak")
    assert not app.button(key="replay_run").disabled
    assert 'data-testid="plan"' in all_markup(app)


def test_a_run_of_a_program_says_what_to_type(home: Path, client: Client) -> None:
    run = write_run(home)
    load(client)
    app = replay_page(run)
    assert f"secondtake replay {str(run)[:13]} -- COMMAND" in all_markup(app)
    assert app.button(key="replay_run").disabled


def test_hostile_texts_are_text(home: Path, client: Client) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e"
    run = write_watched(home, hostile, name=hostile, inputs={"prompt": hostile})
    load(client)
    text = all_markup(replay_page(run, stepwise="1", set=[f"system={hostile}", f"{hostile}=1"]))
    assert "<script" not in text
    assert "<img" not in text
    assert "\u202e" not in text


@pytest.mark.usefixtures("client")
def test_without_a_run_there_are_runs_to_choose_from(run_id: UUID) -> None:
    text = all_markup(replay_page(""))
    assert f'href="/replay?run={run_id}"' in text


@pytest.mark.usefixtures("client")
def test_an_unknown_run_is_one_sentence() -> None:
    assert "This run cannot be replayed" in all_markup(replay_page(uuid4()))


def test_a_server_that_is_away_is_one_sentence_with_the_cure(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_client", lambda url: Away())
    assert "The server does not answer" in all_markup(replay_page(uuid4()))


@pytest.mark.usefixtures("client")
def test_the_page_is_in_the_navigation() -> None:
    links = [element.proto.label for element in studio().get("page_link")]
    assert "Replay" in links


@pytest.mark.usefixtures("client")
def test_the_plan_of_repeats_counts_what_each_asks_again(run_id: UUID) -> None:
    text = all_markup(replay_page(run_id, repeat="5"))
    assert text.count("is-executed") == 2
    assert "for each repeat" in text
