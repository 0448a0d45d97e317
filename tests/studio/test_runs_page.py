"""The page of all runs over the real API and store: empty, full, and narrowed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from streamlit.testing.v1 import AppTest
from tests.support.stored import write_research_run, write_run
from tests.support.studio_pages import api_client, checked, component, load, markup, studio

from secondtake.backend.client import Client
from secondtake.backend.formats import duration, money, tokens
from secondtake.backend.models.runs import RunQuery
from secondtake.backend.models.statistics import StatisticsQuery
from secondtake.studio import connection
from secondtake.studio.connection import SERVER_VARIABLE
from secondtake.studio.runs_page.rows import run_rows

NOW = datetime.now(UTC)
HOSTILE = "<script>alert(1)</script>![x](http://outside.example/x.png)\u202egnp\x1b[31m"
HOSTILE_SHOWN = "<script>alert(1)</script>![x](http://outside.example/x.png)\\u202egnp\\x1b[31m"


@pytest.fixture
def client(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The studio's client, over the real API and store."""
    with api_client(home) as made:
        monkeypatch.setattr(connection, "_client", lambda url: made)
        monkeypatch.setenv(SERVER_VARIABLE, made.url)
        yield made


def seed(home: Path, client: Client) -> None:
    """Record nine runs of the last days and one of last year."""
    for number in range(6):
        began = NOW - timedelta(hours=5 * number + 1)
        write_research_run(
            home, started_at=began, tags={"team": f"t{number % 2}", "n": str(number)}
        )
    for number in range(3):
        began = NOW - timedelta(hours=10 * number + 2)
        write_run(
            home, name="nightly", workflow="nightly", started_at=began, status="error",
            error_type="TimeoutError", error_message="no answer in time",
        )  # fmt: skip
    write_run(home, name="old", started_at=NOW - timedelta(days=400))
    load(client)


def rows(app: AppTest) -> list[dict[str, object]]:
    table = component(app, "run_table")
    return [] if table is None else list(table["rows"])


def test_an_empty_store_says_what_the_page_is_for(home: Path, client: Client) -> None:
    app = studio()

    assert "No runs yet" in markup(app)
    assert [code.value.split()[0] for code in app.code] == ["secondtake", "from", "secondtake"]
    assert component(app, "run_table") is None


def test_the_rows_are_those_of_the_client(home: Path, client: Client) -> None:
    seed(home, client)

    app = studio()

    page = client.list_runs(RunQuery(since=NOW - timedelta(days=7)))
    expected = run_rows(page.items, now=datetime.now(UTC))
    assert len(expected) == 9
    assert rows(app) == [{**row} for row in expected]
    assert component(app, "run_table")["counted"] == "9 runs"
    assert component(app, "run_table")["more"] is False


def test_the_figures_are_those_of_the_client(home: Path, client: Client) -> None:
    seed(home, client)

    text = markup(studio(range="7d"))

    totals = client.run_statistics(StatisticsQuery(since=NOW - timedelta(days=7))).totals
    assert (totals.runs, totals.failed_runs) == (9, 3)
    assert '<div class="kpi-value">9</div>' in text
    assert '<div class="kpi-value">33.3 %</div>' in text
    assert "none in the period before" in text
    assert totals.input_tokens is not None
    assert totals.output_tokens is not None
    used = tokens(totals.input_tokens + totals.output_tokens)
    assert f'<div class="kpi-value">{used}</div>' in text
    assert f'<div class="kpi-value">{duration(totals.duration_p95_ms)}</div>' in text
    assert f'<div class="kpi-value">{money(totals.cost_usd)}</div>' in text


def test_the_bars_are_those_of_the_client(home: Path, client: Client) -> None:
    seed(home, client)

    bars = component(studio(range="24h"), "histogram")["bars"]

    assert len(bars) == 48
    counted = sum(int(bar["tip"].splitlines()[-1].split()[0]) for bar in bars)
    assert counted == client.list_runs(RunQuery(since=NOW - timedelta(days=1))).total_count


NARROWED: Final[list[tuple[dict[str, str | list[str]], int]]] = [
    ({"range": "All"}, 10),
    ({"range": "1h", "live": "0"}, 0),
    ({"view": "Failed"}, 3),
    ({"workflow": "nightly"}, 3),
    ({"tag": ["team=t1"]}, 3),
    ({"q": "no answer"}, 3),
    ({"status": ["ok", "error"]}, 9),
    ({"view": "Waiting"}, 0),
    ({"min_cost": "0.001"}, 6),
]


def test_the_address_narrows_the_list(home: Path, client: Client) -> None:
    seed(home, client)
    for query, fits in NARROWED:
        app = studio(**query)
        assert len(rows(app)) == fits, query
        assert ("No run fits" in markup(app)) is (fits == 0), query


def test_a_pill_narrows_the_list_and_is_in_the_address(home: Path, client: Client) -> None:
    seed(home, client)
    app = studio()

    checked(app.button_group(key="runs_pill").set_value("Failed").run())

    assert len(rows(app)) == 3
    assert dict(app.query_params) == {"view": "Failed"}


def test_a_search_and_a_span_are_in_the_address(home: Path, client: Client) -> None:
    seed(home, client)
    app = studio()

    app.text_input(key="runs_q").set_value("nightly").run()
    checked(app.button_group(key="runs_span").set_value("All").run())

    assert len(rows(app)) == 3
    assert dict(app.query_params) == {"range": "All", "q": "nightly"}


def test_an_address_that_changes_by_itself_changes_the_list(home: Path, client: Client) -> None:
    seed(home, client)
    app = studio(view="Failed")

    app.query_params.clear()
    checked(app.run())

    assert len(rows(app)) == 9
    assert app.button_group(key="runs_pill").value is None


def test_no_run_that_fits_leads_back_to_all(home: Path, client: Client) -> None:
    seed(home, client)
    app = studio(model="nobody")
    assert "No run that started in the last 7 days fits the filters." in markup(app)

    checked(app.button(key="runs_clear").click().run())

    assert len(rows(app)) == 10


def test_filters_are_named_and_taken_away(home: Path, client: Client) -> None:
    seed(home, client)

    chips = component(studio(workflow="nightly", min_cost="0.5"), "filter_chips")["chips"]

    assert chips == [
        {"name": "Workflow", "text": "nightly"},
        {"name": "Cost", "text": "at least $0.500"},
    ]


def test_when_nothing_is_recent_all_runs_are_shown(home: Path, client: Client) -> None:
    write_run(home, started_at=NOW - timedelta(days=30))
    load(client)

    app = studio()

    assert len(rows(app)) == 1
    assert app.button_group(key="runs_span").value == "All"


def test_hostile_text_is_text_in_every_field(home: Path, client: Client) -> None:
    write_run(
        home, name=HOSTILE, workflow=HOSTILE, started_at=NOW, inputs={HOSTILE: HOSTILE},
        output=HOSTILE, tags={"tag": HOSTILE}, session_id=HOSTILE, user_id=HOSTILE, agent=HOSTILE,
        status="error", error_type=HOSTILE, error_message=HOSTILE,
    )  # fmt: skip
    load(client)

    app = studio(workflow=HOSTILE, q="outside.example")

    (row,) = rows(app)
    for field in ("input", "output", "workflow", "session", "user", "agent"):
        assert HOSTILE_SHOWN in str(row[field])
    assert row["tags"] == [f"tag={HOSTILE_SHOWN}"]
    assert "<script>" not in markup(app)
    # What Streamlit would read as Markdown has only words of ours in it.
    labels = [str(element.proto) for element in app.main if hasattr(element, "label")]
    assert not any("outside.example" in label and "placeholder" not in label for label in labels)
