"""A program of its own, executed again: its first run of the recorded name is the replay.

`secondtake replay RUN -- COMMAND` writes a job, names it in the environment, and starts the
command. What a recording carries is never executed: the command is typed, or was kept by `wrap`.
"""

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from secondtake.runner import faults
from secondtake.runner.errors import UsageError
from secondtake.runner.events import Policy
from secondtake.runner.replay import REPLAY_VARIABLE
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.program_changes import check_program_changes
from secondtake.runner.replay.program_session import program_session
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.session import ReplaySession

_lock: Final = threading.Lock()
_taken: Final[set[str]] = set()


@dataclass(frozen=True, kw_only=True)
class Job:
    """A replay that a program is to be."""

    session: ReplaySession
    run_id: UUID
    tags: dict[str, str]


def write_job(
    path: Path,
    recording: Recording,
    *,
    run_id: UUID,
    texts: Sequence[str],
    llm: Policy,
    tools: Policy,
    from_node: str | None,
    tags: dict[str, str],
) -> None:
    """Write what a program reads that is started to be a replay.

    Raises:
        UsageError: a change does not fit the run.
    """
    changes = read_changes(texts, recording, llm=llm, tools=tools, from_node=from_node)
    check_program_changes(changes, recording)
    job: dict[str, Any] = {
        "recording": json.loads(recording.to_json()),
        "run_id": str(run_id),
        "texts": list(texts),
        "llm": llm,
        "tools": tools,
        "from_node": from_node,
        "tags": tags,
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(job, file)


def take_job(name: str) -> Job | None:
    """Return the job of this process, once, when it is one for runs of this name.

    A job that cannot be read is reported as a fault, and the run is an ordinary one.
    """
    path = os.environ.get(REPLAY_VARIABLE)
    if path is None:
        return None
    with _lock:
        if path in _taken:
            return None
        try:
            job = _read_job(Path(path))
        except (OSError, ValueError, KeyError, UsageError) as error:
            _taken.add(path)
            faults.report("the job of a replay", error, home=None)
            return None
        if job.session.recording.start.name != name:
            return None
        _taken.add(path)
        return job


def _read_job(path: Path) -> Job:
    whole: dict[str, Any] = json.loads(path.read_bytes())
    recording = Recording.from_json(json.dumps(whole["recording"]).encode())
    changes = read_changes(
        whole["texts"],
        recording,
        llm=whole["llm"],
        tools=whole["tools"],
        from_node=whole["from_node"],
    )
    session = program_session(recording, changes)
    return Job(session=session, run_id=UUID(whole["run_id"]), tags=dict(whole["tags"]))
