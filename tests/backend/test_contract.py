"""A backend answers the same over HTTP and in process: every method, over the same home."""

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from tests.support.api_process import api_process
from tests.support.compared import EXPERIMENT, write_comparison
from tests.support.stored import STARTED_AT, write_research_run, write_run

from secondtake.backend.client import Client
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.comparisons import CompareRequest, ComparisonQuery
from secondtake.backend.models.executions import AnswerRequest, RunRequest
from secondtake.backend.models.exports import ExportQuery
from secondtake.backend.models.replays import ReplayRequest
from secondtake.backend.models.runs import RunQuery, StateQuery, TextQuery
from secondtake.backend.models.statistics import StatisticsQuery
from secondtake.backend.models.system import SqlQuery
from secondtake.backend.prices.snapshot import ensure_snapshot
from secondtake.backend.protocol import Backend
from secondtake.runner.blobs import blob_path
from secondtake.runner.errors import SecondTakeError
from secondtake.runner.settings import load_settings

RUN: Final = UUID("019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8a01")
OTHER: Final = UUID("019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8a02")
GOING_ON: Final = UUID("019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8a03")
NAMES: Final = (
    str(RUN),
    str(RUN).replace("-", ""),
    "last",
    "019a",
    "ffff",
    "x",
    "",
    "a/b",
    "é ",
    "..",
)
PNG: Final = b"\x89PNG\r\n\x1a\n" + bytes(40)
SHA256: Final = "a" * 64
DEPTH: Final = 199
"""As deep as a recorder writes; an answer nests it deeper."""

DEFINITION: Final[dict[str, Any]] = {
    "name": "greet",
    "state": {"greeting": {"type": "string"}},
    "nodes": {"greet": {"kind": "llm", "prompt": "Greet.", "output": "greeting"}},
    "edges": [{"from": "START", "to": "greet"}, {"from": "greet", "to": "END"}],
}

Call = Callable[[Any], Any]

FILTERS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"status": ("ok", "error")},
    {"status": ("error",)},
    {"workflow": ("research", "a & b=c")},
    {"model": ("strong",)},
    {"tags": {"team": "se=arch", "é": "ü"}},
    {"tags": {"team": ""}},
    {"session_id": "s 1"},
    {"session_id": ""},
    {"user_id": "ada+1"},
    {"since": STARTED_AT},
    {"since": datetime(2026, 11, 20, 12, 0, tzinfo=UTC) - timedelta(hours=1), "until": STARTED_AT},
    {"min_cost_usd": Decimal("0.012345678")},
    {"max_cost_usd": Decimal("0.000000001")},
    {"min_duration_ms": 1.5, "max_duration_ms": 1e9},
    {"text": "HEAT pumps?&#"},
    {"text": "heat"},
    {"simulated": True},
    {"simulated": False},
    {"unpriced": True},
    {"waiting": True},
)


def listing(fields: dict[str, Any]) -> Call:
    return lambda backend: backend.list_runs(RunQuery(**fields))


def exporting(fields: dict[str, Any]) -> Call:
    return lambda backend: list(backend.export_runs(ExportQuery(**fields)))


def adding_up(fields: dict[str, Any]) -> Call:
    window = {"since": STARTED_AT - timedelta(days=1), "until": STARTED_AT + timedelta(days=1)}
    query = StatisticsQuery(**{**window, **fields}, bars=4, trend_bars=2)
    return lambda backend: backend.run_statistics(query)


def resolving(name: str) -> Call:
    return lambda backend: backend.resolve_run(name)


def getting(name: str) -> Call:
    return lambda backend: backend.get_run(name)


def comparing(name: str) -> Call:
    return lambda backend: backend.diff_runs(str(RUN), name)


def comparison_named(name: str) -> Call:
    return lambda backend: backend.get_comparison(ComparisonQuery(experiment=name))


CALLS: Final[dict[str, tuple[Call, ...]]] = {
    "list_runs": (
        *map(listing, FILTERS),
        lambda b: b.list_runs(RunQuery(limit=1)),
        lambda b: b.list_runs(RunQuery(limit=1, cursor=b.list_runs(RunQuery(limit=1)).next_cursor)),
        lambda b: b.list_runs(RunQuery(cursor="none of ours")),
    ),
    "run_statistics": tuple(map(adding_up, FILTERS)),
    "run_facets": (lambda b: b.run_facets(),),
    "resolve_run": tuple(map(resolving, NAMES)),
    "get_run": (
        *map(getting, NAMES),
        lambda b: b.get_run(str(RUN), max_chars=100),
        lambda b: b.get_run(str(OTHER)),
        lambda b: b.get_run(str(RUN), parts=()),
        lambda b: b.get_run(str(RUN), parts=("messages", "llm_calls"), max_chars=100),
    ),
    "get_recording": (
        lambda b: b.get_recording(str(RUN)),
        lambda b: b.get_recording(str(OTHER)),
        lambda b: b.get_recording("ffff"),
        lambda b: b.get_recording("a/b"),
    ),
    "run_spans": (lambda b: b.run_spans(str(RUN)), lambda b: b.run_spans("x")),
    "run_graph": (lambda b: b.run_graph(str(RUN)), lambda b: b.run_graph("x")),
    "fold_state": (
        lambda b: b.fold_state(StateQuery(run=str(RUN))),
        lambda b: b.fold_state(StateQuery(run=str(RUN), step=0)),
        lambda b: b.fold_state(StateQuery(run=str(RUN), step=1, max_chars=100)),
        lambda b: b.fold_state(StateQuery(run=str(RUN), step=99)),
    ),
    "diff_runs": (
        lambda b: b.diff_runs(str(RUN), str(OTHER)),
        lambda b: b.diff_runs(str(OTHER), "last"),
        lambda b: b.diff_runs(str(RUN), str(RUN)),
        lambda b: b.diff_runs(str(GOING_ON), str(RUN)),
        *(comparing(name) for name in NAMES),
    ),
    "read_text": (
        lambda b: b.read_text(_text("runs", "-", "output")),
        lambda b: b.read_text(_text("runs", "-", "output", offset=3, limit=2)),
        lambda b: b.read_text(_text("tool_calls", "tool-b", "arguments")),
        lambda b: b.read_text(_text("tool_calls", "no & such", "arguments")),
        lambda b: b.read_text(_text("runs", "-", "password")),
    ),
    "read_blob": (
        lambda b: b.read_blob(SHA256),
        lambda b: b.read_blob("b" * 64),
        lambda b: b.read_blob("../../store.key"),
        lambda b: b.read_blob("x"),
    ),
    "run_events": (
        lambda b: list(b.run_events(str(RUN))),
        lambda b: list(b.run_events(str(RUN), after=next(b.run_events(str(RUN))).event_id)),
        lambda b: list(b.run_events("x")),
        lambda b: list(b.run_events(str(RUN), after="none of ours")),
    ),
    "export_runs": (
        *map(exporting, FILTERS),
        lambda b: list(b.export_runs(ExportQuery(min_scores={"re=ward": 0.5, "é": -1e-3}))),
        lambda b: list(b.export_runs(ExportQuery(tables=("messages", "llm_calls")))),
        lambda b: list(b.export_runs(ExportQuery(text="fridge", tables=("runs",)))),
    ),
    "request_run": (
        lambda b: b.request_run(RunRequest()),
        lambda b: b.request_run(RunRequest(prompt="Hello", workflow="research")),
        lambda b: b.request_run(RunRequest(workflow="no-such")),
        lambda b: b.request_run(RunRequest(workflow="../secret")),
        lambda b: b.request_run(RunRequest(workflow="broken")),
        lambda b: b.request_run(RunRequest(workflow="greet", inputs={"nobody": 1})),
        lambda b: b.request_run(RunRequest(workflow="greet", overrides={"nodes.x.model": "y"})),
        lambda b: b.request_run(RunRequest(prompt="Hello", tools=("no_such_tool",))),
    ),
    "request_comparison": (
        lambda b: b.request_comparison(CompareRequest(models=("a",))),
        lambda b: b.request_comparison(CompareRequest(models=("a", "a"), prompt="Hello")),
        lambda b: b.request_comparison(CompareRequest(models=("a",), prompt="x", cases=({},))),
        lambda b: b.request_comparison(CompareRequest(models=("a",), workflow="no-such")),
        lambda b: b.request_comparison(
            CompareRequest(models=("a",), workflow="greet", cases=({"name": "x"}, {"nobody": 1}))
        ),
        lambda b: b.request_comparison(
            CompareRequest(models=("a", "b"), prompt="Hello", repeat=1000)
        ),
    ),
    "list_comparisons": (lambda b: b.list_comparisons(),),
    "get_comparison": (
        lambda b: b.get_comparison(ComparisonQuery(experiment=EXPERIMENT)),
        lambda b: b.get_comparison(
            ComparisonQuery(experiment="last", offset=1, limit=1, max_chars=100)
        ),
        lambda b: b.get_comparison(ComparisonQuery(experiment=EXPERIMENT[:7], limit=0)),
        *(comparison_named(name) for name in ("x", "", "a/b", "é ", "..", "y" * 200)),
    ),
    "cancel_run": (
        lambda b: b.cancel_run(str(RUN)),
        lambda b: b.cancel_run(str(GOING_ON)),
        lambda b: b.cancel_run("x"),
    ),
    "answer_run": (
        lambda b: b.answer_run(str(RUN), AnswerRequest(answer="yes")),
        lambda b: b.answer_run(
            str(GOING_ON), AnswerRequest(answer={"a": [1]}, span_id="q", by="ada")
        ),
        lambda b: b.answer_run("x", AnswerRequest(answer="yes")),
    ),
    "request_replay": (
        lambda b: b.request_replay(ReplayRequest(run_id="x")),
        lambda b: b.request_replay(ReplayRequest(run_id=str(RUN), override_params=("modle=x",))),
        lambda b: b.request_replay(ReplayRequest(run_id=str(RUN), override_params={"model": "x"})),
    ),
    "plan_replay": (
        lambda b: b.plan_replay(ReplayRequest(run_id="x")),
        lambda b: b.plan_replay(ReplayRequest(run_id=str(OTHER))),
        lambda b: b.plan_replay(
            ReplayRequest(run_id=str(OTHER), override_params={"nodes.greet.model": "sim/weak"})
        ),
        lambda b: b.plan_replay(ReplayRequest(run_id=str(RUN), from_node="plan")),
    ),
    "list_workflows": (lambda b: b.list_workflows(),),
    "run_sql": (
        lambda b: b.run_sql(SqlQuery(text="select run_id, status, cost_usd from runs order by 1")),
        lambda b: b.run_sql(
            SqlQuery(text="select 1 as one, null as nothing, 1.5 as x", max_rows=1)
        ),
        lambda b: b.run_sql(SqlQuery(text="drop table runs")),
        lambda b: b.run_sql(SqlQuery(text="select no_such from runs")),
        lambda b: b.run_sql(SqlQuery(text="")),
    ),
    "whole_runs": (
        lambda b: b.whole_runs([RUN, OTHER, GOING_ON, UUID(int=7)]),
        lambda b: b.whole_runs([]),
    ),
    "load": (lambda b: b.load(),),
    "doctor": (lambda b: b.doctor(),),
    "health": (lambda b: b.health(),),
    "close": (),
}
"""What each method is asked, where it answers and where it refuses."""

VARIES: Final = ("pid", "started_at", "duration_ms", "workers")
"""By nature: which process answers, since when, how fast, with how many workers."""


def _text(table: Any, row: str, field: str, **more: Any) -> TextQuery:
    return TextQuery(run=str(RUN), table=table, row=row, field=field, **more)


def outcome(call: Call, backend: Backend) -> Any:
    """Return what a backend answers, or how it refuses."""
    try:
        return call(backend)
    except SecondTakeError as error:
        return type(error), error.message


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def fill(home: Path) -> None:
    """Write runs, a blob and workflows into a home."""
    write_research_run(
        home,
        RUN,
        tags={"team": "se=arch", "é": "ü"},
        session_id="s 1",
        user_id="ada+1",
        output={"answer": "A fridge turned round. " * 20},
    )
    write_run(
        home,
        OTHER,
        name="a & b=c",
        config={"definition": DEFINITION, "model": "sim/strong"},
        status="error",
        error_type="ValueError",
        error_message="what now",
        output=nested(DEPTH),
        started_at=STARTED_AT + timedelta(hours=1),
    )
    write_comparison(home)
    path = blob_path(home, SHA256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PNG)
    ensure_snapshot(home)  # or the first worker does, in the middle of the test
    root = home.parent / "workflows"
    root.mkdir()
    (root / "broken.yaml").write_text("name: broken\nnodes: 7\n", encoding="utf-8")
    (root / "greet.yaml").write_text(
        "name: greet\ninputs: {name: string}\nnodes:\n"
        "  greet: {kind: llm, prompt: 'Greet {{ name }}.', writes: greeting}\n"
        "edges: [START -> greet, greet -> END]\noutput: [greeting]\n",
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, list[Any]], Client]]:
    """Yield what the backend in process answered to every call, and a client of a server."""
    folder = tmp_path_factory.mktemp("contract")
    home = folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SECONDTAKE_HOME", str(home))
        patch.setenv("SECONDTAKE_WORKFLOWS_ROOT", str(folder / "workflows"))
        fill(home)
        local = LocalBackend(load_settings())
        local.load()
        answers = {name: [outcome(c, local) for c in calls] for name, calls in CALLS.items()}
        local.close()
        with api_process(home) as (client, _):
            yield answers, client


def methods() -> list[str]:
    return [name for name, _ in inspect.getmembers(Backend, inspect.isfunction) if name[0] != "_"]


def test_every_method_is_asked_something() -> None:
    assert sorted(CALLS) == sorted(methods())
    assert [name for name, calls in CALLS.items() if not calls] == ["close"]


def test_both_have_every_method_with_the_same_parameters() -> None:
    for name in methods():
        wanted = inspect.signature(getattr(Backend, name))
        for backend in (Client, LocalBackend):
            assert inspect.signature(getattr(backend, name)) == wanted, f"{backend} {name}"


@pytest.mark.parametrize("name", [name for name, calls in CALLS.items() if calls])
def test_the_answers_are_the_same(both: tuple[dict[str, list[Any]], Client], name: str) -> None:
    answers, client = both
    for number, (call, expected) in enumerate(zip(CALLS[name], answers[name], strict=True)):
        given = outcome(call, client)
        assert type(given) is type(expected), f"call {number}: {given}"
        assert comparable(given) == comparable(expected), f"call {number}"


def test_something_was_answered_and_something_refused(
    both: tuple[dict[str, list[Any]], Client],
) -> None:
    answers, _ = both
    refusals = {name for name, given in answers.items() if any(map(is_refusal, given))}
    fulfilled = {name for name, given in answers.items() if not all(map(is_refusal, given))}
    assert {"get_run", "answer_run", "run_sql", "request_run", "read_blob"} <= refusals
    executing = {"request_comparison", "request_replay", "request_run", "cancel_run", "answer_run"}
    assert set(CALLS) - {"close"} - executing <= fulfilled


def is_refusal(given: Any) -> bool:
    return isinstance(given, tuple)


def comparable(given: Any) -> Any:
    """Return an answer without what differs by nature."""
    if type(given).__name__ in ("SqlResult", "ServerHealth"):
        return given.model_dump(exclude=set(VARIES))
    if type(given).__name__ == "Health":
        return [check.name for check in given.checks], [check.status for check in given.checks]
    return given


def test_a_closed_client_says_so(both: tuple[dict[str, list[Any]], Client]) -> None:
    _, client = both
    other = Client(client.url)
    assert other.health().status == "ok"
    other.close()
    with pytest.raises(RuntimeError, match="closed"):
        other.health()
