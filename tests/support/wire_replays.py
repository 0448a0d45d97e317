"""Programs at the wire, recorded and replayed with something different, without a process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.cassettes import read_cassette
from tests.support.loopback import Answer, Loopback, recorded
from tests.support.wrapping import Served, recorded_events, serving

from secondtake.runner.events import ReplayFinished
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.program_session import ProgramSession, program_session
from secondtake.runner.replay.recording import Recording

KEY = "sk-proj-wire0123456789ABCDEFGH"

Program = Callable[[Served], Any]


@dataclass(frozen=True)
class Done:
    """A replay, and what it asked the real API."""

    recording: Recording
    session: ProgramSession
    sent: list[Any]

    @property
    def verdict(self) -> ReplayFinished:
        return next(each for each in self.recording.events if isinstance(each, ReplayFinished))

    @property
    def executed(self) -> list[int]:
        """Numbers of the calls that were executed."""
        calls = enumerate(self.recording.llm_calls, start=1)
        return [number for number, call in calls if call.served_from == "live"]


def run_of(home: Path, run_id: UUID) -> Recording:
    """Return one run of a home."""
    return Recording.of(event for event in recorded_events(home) if event.run_id == run_id)


def source_of(home: Path, program: Program, answers: Sequence[Answer]) -> Recording:
    """Return the run of a program that is given these answers."""
    with Loopback(answers) as api, serving(home, api.url) as (served,):
        program(served)
    return run_of(home, served.run.run_id)


def replay_of(
    home: Path, source: Recording, program: Program, answers: Sequence[Answer], *texts: str
) -> Done:
    """Replay a program, with these changes."""
    session = program_session(source, read_changes(texts, source))
    with Loopback(answers) as api, serving(home, api.url, replay=session) as (served,):
        program(served)
        sent = [each.json for each in api.requests]
    return Done(run_of(home, served.run.run_id), session, sent)


def wire(shared_data: Path, name: str) -> list[Answer]:
    """Return the recorded answers of a cassette."""
    (path,) = (shared_data / "wire").rglob(name)
    return [recorded(exchange) for exchange in read_cassette(path)]
