"""Watching a run: nothing is missed, nothing comes twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from duckdb import DuckDBPyConnection
from tests.support.stored import (
    STARTED_AT,
    run_frame,
    write_research_run,
)

from secondtake.backend.errors import NotFoundError
from secondtake.backend.models.executions import RunEvent
from secondtake.backend.services.load import load
from secondtake.backend.services.run_events import (
    MAX_CHARS,
    RunWatcher,
    finished_run,
    watch,
)
from secondtake.runner.errors import UsageError
from secondtake.runner.events import (
    BaseEvent,
    Message,
    NodeFinished,
    NodeStarted,
    RunStarted,
    Score,
)
from secondtake.runner.journal import SegmentWriter
from secondtake.runner.settings import load_settings


@pytest.fixture
def writer(home: Path) -> Iterator[SegmentWriter]:
    """A recorder that lives while the test does: its runs are not interrupted."""
    with SegmentWriter(home, seal_age_s=None) as writer:
        writer.run_begins()
        yield writer


def record(con: DuckDBPyConnection, writer: SegmentWriter, *events: BaseEvent) -> None:
    """Write events of runs that go on, and load them."""
    writer.write(
        *(
            event.model_copy(update={"writer_id": writer.writer_id})
            if isinstance(event, RunStarted)
            else event
            for event in events
        )
    )
    writer.seal()
    load(con, load_settings())


def keys(events: list[RunEvent]) -> list[tuple[str, Any]]:
    """Return what tells an event from all others: its row, and whether that is complete."""
    told: list[tuple[str, Any]] = []
    for event in events:
        data: Any = event.data
        if event.event in ("run", "end"):
            told.append((event.event, data["status"]))
        else:
            told.append((event.event, (data["seq"], data.get("ended_at") is not None)))
    return told


def node(run_id: UUID, seq: int, span_id: str, *, question: Any = None) -> NodeStarted:
    return NodeStarted(
        run_id=run_id,
        seq=seq,
        recorded_at=STARTED_AT,
        span_id=span_id,
        node=span_id,
        started_at=STARTED_AT,
        question=question,
    )


def end_of(run_id: UUID, seq: int, span_id: str) -> NodeFinished:
    return NodeFinished(
        run_id=run_id,
        seq=seq,
        recorded_at=STARTED_AT,
        span_id=span_id,
        node=span_id,
        started_at=STARTED_AT,
        ended_at=STARTED_AT,
        duration_ms=0.0,
    )


def message(run_id: UUID, seq: int | None, content: str = "Hello") -> Message:
    return Message(
        run_id=run_id,
        seq=seq,
        recorded_at=STARTED_AT,
        message_id=uuid4(),
        depth=0,
        role="user",
        content=content,
    )


def a_run_in_pieces(run_id: UUID) -> list[list[BaseEvent]]:
    """Return a run as it is loaded while it goes on: two parallel nodes, one inside the other."""
    frame = run_frame(run_id, [node(run_id, 1, "node-a")])
    return [
        frame[:2],
        [node(run_id, 2, "node-b"), message(run_id, 3)],
        [end_of(run_id, 4, "node-a"), message(run_id, 5)],
        [node(run_id, 6, "node-c"), end_of(run_id, 7, "node-c")],
        [end_of(run_id, 8, "node-b")],
        [frame[2].model_copy(update={"seq": 9})],
    ]


TOLD: list[list[tuple[str, Any]]] = [
    [("node_timings", (1, False)), ("run", "running")],
    [("node_timings", (2, False)), ("messages", (3, False)), ("run", "running")],
    [("messages", (5, False)), ("node_timings", (1, True)), ("run", "running")],
    [("node_timings", (6, True)), ("run", "running")],
    [("node_timings", (2, True)), ("run", "running")],
    [("run", "ok"), ("end", "ok")],
]


def looks(con: DuckDBPyConnection, writer: SegmentWriter, run_id: UUID) -> Iterator[RunWatcher]:
    """Yield a watcher after each piece of the run is loaded."""
    watcher = RunWatcher(run_id)
    for piece in a_run_in_pieces(run_id):
        record(con, writer, *piece)
        yield watcher


def test_each_look_tells_what_is_new_and_what_has_changed(
    con: DuckDBPyConnection, writer: SegmentWriter
) -> None:
    told = [keys(watcher.look(con)) for watcher in looks(con, writer, uuid4())]
    assert told == TOLD


def test_a_second_look_tells_nothing(con: DuckDBPyConnection, writer: SegmentWriter) -> None:
    for watcher in looks(con, writer, uuid4()):
        watcher.look(con)
        if not watcher.has_ended:
            assert watcher.look(con) == []


def test_who_comes_back_after_any_event_gets_the_rest_and_nothing_twice(
    con: DuckDBPyConnection, writer: SegmentWriter
) -> None:
    run_id = uuid4()
    seen: list[RunEvent] = []
    for watcher in looks(con, writer, run_id):
        seen += watcher.look(con)
        for place, event in enumerate(seen[:-1]):
            before = seen[: place + 1]
            after = RunWatcher(run_id, after=event.event_id).look(con)
            assert latest([*before, *after]) == latest(seen)
            assert not rows(before) & rows(after)
            assert len(rows(after)) == len([e for e in after if e.event not in ("run", "end")])


def rows(events: list[RunEvent]) -> set[tuple[str, Any]]:
    return {key for key in keys(events) if key[0] not in ("run", "end")}


def latest(events: list[RunEvent]) -> dict[tuple[str, Any], Any]:
    """Return what one knows of each row, and of the run, when one has heard all of these."""
    known: dict[tuple[str, Any], Any] = {}
    for event in events:
        data: Any = event.data
        known[event.event, data.get("seq")] = data
    return known


def test_a_run_that_ended_is_told_whole(con: DuckDBPyConnection, home: Path) -> None:
    run_id = write_research_run(home)
    load(con, load_settings())
    watcher = RunWatcher(run_id)
    events = watcher.look(con)
    names = [event.event for event in events]
    assert watcher.has_ended
    assert names[-2:] == ["run", "end"]
    assert sorted(set(names[:-2])) == [
        "evaluations",
        "llm_calls",
        "memory",
        "messages",
        "node_timings",
        "tool_calls",
    ]
    assert len({event.event_id for event in events[:-1]}) == len(events) - 1


def test_rows_without_a_place_come_once(con: DuckDBPyConnection, writer: SegmentWriter) -> None:
    run_id = uuid4()
    frame = run_frame(run_id, [message(run_id, None), message(run_id, None)])
    record(con, writer, *frame[:2])
    watcher = RunWatcher(run_id)
    first = watcher.look(con)
    record(con, writer, frame[2])
    second = watcher.look(con)
    again = RunWatcher(run_id, after=first[0].event_id).look(con)
    assert [event.event for event in first] == ["messages", "run"]
    assert [event.event for event in second] == ["messages", "run"]
    assert [event.event for event in again] == ["messages", "run"]
    assert again[0].data == second[0].data != first[0].data


def test_a_score_that_comes_later_is_told(con: DuckDBPyConnection, writer: SegmentWriter) -> None:
    run_id = uuid4()
    record(con, writer, *run_frame(run_id, [])[:1])
    watcher = RunWatcher(run_id)
    watcher.look(con)
    score = Score(
        run_id=run_id, recorded_at=STARTED_AT, evaluation_id=uuid4(), name="ok", score_value=1.0
    )
    record(con, writer, score)
    assert [event.event for event in watcher.look(con)] == ["evaluations", "run"]


def test_the_question_of_a_node_is_told_when_it_is_asked(
    con: DuckDBPyConnection, writer: SegmentWriter
) -> None:
    run_id = uuid4()
    asked = {"question": "Shall I?", "choices": ["yes", "no"]}
    record(con, writer, run_frame(run_id, [])[0], node(run_id, 1, "ask", question=asked))
    told: Any = [event.data for event in RunWatcher(run_id).look(con)]
    assert told[0]["question"] == asked
    assert told[1]["question"] == "Shall I?"


def test_long_texts_are_clipped(con: DuckDBPyConnection, writer: SegmentWriter) -> None:
    run_id = uuid4()
    record(con, writer, *run_frame(run_id, [message(run_id, 1, "x" * 1_000_000)]))
    told: Any = RunWatcher(run_id).look(con)[0].data
    assert len(told["content"]) == MAX_CHARS
    assert told["clipped"] == {"content": 1_000_000}


@pytest.mark.parametrize(
    "after",
    ["x", "é", "WzNd", "W10", "e30", "WzEsW10se30sIiJd!", "WzFlNDAwLFtdLHt9LCIiXQ", "[" * 99],
)
def test_an_event_that_is_none_is_refused(after: str) -> None:
    with pytest.raises(UsageError, match="not the id of an event"):
        RunWatcher(uuid4(), after=after)


def test_a_run_that_has_not_begun_tells_nothing_yet(con: DuckDBPyConnection) -> None:
    watcher = RunWatcher(uuid4())
    assert (watcher.look(con), watcher.has_ended) == ([], False)


def test_watching_goes_on_until_the_end(con: DuckDBPyConnection, writer: SegmentWriter) -> None:
    run_id = uuid4()
    pieces: Iterator[list[BaseEvent]] = iter(a_run_in_pieces(run_id))
    record(con, writer, *next(pieces))

    @contextmanager
    def store() -> Iterator[DuckDBPyConnection]:
        yield con
        for piece in islice(pieces, 1):  # while nobody looks
            record(con, writer, *piece)

    assert keys(list(watch(store, str(run_id)))) == [key for look in TOLD for key in look]


def test_watching_a_run_that_does_not_exist_says_so(con: DuckDBPyConnection) -> None:
    @contextmanager
    def store() -> Iterator[DuckDBPyConnection]:
        yield con

    with pytest.raises(NotFoundError, match="no runs yet"):
        next(watch(store, "last"))


def test_how_a_run_ended_is_known_when_it_has(
    con: DuckDBPyConnection, writer: SegmentWriter
) -> None:
    ended, going_on = uuid4(), uuid4()
    record(con, writer, *run_frame(ended, [], output={"answer": 391}))
    record(con, writer, *run_frame(going_on, [])[:1])
    finished = finished_run(con, ended)
    assert finished is not None
    assert (finished.summary.status, finished.output) == ("ok", {"answer": 391})
    assert finished_run(con, going_on) is None
    assert finished_run(con, uuid4()) is None
