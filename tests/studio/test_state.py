"""The state on a page, over the real API and store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from streamlit.testing.v1 import AppTest
from tests.support.servers import wait_until
from tests.support.span_trees import component_data
from tests.support.stored import STARTED_AT, run_frame, write_events, write_research_run, write_run
from tests.support.studio_pages import api_client

from secondtake.backend.client import Client
from secondtake.runner.events import MemoryChange
from secondtake.studio.run_page.long_text import Place
from secondtake.studio.run_page.state import read_piece


@pytest.fixture
def client(home: Path) -> Iterator[Client]:
    with api_client(home) as made:
        yield made


def draw(client: "Client", run: str, span_id: str | None) -> None:
    import streamlit as st

    from secondtake.studio.run_page.state import show_state

    st.session_state["step"] = show_state(
        client,
        run,
        step=st.session_state.get("step"),
        span_id=st.session_state.get("span", span_id),
        tree=client.run_spans(run),
        memory=client.get_run(run).memory,
    )


def page_of(client: Client, run_id: UUID, span_id: str | None = None) -> AppTest:
    wait_for(client, run_id)
    arguments = {"client": client, "run": str(run_id), "span_id": span_id}
    page = AppTest.from_function(draw, kwargs=arguments, default_timeout=20).run()
    assert not page.exception
    return page


def wait_for(client: Client, run_id: UUID) -> None:
    """Wait until the server has loaded a run."""
    wait_until(lambda: bool(client.whole_runs([run_id])), what="the run", timeout_s=20)


def markup(page: AppTest) -> str:
    return str(component_data(page, "secondtake.pane")["html"])


def write_steps(home: Path, *values: Any) -> UUID:
    """Write a run whose node `draft` sets the key `draft` once for each value."""
    run_id = uuid4()
    changes = [
        MemoryChange(
            run_id=run_id,
            seq=number,
            recorded_at=STARTED_AT,
            scope="state",
            operation="set",
            key="draft",
            value=value,
            span_id=f"span-{number}",
            node_path=f"draft[{number}]",
        )
        for number, value in enumerate(values, start=1)
    ]
    write_events(home, *run_frame(run_id, changes))
    return run_id


def test_the_end_is_shown_first_and_the_slider_goes_back(home: Path, client: Client) -> None:
    page = page_of(client, write_steps(home, "one", "two", "three"))

    assert "State after step 3 · draft · visit 3" in markup(page)
    assert page.session_state["step"] is None

    page.select_slider[0].set_value(1).run()

    assert not page.exception
    assert "State after step 1 · draft" in markup(page)
    assert page.session_state["step"] == 1


def test_choosing_a_span_moves_to_its_step(home: Path, client: Client) -> None:
    run_id = write_research_run(home)
    page = page_of(client, run_id)
    page.select_slider[0].set_value(0).run()
    assert "State before the first step" in markup(page)

    page.session_state["span"] = "call-a"
    page.run()

    assert "State after step 1 · plan" in markup(page)
    assert page.select_slider[0].value == 1


def test_the_span_of_the_address_does_not_move_the_step(home: Path, client: Client) -> None:
    page = page_of(client, write_steps(home, "one", "two"), span_id="span-1")

    assert "State after step 2" in markup(page)


def test_a_step_that_there_is_not_is_the_end(home: Path, client: Client) -> None:
    run_id = write_steps(home, "one")
    wait_for(client, run_id)
    page = AppTest.from_function(
        draw, kwargs={"client": client, "run": str(run_id), "span_id": None}, default_timeout=20
    )
    page.session_state["step"] = 99
    page.run()

    assert not page.exception
    assert "State after step 1" in markup(page)


def test_a_run_without_state_says_so_in_one_sentence(home: Path, client: Client) -> None:
    page = page_of(client, write_run(home))

    assert not page.select_slider
    assert "This run recorded no state" in markup(page)


def test_the_rest_of_a_long_value_comes_by_the_piece(home: Path, client: Client) -> None:
    text = "".join(f"{number:05d} " for number in range(3000))
    run_id = write_steps(home, text, {"text": text})
    wait_for(client, run_id)

    for step, whole in ((1, text), (2, '{"text":"' + text + '"}')):
        place = Place(table="state", row=str(step), field="draft")
        first = read_piece(client, str(run_id), place, 0, 10_000)
        assert first.next_offset == 10_000
        rest = read_piece(client, str(run_id), place, 10_000, 100_000)
        assert first.text + rest.text == whole
        assert rest.total_chars == len(whole)
        assert rest.next_offset is None


def test_a_hostile_name_of_a_node_stays_out_of_the_slider(home: Path, client: Client) -> None:
    run_id = uuid4()
    change = MemoryChange(
        run_id=run_id,
        seq=1,
        recorded_at=STARTED_AT,
        scope="state",
        operation="set",
        key="![k](http://a.example/k.png)",
        value="![v](http://a.example/v.png)",
        span_id="s",
        node_path="![n](http://a.example/n.png)[1]",
    )
    write_events(home, *run_frame(run_id, [change]))

    page = page_of(client, run_id)

    assert list(page.select_slider[0].options) == ["0", "1"]
    assert not page.markdown
