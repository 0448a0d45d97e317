"""Having runs executed again, and finding out beforehand what that would take."""

import os
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from duckdb import DuckDBPyConnection

from secondtake.backend.models.executions import RequestedRun
from secondtake.backend.models.replays import (
    PlannedCall,
    ReplayJob,
    ReplayPlan,
    ReplayRequest,
    RequestedReplay,
)
from secondtake.backend.services.recordings import get_recording
from secondtake.backend.workers.pool import WorkerPool
from secondtake.backend.workers.requests import override_texts, refuse_code
from secondtake.runner.errors import UsageError
from secondtake.runner.replay.changes import Changes, read_changes
from secondtake.runner.replay.recording import Recording
from secondtake.runner.settings import Settings

if TYPE_CHECKING:
    from secondtake.runner.replay.execute import Way

FOLDER: Final = "replays"
"""In the home: recordings on their way to a worker."""


def request_replay(
    con: DuckDBPyConnection, settings: Settings, pool: WorkerPool, request: ReplayRequest
) -> RequestedReplay:
    """Have a run executed again by a worker.

    Raises:
        NotFoundError: no run fits.
        UsageError: the run cannot be replayed, or a change does not fit it.
        BusyError: too many runs wait already.
    """
    recording = get_recording(con, request.run_id)
    way, _ = _check(recording, request, settings)
    if way == "program":
        raise UsageError(
            f"Run {recording.run_id} was made by a program of its own, which the server does not "
            "have; replay it where the program is: secondtake replay RUN -- COMMAND."
        )
    texts = tuple(override_texts(request.override_params))
    data = recording.to_json()

    def job(number: int | None) -> ReplayJob:
        return ReplayJob(
            source_run_id=recording.run_id,
            name=recording.start.name,
            recording_path=str(_kept(data, settings.home)),
            texts=texts,
            from_node=request.from_node,
            llm=request.llm,
            tools=request.tools,
            stepwise=request.stepwise,
            repeat=number,
            tags=request.tags,
        )

    if request.repeat is None:
        replays = [pool.submit(job(None))]
    else:
        ids = pool.submit_all([job(number) for number in range(1, request.repeat + 1)])
        replays = [RequestedRun(run_id=run_id, status="queued") for run_id in ids]
    return RequestedReplay(source_run_id=recording.run_id, replays=replays)


def plan_replay(con: DuckDBPyConnection, settings: Settings, request: ReplayRequest) -> ReplayPlan:
    """Find out what a replay would execute; nothing is executed for it.

    Raises:
        NotFoundError: no run fits.
        UsageError: only a program of its own can execute the run, or a change does not fit it.
    """
    from secondtake.runner.replay.planning import plan_run

    recording = get_recording(con, request.run_id)
    way, changes = _check(recording, request, settings)
    plan = plan_run(recording, changes, way, settings=settings, repeat=request.repeat)
    return ReplayPlan(
        source_run_id=recording.run_id,
        calls=[PlannedCall(**asdict(call)) for call in plan.calls],
        repeat=plan.repeat,
        recorded=plan.count("recorded"),
        executed=plan.count("executed"),
        possible=plan.count("possible"),
        left_out=plan.count("left_out"),
        unpriced=plan.unpriced,
        lower_usd=plan.lower_usd,
        upper_usd=plan.upper_usd,
        stops=plan.stops,
    )


def _check(
    recording: Recording, request: ReplayRequest, settings: Settings
) -> "tuple[Way, Changes]":
    """Return how a run is executed again and with which changes; imports no code of anybody."""
    from secondtake.runner.replay.execute import way_of
    from secondtake.runner.replay.workflow import changed_workflow

    changes = read_changes(
        override_texts(request.override_params),
        recording,
        llm=request.llm,
        tools=request.tools,
        from_node=request.from_node,
    )
    way = way_of(recording, stepwise=request.stepwise)
    if way == "workflow":
        found = changed_workflow(recording, None, changes, settings)
        refuse_code(found.source.data, found.changed.data)
    return way, changes


def _kept(recording: bytes, home: Path) -> Path:
    """Write a recording where a worker reads it: it may be larger than a message should be."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{secrets.token_hex(8)}.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(recording)
    return path
