import os
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from pydantic import ValidationError
from tests.support.journal import recorded_lines

from secondtake.runner import segments
from secondtake.runner.events import AmbientRead, BaseEvent, Event, ToolCall
from secondtake.runner.hashing import new_run_id
from secondtake.runner.home import store_key
from secondtake.runner.journal import SegmentWriter, encode, encode_fields

RUN = new_run_id()


def event(number: int) -> AmbientRead:
    now = datetime.now(UTC)
    return AmbientRead(run_id=RUN, seq=number, recorded_at=now, ambient_kind="random", value=number)


def journal(home: Path) -> list[str]:
    return sorted(path.suffix for path in (home / "journal").iterdir())


def wait_until_sealed(home: Path) -> None:
    deadline = time.monotonic() + 5
    while journal(home) != [".ndjson"] and time.monotonic() < deadline:
        time.sleep(0.02)


def sealed(home: Path) -> Path:
    with SegmentWriter(home) as writer:
        writer.write(event(0), event(1))
    (path,) = (home / "journal").glob("*.ndjson")
    return path


def test_a_closed_writer_leaves_a_sealed_intact_segment(home: Path) -> None:
    check = segments.verify(sealed(home), store_key(home))

    assert check.intact
    assert check.event_lines == 2


def test_the_header_names_writer_and_vocabulary(home: Path) -> None:
    path = sealed(home)
    header = orjson.loads(path.read_bytes().splitlines()[0])

    assert header["kind"] == "segment"
    assert header["segment"] == path.stem
    assert header["writer_id"] == segments.writer_of(path)
    assert header["schema_version"] == 1


@pytest.mark.parametrize("position", [40, -60, -1])
def test_a_changed_byte_breaks_the_seal(home: Path, position: int) -> None:
    path = sealed(home)
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)

    assert not segments.verify(path, store_key(home)).intact


def test_a_segment_of_another_home_is_not_ours(home: Path, tmp_path: Path) -> None:
    assert not segments.verify(sealed(home), store_key(tmp_path / "other")).intact


def test_a_segment_is_sealed_when_it_is_old(home: Path) -> None:
    writer = SegmentWriter(home, seal_age_s=0.05)
    writer.write(event(0))
    wait_until_sealed(home)

    assert journal(home) == [".ndjson"]


def test_a_writer_with_a_run_in_progress_always_holds_an_open_segment(home: Path) -> None:
    writer = SegmentWriter(home, seal_age_s=0.02)
    writer.run_begins()
    for number in range(20):
        writer.write(event(number))
        assert segments.live_writers(home / "journal") == {writer.writer_id}
        time.sleep(0.01)
    writer.run_ends()
    writer.close()

    assert segments.live_writers(home / "journal") == set()
    assert [line["value"] for line in recorded_lines(home)] == list(range(20))


def test_an_open_segment_of_a_living_writer_is_not_taken_over(home: Path) -> None:
    writer = SegmentWriter(home, seal_age_s=None)
    writer.write(event(0))

    assert segments.take_over(home / "journal") == []
    assert journal(home) == [".open"]
    writer.close()


def test_a_dead_writers_segment_is_taken_over_without_its_torn_tail(home: Path) -> None:
    path = sealed(home)
    whole = path.read_bytes().splitlines(keepends=True)[:-1]
    path.unlink()
    orphan = path.with_suffix(".open")
    orphan.write_bytes(b"".join(whole) + b'{"kind":"llm_c')

    (taken,) = segments.take_over(home / "journal")

    assert taken.torn_bytes == 14
    assert taken.path.read_bytes() == b"".join(whole)
    check = segments.verify(taken.path, store_key(home))
    assert (check.intact, check.event_lines) == (False, 2)


def test_many_threads_write_whole_lines(home: Path) -> None:
    writer = SegmentWriter(home, seal_age_s=0.01)

    def write(first: int) -> None:
        for number in range(200):
            writer.write(event(first + number))

    threads = [threading.Thread(target=write, args=(1000 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()

    expected = sorted(1000 * n + number for n in range(8) for number in range(200))
    assert sorted(line["value"] for line in recorded_lines(home)) == expected
    for path in (home / "journal").glob("*.ndjson"):
        assert segments.verify(path, store_key(home)).intact


def test_a_forked_child_writes_a_segment_of_its_own(home: Path) -> None:
    writer = SegmentWriter(home, seal_age_s=None)
    writer.write(event(0))
    child = os.fork()
    if child == 0:
        try:
            writer.write(event(1))
            writer.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    writer.write(event(2))

    assert segments.live_writers(home / "journal") == {writer.writer_id}
    writer.close()
    assert sorted(line["value"] for line in recorded_lines(home)) == [0, 1, 2]


def test_a_writer_can_be_used_again_after_it_was_closed(home: Path) -> None:
    writer = SegmentWriter(home, seal_age_s=0.02)
    writer.write(event(0))
    writer.close()
    writer.write(event(1))
    wait_until_sealed(home)

    assert [line["value"] for line in recorded_lines(home)] == [0, 1]


def test_two_processes_that_make_the_key_at_once_agree_on_it(home: Path) -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(store_key(home))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(keys)) == 1
    assert (home / "store.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", get_args(get_args(Event)[0]))
def test_the_fast_way_to_encode_an_event_writes_the_same_line(kind: type[BaseEvent]) -> None:
    now = datetime.now(UTC)
    given: dict[str, Any] = {
        "run_id": RUN, "recorded_at": now, "seq": 3, "name": "n", "node": "n", "span_id": "s",
        "status": "ok", "message_id": RUN, "depth": 0, "role": "user", "tools_hash": "h",
        "definitions": [], "tool": "t", "scope": "state", "operation": "set", "key": "k",
        "ambient_kind": "clock", "value": 1, "evaluation_id": RUN, "cost_usd": Decimal("0.5"),
        "started_at": now, "duration_ms": 1.5, "error_type": None, "source_run_id": RUN,
        "replay_kind": "full", "llm_policy": "auto", "tool_policy": "auto", "live_calls": 0,
        "recorded_calls": 2,
    }  # fmt: skip
    fields = {name: value for name, value in given.items() if name in kind.model_fields}

    fast = orjson.loads(encode_fields(kind, fields))

    assert fast == orjson.loads(encode(kind(**fields)))


def test_the_fast_way_refuses_what_the_loader_would_reject() -> None:
    fields = {"run_id": RUN, "recorded_at": datetime.now(UTC), "span_id": "s", "tool": "t"}

    for wrong in ({"attempt": 1.7}, {"attempt": -1}, {"tool": 5}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            encode_fields(ToolCall, {**fields, **wrong})
