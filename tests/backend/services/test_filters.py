"""Which runs a filter means, and what a list says of those that still go on."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from duckdb import DuckDBPyConnection
from tests.backend.journal_files import llm_call, node, started
from tests.support.stored import STARTED_AT, run_frame, write_events, write_research_run, write_run

from secondtake.backend.loader import load_pending
from secondtake.backend.models.runs import RunQuery, RunSummary
from secondtake.backend.models.statistics import FacetValue
from secondtake.backend.services.facets import run_facets
from secondtake.backend.services.runs import get_run, list_runs
from secondtake.runner.events import Score
from secondtake.runner.journal import SegmentWriter


@pytest.fixture
def stored(con: DuckDBPyConnection, home: Path) -> DuckDBPyConnection:
    """The store with four runs that differ in all that a filter looks at."""
    write_run(
        home, name="alpha", status="error", error_message='It said "No"\nand left',
        duration_ms=100.0, session_id="s1", tags={"team": "blue"},
    )  # fmt: skip
    write_run(
        home, name="beta", workflow="w", inputs={"topic": 'Wärme "pumps"\nand more'},
        duration_ms=9000.0, user_id="u1", tags={"team": "red", "Ticket": "A-17"},
    )  # fmt: skip
    write_research_run(home, name="gamma", started_at=STARTED_AT + timedelta(days=1))
    run_id = uuid4()
    write_events(
        home,
        *run_frame(run_id, [llm_call(run_id, cost_usd=None, model="openai/gpt-x")], name="delta"),
    )
    load_pending(con, home)
    return con


def names(con: DuckDBPyConnection, **filters: Any) -> list[str]:
    return sorted(run.name or "" for run in list_runs(con, RunQuery(**filters)).items)


def test_any_of_several_values_fits(stored: DuckDBPyConnection) -> None:
    assert names(stored, status=("error", "cancelled")) == ["alpha"]
    assert names(stored, status=("error", "ok")) == ["alpha", "beta", "delta", "gamma"]
    assert names(stored, workflow=("w", "alpha")) == ["alpha", "beta"]
    assert names(stored, model=("gpt-x", "sim/strong")) == ["delta", "gamma"]


def test_a_range_leaves_out_what_is_unknown(stored: DuckDBPyConnection) -> None:
    assert names(stored, min_duration_ms=100, max_duration_ms=3420) == ["alpha", "delta", "gamma"]
    assert names(stored, min_cost_usd=Decimal("0.012345678")) == ["gamma"]
    assert names(stored, max_cost_usd=Decimal("1e20")) == ["gamma"]
    assert names(stored, min_cost_usd=Decimal("0.0123456781")) == []
    assert names(stored, since=STARTED_AT + timedelta(hours=1)) == ["gamma"]
    assert names(stored, until=STARTED_AT) == []
    assert names(stored, until=STARTED_AT + timedelta(hours=1)) == ["alpha", "beta", "delta"]


def test_simulated_and_unpriced_runs_are_told_apart(stored: DuckDBPyConnection) -> None:
    assert names(stored, simulated=True) == ["gamma"]
    assert names(stored, simulated=False) == ["alpha", "beta", "delta"]
    assert names(stored, unpriced=True) == ["delta"]


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "ALPHA": ["alpha"],
        '"no"\nAND': ["alpha"],
        "wärme": ["beta"],
        'WÄRME "PUMPS"\nand': ["beta"],
        '"topic":"w': ["beta"],
        "ticket=a-1": ["beta"],
        "fridge turned": ["gamma"],
        "%": [],
        "' OR true --": [],
        "team=": ["alpha", "beta"],
    }.items(),
)
def test_text_is_found_wherever_it_stands(
    stored: DuckDBPyConnection, text: str, expected: list[str]
) -> None:
    assert names(stored, text=text) == expected


def test_the_beginning_of_an_id_is_found_with_and_without_hyphens(
    con: DuckDBPyConnection, home: Path
) -> None:
    run_id = UUID("abcdef01-2345-4000-8000-000000000001")
    write_run(home, run_id)
    load_pending(con, home)
    for text in (str(run_id), run_id.hex, "ABCDEF01-23", " abcdef0123 "):
        assert list_runs(con, RunQuery(text=text)).total_count == 1
    assert list_runs(con, RunQuery(text="bcdef01")).total_count == 0


def going_on(con: DuckDBPyConnection, home: Path, question: Any) -> UUID:
    """Store a run whose first node has ended and whose second has not."""
    run_id = uuid4()
    first, first_end = node(run_id, "one")
    second = first.model_copy(
        update={
            "span_id": "two", "node": "approve", "question": question, "seq": 7,
            "started_at": STARTED_AT + timedelta(days=1),
        }
    )  # fmt: skip
    write_events(home, started(run_id), first, first_end, second)
    load_pending(con, home)
    con.execute("UPDATE runs SET status = 'running'")  # nobody wrote them, so they seem left behind
    return run_id


def listed(con: DuckDBPyConnection, run_id: UUID) -> RunSummary:
    return next(run for run in list_runs(con, RunQuery()).items if run.run_id == run_id)


def test_a_running_run_says_where_it_is_and_what_it_asks(
    con: DuckDBPyConnection, home: Path
) -> None:
    asked = {"question": "Send it? " + "x" * 300, "choices": ["yes", "no"]}
    run_id = going_on(con, home, asked)
    plain = going_on(con, home, "May I?")
    silent = going_on(con, home, None)
    found = listed(con, run_id)
    assert (found.current_node, found.question) == ("approve", asked["question"][:200])
    assert get_run(con, str(run_id)).summary.question == found.question
    assert listed(con, plain).question == "May I?"
    assert (listed(con, silent).current_node, listed(con, silent).question) == ("approve", None)
    waiting = {run.run_id for run in list_runs(con, RunQuery(waiting=True)).items}
    assert waiting == {run_id, plain}


def test_a_run_that_has_ended_is_nowhere_and_asks_nothing(
    con: DuckDBPyConnection, home: Path
) -> None:
    run_id = going_on(con, home, {"question": "Send it?"})
    con.execute("UPDATE runs SET status = 'interrupted'")
    found = listed(con, run_id)
    assert (found.current_node, found.question) == (None, None)
    assert list_runs(con, RunQuery(waiting=True)).items == []


def test_the_newest_score_of_each_name_is_listed(con: DuckDBPyConnection, home: Path) -> None:
    run_id = uuid4()

    def score(seq: int, name: str, value: float | None, span_id: str | None = None) -> Score:
        return Score(
            run_id=run_id, seq=seq, recorded_at=STARTED_AT + timedelta(seconds=seq),
            evaluation_id=uuid4(), name=name, score_value=value, span_id=span_id,
        )  # fmt: skip

    write_events(
        home, *run_frame(run_id, [
            score(1, "reward", 0.5), score(2, "reward", 1.0), score(3, "tone", None),
            score(4, "of a span", 1.0, "x"),
        ])
    )  # fmt: skip
    other = write_run(home)
    load_pending(con, home)
    assert listed(con, run_id).scores == {"reward": 1.0}
    assert listed(con, other).scores is None


def test_the_facets_are_the_values_with_their_counts(stored: DuckDBPyConnection) -> None:
    facets = run_facets(stored)

    def pairs(values: list[FacetValue]) -> list[tuple[str, int]]:
        return [(each.value, each.runs) for each in values]

    assert pairs(facets.workflows) == [("alpha", 1), ("delta", 1), ("gamma", 1), ("w", 1)]
    assert pairs(facets.statuses) == [("ok", 3), ("error", 1)]
    assert pairs(facets.models) == [("openai/gpt-x", 1), ("sim/strong", 1)]
    assert pairs(facets.tags) == [("Ticket=A-17", 1), ("team=blue", 1), ("team=red", 1)]
    assert (pairs(facets.sessions), pairs(facets.users)) == ([("s1", 1)], [("u1", 1)])


def test_an_empty_store_has_no_facets(con: DuckDBPyConnection) -> None:
    assert not any(run_facets(con).model_dump().values())


def test_a_run_that_just_began_is_running(con: DuckDBPyConnection, home: Path) -> None:
    with SegmentWriter(home, seal_age_s=None) as writer:
        writer.run_begins()
        run_id = uuid4()
        first, _ = node(run_id)
        writer.write(started(run_id, writer_id=writer.writer_id), first)
        writer.seal()
        load_pending(con, home)
        assert listed(con, run_id).current_node == "plan"
