"""Listing runs, finding one by a piece of its id, reading one whole."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from tests.support.stored import STARTED_AT, write_research_run, write_run

from secondtake.backend.errors import AmbiguousError, NotFoundError
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.runs import RunQuery
from secondtake.runner.errors import UsageError
from secondtake.runner.settings import load_settings


@pytest.fixture
def backend(home: Path) -> LocalBackend:
    return LocalBackend(load_settings())


def names(backend: LocalBackend, query: RunQuery) -> list[str | None]:
    return [run.name for run in backend.list_runs(query).items]


def test_an_empty_home_has_no_runs(backend: LocalBackend) -> None:
    page = backend.list_runs(RunQuery())
    assert (page.items, page.total_count, page.next_cursor) == ([], 0, None)


def test_the_newest_run_comes_first_and_one_without_a_start_by_when_it_was_recorded(
    home: Path, backend: LocalBackend
) -> None:
    write_run(home, name="old", started_at=STARTED_AT - timedelta(days=1))
    write_run(home, name="new", started_at=STARTED_AT + timedelta(days=1))
    write_run(home, name="unknown", started_at=None)
    assert names(backend, RunQuery()) == ["new", "unknown", "old"]


def test_a_summary_has_totals_and_previews(home: Path, backend: LocalBackend) -> None:
    run_id = write_research_run(home, tags={"team": "blue"})
    (run,) = backend.list_runs(RunQuery()).items
    assert run.run_id == run_id
    assert run.started_at == STARTED_AT
    assert (run.input_tokens, run.output_tokens) == (9412, 1200)
    assert run.cost_usd == Decimal("0.012345678")
    assert run.simulated is True
    assert run.models == ["sim/strong"]
    assert run.tags == {"team": "blue"}
    assert run.inputs_preview is not None
    assert "heat pumps" in run.inputs_preview


def test_unknown_totals_stay_unknown(home: Path, backend: LocalBackend) -> None:
    write_run(home, duration_ms=None)
    (run,) = backend.list_runs(RunQuery()).items
    assert (run.cost_usd, run.input_tokens, run.duration_ms) == (None, None, None)


def test_each_filter_keeps_what_fits(home: Path, backend: LocalBackend) -> None:
    write_run(home, name="a", status="error", session_id="s1", user_id="u1")
    write_run(home, name="b", workflow="w", tags={"k": "v", "x": "y"})
    write_run(home, name="c", tags={"k": "other"}, started_at=STARTED_AT + timedelta(days=2))
    write_research_run(home, name="d")
    assert names(backend, RunQuery(status=("error",))) == ["a"]
    assert names(backend, RunQuery(session_id="s1")) == ["a"]
    assert names(backend, RunQuery(user_id="u1")) == ["a"]
    assert names(backend, RunQuery(workflow=("w",))) == ["b"]
    assert names(backend, RunQuery(workflow=("c",))) == ["c"]
    assert names(backend, RunQuery(tags={"k": "v"})) == ["b"]
    assert names(backend, RunQuery(tags={"k": "v", "x": "no"})) == []
    assert names(backend, RunQuery(since=STARTED_AT + timedelta(days=1))) == ["c"]
    assert names(backend, RunQuery(model=("sim/strong",))) == ["d"]
    assert names(backend, RunQuery(model=("strong",))) == ["d"]
    assert names(backend, RunQuery(model=("rong",))) == []


def test_a_filter_is_a_value_and_never_sql(home: Path, backend: LocalBackend) -> None:
    write_run(home)
    hostile = "x' OR true --"
    query = RunQuery(
        workflow=(hostile,), tags={hostile: hostile}, user_id=hostile, model=(hostile,)
    )
    assert backend.list_runs(query).total_count == 0


def test_pages_follow_each_other_while_runs_arrive(home: Path, backend: LocalBackend) -> None:
    expected = [
        write_run(home, started_at=STARTED_AT + timedelta(seconds=number // 3))
        for number in range(25)
    ]
    seen: list[UUID] = []
    cursor: str | None = None
    while True:
        page = backend.list_runs(RunQuery(limit=4, cursor=cursor))
        seen += [run.run_id for run in page.items]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
        write_run(home, name="late", started_at=STARTED_AT + timedelta(days=9))
    assert len(seen) == len(set(seen))
    assert set(seen) == set(expected)


def test_a_foreign_cursor_is_wrong_use(backend: LocalBackend) -> None:
    for cursor in ("x", "e30=", "bnVsbA==", "\x00", "WzEsMl0="):
        with pytest.raises(UsageError, match="is not a cursor"):
            backend.list_runs(RunQuery(cursor=cursor))


ONE = UUID("01999999-1111-7000-8000-000000000001")
TWO = UUID("01999999-1111-7000-8000-000000000002")
OTHER = UUID("f0000000-0000-4000-8000-000000000000")


def test_a_run_is_found_by_its_id_a_prefix_or_last(home: Path, backend: LocalBackend) -> None:
    write_run(home, ONE, started_at=STARTED_AT)
    write_run(home, TWO, started_at=STARTED_AT + timedelta(hours=1))
    write_run(home, OTHER, started_at=STARTED_AT - timedelta(hours=1))
    assert backend.resolve_run(str(ONE)) == ONE
    assert backend.resolve_run(ONE.hex.upper()) == ONE
    assert backend.resolve_run("f") == OTHER
    assert backend.resolve_run("f0000000-0000-4") == OTHER
    assert backend.resolve_run("last") == TWO


def test_a_short_id_is_as_long_as_it_must_be_and_finds_its_run(
    home: Path, backend: LocalBackend
) -> None:
    for run_id in (ONE, TWO, OTHER):
        write_run(home, run_id)
    short = {run.run_id: run.short_id for run in backend.list_runs(RunQuery()).items}
    assert short[OTHER] == "f0000000-0000"
    assert short[ONE] == str(ONE)
    assert all(backend.resolve_run(text) == run_id for run_id, text in short.items())


def test_an_ambiguous_prefix_names_the_candidates(home: Path, backend: LocalBackend) -> None:
    write_run(home, ONE)
    write_run(home, TWO)
    with pytest.raises(AmbiguousError) as caught:
        backend.resolve_run("0199")
    assert str(ONE) in caught.value.message
    assert str(TWO) in caught.value.message
    assert "write more characters" in caught.value.message


@pytest.mark.parametrize("name", ["abc", "not hex", "", "-", "0" * 33, "%", "last "])
def test_what_fits_no_run_is_told_with_what_to_type(backend: LocalBackend, name: str) -> None:
    with pytest.raises(NotFoundError, match="secondtake runs"):
        backend.resolve_run(name)


def test_last_of_no_runs_says_how_to_record_one(backend: LocalBackend) -> None:
    with pytest.raises(NotFoundError, match="secondtake run WORKFLOW"):
        backend.resolve_run("last")


def test_a_run_is_read_whole_and_in_order(home: Path, backend: LocalBackend) -> None:
    run_id = write_research_run(home)
    detail = backend.get_run(str(run_id))
    assert detail.summary.inputs == {"topic": "heat pumps"}
    assert detail.summary.output == {"answer": "A fridge turned round."}
    assert [message.role for message in detail.messages] == ["user", "assistant"]
    assert detail.messages[1].parent_id == detail.messages[0].message_id
    assert [node.node for node in detail.node_timings] == ["plan", "look_up"]
    assert detail.llm_calls[0].output_message_ids == [detail.messages[1].message_id]
    assert detail.llm_calls[0].started_at is not None
    assert detail.llm_calls[0].started_at.utcoffset() == timedelta(0)
    assert detail.tool_calls[0].arguments == {"pattern": "pump"}
    assert detail.tool_calls[0].error_message == "no such page"
    assert [row.operation for row in detail.memory] == ["init", "append"]
    assert detail.evaluations[0].score_value == 1.0


def test_a_large_integer_in_a_json_column_keeps_its_digits(
    home: Path, backend: LocalBackend
) -> None:
    run_id = write_run(home, inputs={"n": 2**63 + 1, "f": 0.1})
    assert backend.get_run(str(run_id)).summary.inputs == {"n": 2**63 + 1, "f": 0.1}


def test_the_tree_adds_up_to_the_totals_of_the_run(home: Path, backend: LocalBackend) -> None:
    run_id = write_research_run(home)
    tree = backend.run_spans(str(run_id)).spans
    assert [(span.depth, span.name) for span in tree] == [
        (0, "plan"),
        (1, "sim/strong"),
        (0, "look_up"),
        (1, "search_text"),
    ]
    summary = backend.get_run(str(run_id)).summary
    roots = [span for span in tree if span.depth == 0]
    assert sum(span.llm_calls for span in roots) == summary.llm_call_count
    assert sum(span.tool_calls for span in roots) == summary.tool_call_count
    assert roots[0].cost_usd == summary.cost_usd
    assert roots[1].cost_usd is None
    assert roots[0].input_tokens == summary.input_tokens
