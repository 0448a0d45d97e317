"""A recording read from the store is the events that were written."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.support.journal import recorded_lines
from tests.support.repository import REPOSITORY
from tests.support.stored import STARTED_AT, run_frame, write_events, write_research_run
from tests.support.tau_records import TEA, write

from secondtake.backend.errors import NotFoundError
from secondtake.backend.loader.lines import read_event
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.runs import RunQuery
from secondtake.backend.services.imports import import_runs
from secondtake.runner import ambient, journal, memory, record
from secondtake.runner.errors import UsageError
from secondtake.runner.events import (
    AmbientRead,
    BaseEvent,
    Message,
    NodeFinished,
    NodeStarted,
    ReplayFinished,
    RunFinished,
    Score,
    ToolCall,
    ToolDefinitions,
)
from secondtake.runner.replay.recording import Recording
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.load import find_workflow

NOT_KEPT = {NodeFinished: ("recorded_at",), RunFinished: ("recorded_at",)}
"""Of an end: its row has the time at which the beginning was written."""
AIRLINE = "trajectories/tau-bench/gpt-4o-airline.json.gz"


@pytest.fixture
def backend(home: Path) -> LocalBackend:
    return LocalBackend(load_settings())


def written(home: Path) -> list[BaseEvent]:
    """Return what is in the journal and not loaded yet, as events."""
    journal.close_all()
    return [read_event(line) for line in recorded_lines(home)]


def kept(event: BaseEvent) -> dict[str, Any]:
    """Return an event without what no row keeps."""
    return event.model_dump(exclude=set(NOT_KEPT.get(type(event), ())))


def expect_same(
    recording: Recording, events: Sequence[BaseEvent], *, is_threaded: bool = False
) -> None:
    """Expect the very events, in their order, also after a way through a file.

    Args:
        recording: what was read.
        events: what was written.
        is_threaded: nodes ended at once, so that either may be the first.
    """
    expected = sorted(events, key=lambda event: (event.seq is None, event.seq or 0))
    given = list(recording.events)
    if is_threaded:
        given, expected = (with_ends_by_span(each) for each in (given, expected))
    assert [(e.seq, type(e)) for e in given] == [(e.seq, type(e)) for e in expected]
    for one, other in zip(given, expected, strict=True):
        assert kept(one) == kept(other)
    assert Recording.from_json(recording.to_json()) == recording


def with_ends_by_span(events: Sequence[BaseEvent]) -> list[BaseEvent]:
    """Give the places of ends of nodes to the same ends in the order of their spans."""
    ends = sorted((e for e in events if isinstance(e, NodeFinished)), key=lambda e: e.span_id)
    next_end = iter(ends)
    return [
        next(next_end).model_copy(update={"seq": e.seq}) if isinstance(e, NodeFinished) else e
        for e in events
    ]


def run_sample(home: Path, name: str, inputs: dict[str, Any], **more: Any) -> str:
    settings = load_settings({"sim_latency": False, "home": home})
    result = run_workflow(find_workflow(name, settings), inputs, settings=settings, **more)
    return result.status


SAMPLES: dict[str, Callable[[Path], str]] = {
    "branches": lambda home: run_sample(home, "research", {"topic": "heat"}, model="sim/strong"),
    "nested": lambda home: run_sample(home, "onboarding", {}, model="sim/strong"),
    "an agent": lambda home: run_sample(home, "assistant", {}, model="sim/weak"),
    "a loop and a person": lambda home: run_sample(
        home,
        "support",
        {"ticket": (REPOSITORY / "data" / "tickets" / "invoice.txt").read_text()},
        model="sim/strong",
        answers={"approve": ["revise", "send"]},
    ),
    "failed": lambda home: run_sample(home, "assistant", {}, model="sim/no-such-model"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_workflow_run_comes_back_as_it_was_recorded(
    home: Path, monkeypatch: pytest.MonkeyPatch, backend: LocalBackend, name: str
) -> None:
    monkeypatch.chdir(REPOSITORY)
    status = SAMPLES[name](home)
    events = written(home)

    assert (status == "error") == (name == "failed")
    expect_same(backend.get_recording("last"), events, is_threaded=True)


def test_a_decorated_program_comes_back_with_ambient_reads_and_memory(
    home: Path, backend: LocalBackend
) -> None:
    @record.node
    def look(depth: int) -> str:
        memory.put("colour", {"name": ["green", None], "large": 2**53 + 1})
        return look(depth - 1) if depth else str(memory.get("colour"))

    @record.run("bot")
    def program() -> list[str]:
        with pytest.raises(ZeroDivisionError):
            fails()
        return [str(ambient.randint(1, 6)), str(ambient.uuid()), look(3), str(ambient.now())]

    @record.tool
    def fails() -> float:
        return 1 / 0

    program()
    events = written(home)

    assert len([e for e in events if isinstance(e, AmbientRead)]) == 3
    expect_same(backend.get_recording("last"), events)


def test_an_import_comes_back(home: Path, tmp_path: Path, backend: LocalBackend) -> None:
    import_runs(backend, backend.settings, "tau-bench", [write(tmp_path, [TEA])])
    recording = backend.get_recording("last")

    assert [event.seq for event in recording.events] == list(range(len(recording.events)))
    assert recording.start.source == "import:tau-bench"
    assert recording.start.extra is not None
    assert "import" in recording.start.extra
    assert recording.end is not None
    assert recording.end.extra is None
    assert [m.role for m in recording.messages.values()] == [m["role"] for m in TEA["traj"]]
    roles = [message["role"] for message in recording.prompt_of(recording.llm_calls[-1])]
    assert roles == ["system", "user", "assistant", "tool"]
    assert Recording.from_json(recording.to_json()) == recording


def test_real_imports_have_no_gaps(shared_data: Path, backend: LocalBackend) -> None:
    import_runs(backend, backend.settings, "tau-bench", [shared_data / AIRLINE])
    run_ids = [run.run_id for run in list_all(backend)][:20]

    for run_id in run_ids:
        recording = backend.get_recording(str(run_id))
        assert [event.seq for event in recording.events] == list(range(len(recording.events)))
        assert [recording.prompt_of(call) for call in recording.llm_calls]
        assert Recording.from_json(recording.to_json()) == recording


def list_all(backend: LocalBackend) -> list[Any]:
    return backend.list_runs(RunQuery(limit=200)).items


def common(run_id: UUID, seq: int | None) -> dict[str, Any]:
    at = STARTED_AT + timedelta(microseconds=123457 + (seq or 0))
    return {"run_id": run_id, "seq": seq, "recorded_at": at}


def hard_events(run_id: UUID) -> list[BaseEvent]:
    """Return events whose values are easily bent."""
    hard = {
        "large": 2**63 - 1,
        "odd": 2**53 + 1,
        "tenth": 0.1,
        "whole": 1.0,
        "small": 5e-324,
        "none": None,
        "b": [None, {"a": None}],
        "a": "é\u0000\U0001f600\\u0041",
        "$int": "18446744073709551616",
    }
    return [
        ToolDefinitions(**common(run_id, 1), tools_hash="t", definitions=[hard]),
        Message(
            **common(run_id, 2), message_id=uuid4(), depth=0, role="user", content="x" * 10_000_000
        ),
        ToolCall(
            **common(run_id, 3),
            span_id="t",
            tool="t",
            arguments=hard,
            result="null",
            cost_usd=Decimal("123456789.123456789"),
            started_at=datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
            duration_ms=0.1 + 0.2,
            extra={"none": None, "hard": hard},
        ),
        AmbientRead(**common(run_id, 4), ambient_kind="random", value=0.1 + 0.2),
        ReplayFinished(
            **common(run_id, 5),
            source_run_id=uuid4(),
            replay_kind="full",
            overrides={"state.x": None, "model": "sim/weak"},
            llm_policy="auto",
            tool_policy="recorded",
            verdict="diverged",
            diverged_call=3,
            live_calls=1,
            recorded_calls=2,
            live_by_node={"write": 1},
            cost_usd=Decimal("0.000000001"),
        ),
        Score(**common(run_id, 6), evaluation_id=uuid4(), name="good", score_value=None),
    ]


def test_no_value_is_bent(home: Path, backend: LocalBackend) -> None:
    run_id = uuid4()
    events = run_frame(
        run_id,
        hard_events(run_id),
        writer_id="w",
        tags={"é": "", "b": "=", "a": "x"},
        source_run_id=uuid4(),
        config={"b": 1, "a": [None]},
        inputs=None,
        output={"answer": None},
        repeat=3,
    )
    write_events(home, *events)

    expect_same(backend.get_recording("last"), events)


def node(name: str, place: int, *, ended: bool = True, parent: str | None = None) -> dict[str, Any]:
    at = STARTED_AT + timedelta(seconds=place)
    end = {"ended_at": at + timedelta(seconds=1), "duration_ms": 1000.0} if ended else {}
    return {"node": name, "span_id": name, "parent_span_id": parent, "started_at": at, **end}


def test_a_killed_run_comes_back_without_an_end(home: Path, backend: LocalBackend) -> None:
    run_id = uuid4()
    a, b = node("a", 1), node("b", 3)
    begun_a, begun_b = node("a", 1, ended=False), node("b", 3, ended=False)
    events = [
        run_frame(run_id, (), writer_id="w")[0],
        NodeStarted(**common(run_id, 1), **begun_a),
        NodeFinished(**common(run_id, 2), **a),
        NodeStarted(**common(run_id, 3), **begun_b),
        ToolCall(**common(run_id, 4), span_id="t", parent_span_id="b", tool="t"),
    ]
    write_events(home, *events)
    recording = backend.get_recording("last")

    assert recording.end is None
    assert [type(event) for event in recording.nodes] == [NodeFinished, NodeStarted]
    expect_same(recording, events)
    assert b["span_id"] == recording.nodes[-1].span_id


def test_ends_of_nodes_that_ran_at_once_get_their_own_places(
    home: Path, backend: LocalBackend
) -> None:
    run_id = uuid4()
    outer = {"ended_at": STARTED_AT + timedelta(seconds=9), "duration_ms": 1.0}
    inner: list[BaseEvent] = [
        NodeStarted(**common(run_id, 1), **node("outer", 1, ended=False)),
        NodeStarted(**common(run_id, 2), **node("slow", 2, ended=False, parent="outer")),
        NodeStarted(**common(run_id, 3), **node("fast", 1, ended=False, parent="outer")),
        ToolCall(**common(run_id, 4), span_id="t", parent_span_id="slow", tool="t"),
        NodeFinished(**common(run_id, 5), **node("fast", 1, parent="outer")),
        ToolCall(**common(run_id, 6), span_id="u", parent_span_id="slow", tool="t"),
        NodeFinished(**common(run_id, 7), **node("slow", 2, parent="outer")),
        NodeFinished(**common(run_id, 8), **{**node("outer", 1), **outer}),
    ]
    events = run_frame(run_id, inner, writer_id="w")
    write_events(home, *events)

    expect_same(backend.get_recording("last"), events)


def test_events_without_a_place_keep_the_order_of_time(home: Path, backend: LocalBackend) -> None:
    run_id = uuid4()
    begin, end = run_frame(run_id, (), source="import:other")
    calls = [
        ToolCall(**common(run_id, None), span_id=str(at), tool="t", started_at=begin.recorded_at)
        for at in range(3)
    ]
    ended = NodeFinished(**common(run_id, None), **node("a", 1))
    unplaced = [event.model_copy(update={"seq": None}) for event in (begin, end)]
    write_events(home, unplaced[0], *calls, ended, unplaced[1])
    recording = backend.get_recording("last")

    assert [type(event).__name__ for event in recording.events] == [
        "RunStarted", "ToolCall", "ToolCall", "ToolCall", "NodeFinished", "RunFinished",
    ]  # fmt: skip
    assert {event.seq for event in recording.events} == {None}


def test_a_run_without_its_beginning_is_refused(home: Path, backend: LocalBackend) -> None:
    run_id = uuid4()
    write_events(home, ToolCall(**common(run_id, 4), span_id="t", tool="t"))

    with pytest.raises(UsageError, match=f"The beginning of run {run_id} is not in the store"):
        backend.get_recording(str(run_id))


def test_a_run_that_is_not_there_is_refused(home: Path, backend: LocalBackend) -> None:
    write_research_run(home)

    with pytest.raises(NotFoundError, match="There is no run 'ffff'"):
        backend.get_recording("ffff")
