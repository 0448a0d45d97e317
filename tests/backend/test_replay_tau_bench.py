"""Real conversations of agents with tools and a simulated user, held again from their recordings.

tau-bench says which messages were sent and who answered what; neither tools nor parameters. What is
rebuilt are the messages of each request; the fork's model is unknown, and nothing is asked.
"""

import gzip
import json
import random
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from tests.support.replaying import assert_exact, verdict_of
from tests.support.talking import altered

from secondtake.backend.local import LocalBackend
from secondtake.backend.models.runs import RunQuery
from secondtake.backend.services.imports import import_runs
from secondtake.runner.errors import UsageError
from secondtake.runner.events import BaseEvent
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.loop import replay_loop
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.stepwise import replay_stepwise
from secondtake.runner.replay.workflow import Replayed
from secondtake.runner.settings import load_settings

FILES = (
    "tau-bench/gpt-4o-airline.json.gz",
    "tau-bench-fork/assertions-agent-none-0.1_range_0-100_6_18_2025.json.gz",
    "tau-bench-fork/tool-calling-none-0.1_range_0-100_user-none-llm_06232025.json.gz",
)
RUNS_PER_FILE = 10
KINDS = ("user", "assistant", "tool", "result", "system")
SEED = 5


class Alteration(NamedTuple):
    """A recording in which one thing was altered, and the call that was sent it first."""

    recording: Recording
    kind: str
    call: int


@pytest.fixture
def recordings(home: Path, tmp_path: Path, shared_data: Path) -> list[Recording]:
    """The recordings of some runs of each file, by way of the store."""
    backend = LocalBackend(load_settings())
    paths: list[Path] = []
    for name in FILES:
        source = shared_data / "trajectories" / name
        records = json.loads(gzip.decompress(source.read_bytes()))[:RUNS_PER_FILE]
        paths.append(tmp_path / source.name.removesuffix(".gz"))
        paths[-1].write_text(json.dumps(records), encoding="utf-8")
    import_runs(backend, backend.settings, "tau-bench", paths)
    runs = backend.list_runs(RunQuery(limit=100)).items
    found = [backend.get_recording(str(run.run_id)) for run in runs]
    assert len(found) == RUNS_PER_FILE * len(FILES)
    return found


def loop(recording: Recording) -> Replayed:
    changes = read_changes((), recording, llm="recorded", tools="recorded")
    return replay_loop(recording, changes, settings=load_settings())


def sent_first(recording: Recording) -> dict[UUID, int]:
    """Return of each message the number of the call that was sent it first."""
    found: dict[UUID, int] = {}
    for number, call in enumerate(recording.llm_calls, start=1):
        place = call.input_message_id
        while place is not None and place not in found:
            found[place] = number
            place = recording.messages[place].parent_id
    return found


def alter(recording: Recording, choose: random.Random, *, kind: str) -> Alteration | None:
    """Alter one text that some call was sent; None where there is none of the kind."""
    first = sent_first(recording)
    events: list[tuple[BaseEvent, str, int]] = []
    if kind == "result":
        told = [each for each in recording.messages.values() if each.role == "tool"]
        for tool_call, message in zip(recording.tool_calls, told, strict=True):
            if message.message_id in first:
                events.append((tool_call, "result", first[message.message_id]))
    else:
        for message in recording.messages.values():
            if message.role == kind and message.content and message.message_id in first:
                events.append((message, "content", first[message.message_id]))
    if not events:
        return None
    event, name, call = choose.choice(events)
    text = getattr(event, name)
    place = choose.randrange(len(text) + 1)
    changed = {name: f"{text[:place]}~{text[place:]}"}
    return Alteration(altered(recording, event, **changed), kind, call)


def test_every_request_is_rebuilt_and_has_the_recorded_hash(recordings: list[Recording]) -> None:
    rebuilt = opened = empty = 0
    for recording in recordings:
        if not recording.llm_calls:
            with pytest.raises(UsageError, match="asked no model"):
                loop(recording)
            empty += 1
            continue
        replayed = loop(recording)
        told = replayed.extra["loop"]
        assert_exact(replayed, calls=len(recording.llm_calls) + len(recording.tool_calls))
        assert told["not_rebuildable"] == []
        assert {"tools", "parameters"} <= set(told["unknown"])
        rebuilt, opened = rebuilt + told["rebuilt"], opened + told["openings"]

    decisions = sum(len(recording.llm_calls) for recording in recordings)
    assert rebuilt + opened == decisions
    assert opened == len(recordings) - empty
    assert rebuilt > 200


def test_whatever_is_altered_diverges_at_the_call_that_was_sent_it(
    recordings: list[Recording],
) -> None:
    choose = random.Random(SEED)
    for kind in KINDS:
        found = [alter(each, choose, kind=kind) for each in recordings if each.llm_calls]
        made = [each for each in found if each is not None]
        assert len(made) >= 10
        for altered_run in made:
            judged = loop(altered_run.recording).judged
            assert judged is not None
            assert judged.divergence is not None
            assert judged.divergence.source is not None
            place = (judged.verdict, judged.divergence.source.kind, judged.call)
            assert (kind, place) == (kind, ("diverged", "llm_call", altered_run.call))


def test_each_call_by_itself_is_answered_as_recorded(recordings: list[Recording]) -> None:
    recording = max(recordings, key=lambda each: len(each.llm_calls))
    changes = read_changes((), recording, llm="recorded")
    replayed = replay_stepwise(recording, changes, settings=load_settings())

    assert verdict_of(replayed)[0] == "exact"
    assert replayed.extra["step_counts"] == {"same": len(recording.llm_calls)}
