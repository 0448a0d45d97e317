"""The page Compare models over the real API and store: list, form, table, grid, three states."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest
from tests.support.compared import EXPERIMENT, write_comparison
from tests.support.studio_pages import Away, all_markup, api_client, checked, drawn, load, studio

from secondtake.backend.client import Client
from secondtake.studio import connection

# The API is asked in this process, where Starlette warns of the time that a request may take.
pytestmark = pytest.mark.filterwarnings("ignore:You should not use the 'timeout' argument")


@pytest.fixture
def client(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The client of the studio, over an empty store."""
    with api_client(home) as made:
        monkeypatch.setattr(connection, "_client", lambda url: made)
        yield made


def compare_page(**query: str) -> AppTest:
    """Return the page, drawn once."""

    def script() -> None:
        from secondtake.studio.connection import away_is_said
        from secondtake.studio.pages import compare

        with away_is_said():
            compare.show()

    return drawn(script, **query)


@pytest.mark.usefixtures("client")
def test_an_empty_list_says_what_this_is_and_how_to_begin() -> None:
    text = all_markup(compare_page())
    assert "No comparison yet" in text
    assert "secondtake compare" in text


def test_the_list_leads_to_a_comparison(home: Path, client: Client) -> None:
    write_comparison(home)
    load(client)
    text = all_markup(compare_page())
    assert f'href="/compare?id={EXPERIMENT}"' in text
    assert "sim/strong · sim/weak · no-such" in text
    assert "2 failed" in text


def test_a_comparison_shows_table_chart_and_answers(home: Path, client: Client) -> None:
    write_comparison(home)
    load(client)
    app = compare_page(id=EXPERIMENT)
    text = all_markup(app)
    assert text.index("compare-table") < text.index("compare-grid")
    assert ">baseline<" in text
    assert "0 of 2" in text, "counts, never rates of a few"
    assert ">$0.00100<" in text
    assert "simulated-price" in text
    assert "<ins>5</ins>" in text
    assert "bad_request" in text
    (chart,) = app.get("plotly_chart")
    spec = json.loads(chart.proto.spec)
    assert [trace["text"] for trace in spec["data"]] == [["sim/strong"], ["sim/weak"]]
    assert "1 model without a known cost or time" in text


def test_the_page_of_cases_is_in_the_address(home: Path, client: Client) -> None:
    write_comparison(home)
    load(client)
    text = all_markup(compare_page(**{"id": EXPERIMENT, "from": "1"}))
    assert "cases 2-2 of 2" in text
    assert "Earlier" in text
    assert "sum 1" not in text


@pytest.mark.usefixtures("client")
def test_an_unknown_comparison_is_one_sentence() -> None:
    text = all_markup(compare_page(id="ffffffff"))
    assert "This comparison cannot be shown" in text
    assert "All comparisons" in text


@pytest.mark.usefixtures("client")
def test_the_button_waits_for_what_is_missing() -> None:
    app = compare_page()
    assert app.button(key="compare_run").disabled
    assert "Write a prompt." in all_markup(app)
    checked(app.text_area(key="compare_prompt").set_value("What is 17 * 23?").run())
    assert "Name a model." in all_markup(app)
    checked(app.text_input(key="compare_models").set_value("sim/strong, sim/weak").run())
    assert not app.button(key="compare_run").disabled


@pytest.mark.usefixtures("client")
def test_a_refusal_is_the_sentence_of_the_backend() -> None:
    app = compare_page()
    checked(app.text_area(key="compare_prompt").set_value("Hello").run())
    checked(app.text_input(key="compare_models").set_value("no provider here").run())
    checked(app.number_input(key="compare_repeat").set_value(1000).run())
    checked(app.button(key="compare_run").click().run())
    assert 'role="alert"' in all_markup(app)


@pytest.mark.usefixtures("client")
def test_cases_are_counted_and_a_wrong_one_is_said() -> None:
    app = compare_page()
    checked(app.segmented_control(key="compare_kind").set_value("Workflow").run())
    checked(app.text_area(key="compare_cases").set_value('{"topic": "x"}\n{"topic": "y"}').run())
    assert ">2 cases<" in all_markup(app)
    checked(app.text_area(key="compare_cases").set_value('{"topic": "x"').run())
    assert "cases:1:14: no JSON" in all_markup(app)


@pytest.mark.usefixtures("client")
def test_a_change_of_a_path_that_is_none_is_refused_as_on_the_command_line() -> None:
    app = compare_page()
    checked(app.text_area(key="compare_prompt").set_value("Hello").run())
    checked(app.text_input(key="compare_models").set_value("sim/strong").run())
    checked(app.text_area(key="compare_changes").set_value("nodes.wrte.prompt=x").run())
    checked(app.button(key="compare_run").click().run())
    assert "--set nodes.wrte.prompt: no node `wrte`" in all_markup(app)


def test_a_server_that_is_away_is_one_sentence_with_the_cure(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_client", lambda url: Away())
    assert "The server does not answer" in all_markup(compare_page(id=str(uuid4())))
    assert "The server does not answer" in all_markup(compare_page())


@pytest.mark.usefixtures("client")
def test_the_page_is_in_the_navigation() -> None:
    links = [element.proto.label for element in studio().get("page_link")]
    assert "Compare models" in links
