"""Watching runs over HTTP while they go on."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
import uvicorn
from tests.support.api_process import ApiProcess, api_process
from tests.support.stored import STARTED_AT, run_frame, write_research_run

from secondtake.backend.api import server as server_module
from secondtake.backend.api.app import create_app
from secondtake.backend.api.serve import OwnedServer, address_of, bind
from secondtake.backend.client import Client
from secondtake.backend.errors import BusyError, NoServerError
from secondtake.backend.models.executions import RunEvent
from secondtake.backend.models.runs import RunQuery
from secondtake.runner.events import BaseEvent, Message, RunStarted
from secondtake.runner.journal import SegmentWriter
from secondtake.runner.settings import Settings, load_settings

WITHIN_S: Final = 60.0
WATCHERS: Final = 24
PLACES: Final = 3


@pytest.fixture
def server(home: Path) -> Iterator[tuple[Client, ApiProcess]]:
    with api_process(home) as running:
        yield running


@pytest.fixture
def writer(home: Path) -> Iterator[SegmentWriter]:
    """A recorder that lives while the test does."""
    with SegmentWriter(home) as writer:
        writer.run_begins()
        yield writer


def begin(writer: SegmentWriter, run_id: UUID) -> list[BaseEvent]:
    """Begin a run and return the events of its end."""
    begun, ended = run_frame(run_id, [])
    assert isinstance(begun, RunStarted)
    writer.write(begun.model_copy(update={"writer_id": writer.writer_id}))
    return [ended.model_copy(update={"seq": 1_000_000})]


def say(writer: SegmentWriter, run_id: UUID, seq: int) -> None:
    writer.write(
        Message(
            run_id=run_id,
            seq=seq,
            recorded_at=STARTED_AT,
            message_id=uuid4(),
            depth=0,
            role="user",
            content=f"message {seq}",
        )
    )


def wait_for_run(client: Client, run_id: UUID) -> None:
    until = time.monotonic() + WITHIN_S
    while client.list_runs(RunQuery(text=str(run_id))).total_count == 0:
        assert time.monotonic() < until
        time.sleep(0.02)


class Watching:
    """Collects what a client hears, in a thread."""

    def __init__(self, url: str, run_id: UUID, *, after: str | None = None) -> None:
        self.events: list[RunEvent] = []
        self.heard = threading.Condition()
        self.failure: Exception | None = None
        self._arguments = (url, run_id, after)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        url, run_id, after = self._arguments
        with Client(url) as client:
            try:
                for event in client.run_events(str(run_id), after=after):
                    with self.heard:
                        self.events.append(event)
                        self.heard.notify_all()
            except NoServerError as error:
                self.failure = error

    def contents(self) -> list[str]:
        told: list[Any] = [event.data for event in self.events if event.event == "messages"]
        return [data["content"] for data in told]

    def wait_for(self, content: str) -> None:
        with self.heard:
            assert self.heard.wait_for(lambda: content in self.contents(), WITHIN_S)


def test_each_step_is_heard_before_the_next_is_made(
    server: tuple[Client, ApiProcess], writer: SegmentWriter
) -> None:
    client, _ = server
    run_id = uuid4()
    end = begin(writer, run_id)
    wait_for_run(client, run_id)
    watching = Watching(client.url, run_id)
    for seq in range(1, 5):
        say(writer, run_id, seq)
        watching.wait_for(f"message {seq}")
    writer.write(*end)
    watching.thread.join(WITHIN_S)
    assert watching.events[-1].event == "end"
    assert watching.failure is None


def test_who_comes_back_hears_the_rest(
    server: tuple[Client, ApiProcess], writer: SegmentWriter
) -> None:
    client, _ = server
    run_id = uuid4()
    end = begin(writer, run_id)
    for seq in range(1, 4):
        say(writer, run_id, seq)
    wait_for_run(client, run_id)
    heard: list[RunEvent] = []
    for seq in range(4, 10):  # comes and goes while the run goes on
        for event in client.run_events(str(run_id), after=heard[-1].event_id if heard else None):
            heard.append(event)
            if event.event == "messages":
                break
        say(writer, run_id, seq)
    writer.write(*end)
    heard += client.run_events(str(run_id), after=heard[-1].event_id)
    told: list[Any] = [event.data for event in heard if event.event == "messages"]
    assert [data["seq"] for data in told] == list(range(1, 10))
    assert heard[-1].event == "end"


def test_many_who_watch_do_not_keep_others_from_being_answered(
    server: tuple[Client, ApiProcess], writer: SegmentWriter
) -> None:
    client, _ = server
    run_id = uuid4()
    end = begin(writer, run_id)
    wait_for_run(client, run_id)
    watchers = [Watching(client.url, run_id) for _ in range(WATCHERS)]
    say(writer, run_id, 1)
    for watching in watchers:
        watching.wait_for("message 1")
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: client.list_runs(RunQuery()).total_count, range(40)))
    assert pages == [1] * 40
    writer.write(*end)
    for watching in watchers:
        watching.thread.join(WITHIN_S)
        assert watching.events[-1].event == "end"


def test_too_many_who_watch_are_told_and_places_of_those_who_left_are_free_again(
    home: Path, writer: SegmentWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "STREAMS_AT_ONCE", PLACES)
    run_id = uuid4()
    begin(writer, run_id)
    with serving(load_settings({"home": home})) as client:
        wait_for_run(client, run_id)
        watching = [client.run_events(str(run_id)) for _ in range(PLACES)]
        assert [next(each).event for each in watching] == ["run"] * PLACES
        with pytest.raises(BusyError, match="close some of their pages"):
            next(client.run_events(str(run_id)))
        for each in watching:
            assert isinstance(each, Generator)
            each.close()
        wait_until(lambda: can_watch(client, run_id))


def can_watch(client: Client, run_id: UUID) -> bool:
    """Tell whether all places are free: the server notices a little later that one left."""
    watching = [client.run_events(str(run_id)) for _ in range(PLACES)]
    try:
        return [next(each).event for each in watching] == ["run"] * PLACES
    except BusyError:
        return False
    finally:
        for each in watching:
            assert isinstance(each, Generator)
            each.close()


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def serving(settings: Settings) -> Iterator[Client]:
    """Yield a client of a server in a thread of this process."""
    listener = bind("127.0.0.1", 0)
    url = address_of(listener)
    app = create_app(settings)
    config = uvicorn.Config(
        app, http="h11", lifespan="on", log_config=None, ws="none", timeout_graceful_shutdown=1
    )
    server = OwnedServer(config, app=app, home=settings.home, url=url)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started)
        with Client(url) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(WITHIN_S)


def test_a_server_that_ends_ends_its_streams_and_they_can_go_on_later(
    home: Path, writer: SegmentWriter
) -> None:
    run_id = uuid4()
    with api_process(home) as (client, server):
        end = begin(writer, run_id)
        say(writer, run_id, 1)
        wait_for_run(client, run_id)
        watching = Watching(client.url, run_id)
        watching.wait_for("message 1")
        assert server.end() == 0
        watching.thread.join(WITHIN_S)
        assert watching.failure is not None
        assert "ended before the run did" in str(watching.failure)
    say(writer, run_id, 2)
    writer.write(*end)
    with api_process(home) as (client, _):
        rest = list(client.run_events(str(run_id), after=watching.events[-1].event_id))
    told: list[Any] = [event.data for event in rest if event.event == "messages"]
    assert [data["content"] for data in told] == ["message 2"]
    assert rest[-1].event == "end"


def test_a_run_that_is_not_there_is_refused_before_the_stream_begins(
    server: tuple[Client, ApiProcess], home: Path
) -> None:
    import httpx2

    client, _ = server
    write_research_run(home)
    client.load()
    for path, status in (
        ("/runs/ffff/events", 404),
        ("/runs/last/events?after=x", 400),
        ("/runs/last/events", 200),
    ):
        answer = httpx2.get(client.url + path, trust_env=False)
        assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert "\nid: " in answer.text
