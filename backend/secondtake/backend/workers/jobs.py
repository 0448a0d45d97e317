"""A run that was asked for, and how it is recorded when no worker could record its end."""

import os
import signal
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from secondtake.backend.models.executions import PlacedRunRequest, RunRequest
from secondtake.backend.models.replays import ReplayJob
from secondtake.backend.workers.logs import log_path
from secondtake.runner import faults
from secondtake.runner.description import RunPlace
from secondtake.runner.events import RunFinished, RunStarted
from secondtake.runner.home import journal_folder
from secondtake.runner.mailbox import Mailbox
from secondtake.runner.settings import Settings
from secondtake.runner.sink import Sink, sink_for

WORKER_DIED: Final = "WorkerDied"
REFUSED: Final = "UsageError"
CANCELLED: Final = "RunCancelled"

EndStatus = Literal["error", "cancelled"]


@dataclass(kw_only=True)
class Job:
    """A run that was accepted."""

    run_id: UUID
    request: RunRequest | ReplayJob
    name: str
    """Of the workflow, as a person calls it."""
    accepted_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    begun_at: datetime | None = None
    """When its first row was written, as far as the pool was told."""
    is_waiting: bool = False
    """For a person's answer."""
    cancel_reason: str | None = None
    cancelled_s: float | None = None
    """When somebody asked for its end, by the monotonic clock."""
    refusal: str | None = None
    """Why there is no run after all."""
    settled: threading.Event = field(default_factory=threading.Event)
    """It has begun, was refused, or was lost."""
    is_awaited: bool = False
    """Who asked for it still waits to hear whether it has begun."""

    @property
    def place(self) -> RunPlace | None:
        """Where it stands in a comparison; None of a run for itself."""
        return self.request.place if isinstance(self.request, PlacedRunRequest) else None


def death_of(code: int | None, home: Path) -> str:
    """Return in words how a worker ended that had a run to execute."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else "unknown"
        how = f"was killed by signal {-code} ({name})"
    else:
        how = f"ended with exit code {code}"
    log = log_path(home, "worker")
    return f"The worker process that executed it {how}; see {log}, and run it again."


def record_end(
    job: Job, settings: Settings, *, status: EndStatus, error_type: str, reason: str
) -> None:
    """Write how a run ended that no worker could end, its beginning too when there is none yet.

    A run whose end is in the journal already keeps that. A fault is reported, never raised.
    """
    try:
        sink = sink_for(settings)
        if _has_end(settings.home, job.run_id):
            return
        events: list[RunStarted | RunFinished] = []
        if job.begun_at is None:  # of two beginnings the store keeps the first
            events.append(_beginning(job, sink))
        events.append(_end(job, sink, status=status, error_type=error_type, reason=reason))
        sink.write(*events)
        sink.writer.seal()
    except Exception as error:  # noqa: BLE001 - recording must not break the pool
        faults.report("the end of a run", error, home=settings.home)
    finally:
        Mailbox(settings.home, job.run_id).close()


def _beginning(job: Job, sink: Sink) -> RunStarted:
    request = job.request
    if isinstance(request, ReplayJob):
        return RunStarted(
            run_id=job.run_id,
            seq=0,
            recorded_at=datetime.now(UTC),
            name=sink.label(job.name),
            writer_id=sink.writer.writer_id,
            source_run_id=request.source_run_id,
            repeat=request.repeat,
            environment={"pid": os.getpid()},
            started_at=job.accepted_at,
        )
    inputs: Any = request.inputs if request.workflow else {"prompt": request.prompt}
    return RunStarted(
        run_id=job.run_id,
        seq=0,
        recorded_at=datetime.now(UTC),
        name=sink.label(job.name),
        writer_id=sink.writer.writer_id,
        workflow=sink.label(job.name),
        inputs=sink.clean(inputs),
        session_id=sink.label(request.session_id) if request.session_id else None,
        user_id=sink.label(request.user_id) if request.user_id else None,
        tags={sink.label(k): sink.label(v) for k, v in request.tags.items()} or None,
        environment={"pid": os.getpid()},
        started_at=job.accepted_at,
        **_place_fields(job, sink),
    )


def _place_fields(job: Job, sink: Sink) -> dict[str, Any]:
    if job.place is None:
        return {}
    fields: dict[str, Any] = sink.structure(job.place.fields())
    return fields


def _end(job: Job, sink: Sink, *, status: EndStatus, error_type: str, reason: str) -> RunFinished:
    now = datetime.now(UTC)
    began = job.begun_at is not None
    return RunFinished(
        run_id=job.run_id,
        seq=None if began else 1,
        recorded_at=now,
        status=status,
        error_type=error_type,
        error_message=sink.label(reason) if sink.content else None,
        replayable="stepwise" if began else "no",
        replayable_reason="its process was gone before its end" if began else "it never began",
        ended_at=now,
        duration_ms=max(0.0, (now - (job.begun_at or job.accepted_at)).total_seconds() * 1000),
    )


def _has_end(home: Path, run_id: UUID) -> bool:
    """Say whether the journal has the end of a run: its worker may have died just after it."""
    own = str(run_id).encode()
    for path in journal_folder(home).glob("*-*"):
        try:
            with path.open("rb") as file:
                if any(b'"run_finished"' in line and own in line for line in file):
                    return True
        except FileNotFoundError:
            continue  # it was loaded meanwhile
    return False
