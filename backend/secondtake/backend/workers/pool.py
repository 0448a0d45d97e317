"""The workers of a server: as many as are useful, warm, each with one run at a time.

One thread, the keeper, starts workers and gives them runs; each worker has a thread that hears
it. All of them meet under one lock.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Literal, Self
from uuid import UUID

from secondtake.backend.errors import BusyError, ServerFaultError
from secondtake.backend.models.executions import RequestedRun, RunRequest
from secondtake.backend.models.replays import ReplayJob
from secondtake.backend.models.system import WorkerCounts
from secondtake.backend.workers.hearing import Hearing
from secondtake.backend.workers.jobs import CANCELLED, Job, record_end
from secondtake.backend.workers.logs import trim_log
from secondtake.backend.workers.process import LOG, WorkerProcess
from secondtake.backend.workers.requests import checked_name, checked_names
from secondtake.runner.description import RunPlace
from secondtake.runner.errors import UsageError
from secondtake.runner.hashing import new_run_id
from secondtake.runner.settings import Settings

QUEUE_MAX: Final = 100
COMPARISONS_KEPT: Final = 1000
WAITING_MAX: Final = 8
"""Workers beyond the usual number while runs wait for people; each is a process of 200 MB."""
STARTING_MAX: Final = 2
FIRST_START_DELAY_S: Final = 3.0
"""A server that starts has better things to do with the processor, unless a run is asked for."""
BEGIN_WAIT_S: Final = 5.0
"""How long who asks for a run waits to hear that it has begun, when a worker was free."""
CANCEL_WAIT_S: Final = 5.0
"""After that long a worker that does not end its cancelled run is killed."""
CLOSE_WAIT_S: Final = 3.0
LOOK_EVERY_S: Final = 1.0

Outcome = Literal["cancelled", "asked", "unknown"]


class WorkerPool:
    """Executes runs in processes of their own."""

    def __init__(self, settings: Settings, *, size: int | None = None) -> None:
        """Make a pool; nothing is started yet.

        Args:
            settings: of the runs; `settings.workers` is how many are executed at once.
            size: that number instead.
        """
        self._settings = settings
        self._size = size or settings.workers
        self._changed = threading.Condition()
        self._workers: list[WorkerProcess] = []
        self._queue: deque[Job] = deque()
        self._is_closed = False
        self._keeper: threading.Thread | None = None
        self._places: dict[str, RunPlace] = {}
        """By comparison, the newest last."""
        self._hearing = Hearing(settings, self._changed, self._workers)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def start(self) -> None:
        """Begin to warm a worker; returns at once."""
        with self._changed:
            if self._keeper is not None:
                return
            self._hearing.not_before_s = time.monotonic() + FIRST_START_DELAY_S
            self._keeper = threading.Thread(target=self._keep, name="secondtake-pool", daemon=True)
        self._keeper.start()

    def submit(self, request: RunRequest | ReplayJob) -> RequestedRun:
        """Accept a run, or refuse it.

        Raises:
            UsageError: what is asked for is wrong; there is no run then.
            BusyError: too many runs wait already, or the server is ending.
            ServerFaultError: no worker can be started.
        """
        name = checked_name(request, self._settings)
        job = Job(run_id=new_run_id(), request=request, name=name)
        with self._changed:
            self._refuse_when_full()
            free = sum(worker.state == "idle" for worker in self._workers)
            job.is_awaited = len(self._queue) < free
            self._queue.append(job)
            if not self._workers:
                self._hearing.not_before_s = min(self._hearing.not_before_s, time.monotonic())
            self._changed.notify_all()
        if job.is_awaited:
            job.settled.wait(BEGIN_WAIT_S)
        with self._changed:
            job.is_awaited = False
            if job.refusal is not None:
                raise UsageError(job.refusal)
            status: Literal["started", "queued"] = "started" if job.settled.is_set() else "queued"
        return RequestedRun(run_id=job.run_id, status=status)

    def submit_all(self, requests: Sequence[RunRequest | ReplayJob]) -> list[UUID]:
        """Accept several runs or none of them, and return their ids in the same order.

        Raises:
            UsageError: what is asked for with one of them is wrong.
            BusyError: so many do not fit into the queue, or the server is ending.
            ServerFaultError: no worker can be started.
        """
        self._refuse_too_many(len(requests))
        names = checked_names(requests, self._settings)
        jobs = [
            Job(run_id=new_run_id(), request=request, name=name)
            for request, name in zip(requests, names, strict=True)
        ]
        with self._changed:
            self._refuse_when_full(len(jobs))
            self._queue.extend(jobs)
            self._note_places(jobs)
            if not self._workers:
                self._hearing.not_before_s = min(self._hearing.not_before_s, time.monotonic())
            self._changed.notify_all()
        return [job.run_id for job in jobs]

    def place_in(self, experiment_id: str) -> RunPlace | None:
        """Return where the first run stands of a comparison that was accepted here.

        None of others. Each of its runs comes to an end that is recorded, whatever happens.
        """
        with self._changed:
            return self._places.get(experiment_id)

    def cancel(self, run_id: UUID, *, reason: str = "it was cancelled") -> Outcome:
        """End a run that this pool has.

        Returns:
            `cancelled` when it had not begun and will not; `asked` when a worker executes it,
            which has two seconds; `unknown` when the pool has no such run.
        """
        with self._changed:
            queued = next((job for job in self._queue if job.run_id == run_id), None)
            if queued is not None:
                self._queue.remove(queued)
            job = queued or self._job(run_id)
            if job is None:
                return "unknown"
            self._hearing.ask_to_end(job, reason)
        if queued is None:
            return "asked"
        self._record_cancelled(queued, reason)
        return "cancelled"

    def has(self, run_id: UUID) -> bool:
        """Say whether a run waits here or is executed by a worker."""
        with self._changed:
            return self.is_queued(run_id) or self._job(run_id) is not None

    def is_queued(self, run_id: UUID) -> bool:
        """Say whether a run waits here for a worker."""
        with self._changed:
            return any(job.run_id == run_id for job in self._queue)

    def counts(self) -> WorkerCounts:
        """Return what the workers are doing."""
        with self._changed:
            states = [worker.state for worker in self._workers]
            return WorkerCounts(
                starting=states.count("starting"),
                idle=states.count("idle"),
                busy=states.count("busy"),
                waiting=sum(_waits(worker) for worker in self._workers),
                queued=len(self._queue),
            )

    def problem(self) -> str | None:
        """Return why no worker can be started, in words; None when all is well."""
        with self._changed:
            return self._hearing.problem

    def pids(self) -> list[int]:
        """Return the process ids of the workers."""
        with self._changed:
            return [worker.pid for worker in self._workers]

    def pid_of(self, run_id: UUID) -> int | None:
        """Return the process that executes a run, None when none does."""
        with self._changed:
            for worker in self._workers:
                if worker.job is not None and worker.job.run_id == run_id:
                    return worker.pid
        return None

    def close(self) -> None:
        """End everything within `CLOSE_WAIT_S`: runs end as `cancelled`, and are recorded."""
        reason = "the server that executed it was ended"
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            queued = list(self._queue)
            self._queue.clear()
            for worker in self._workers:
                if worker.job is not None:
                    self._hearing.ask_to_end(worker.job, reason)
                worker.dismiss()
                if worker.state == "starting":
                    worker.kill()
            self._changed.notify_all()
        for job in queued:
            self._record_cancelled(job, reason)
        if self._keeper is not None:
            self._keeper.join()
        until_s = time.monotonic() + CLOSE_WAIT_S
        with self._changed:
            while self._workers and (left_s := until_s - time.monotonic()) > 0:
                self._changed.wait(left_s)
            for worker in self._workers:
                worker.kill()
            self._changed.wait_for(lambda: not self._workers, CLOSE_WAIT_S)

    # The keeper.

    def _keep(self) -> None:
        while True:
            with self._changed:
                if self._is_closed:
                    return
                given = self._match()
                wanted = self._wanted()
                if not given and not wanted:
                    self._changed.wait(self._hearing.pause_s(LOOK_EVERY_S))
            for worker, job in given:
                self._give(worker, job)
            if wanted:
                self._start_worker()
            self._look_after()

    def _match(self) -> list[tuple[WorkerProcess, Job]]:
        """Give each free worker the run that waits longest."""
        given: list[tuple[WorkerProcess, Job]] = []
        for worker in self._workers:
            if worker.state == "idle" and self._queue:
                worker.state, worker.job = "busy", self._queue.popleft()
                given.append((worker, worker.job))
        return given

    def _give(self, worker: WorkerProcess, job: Job) -> None:
        if worker.send(job):
            return
        with self._changed:  # it died before it heard: no harm was done, another one takes it
            worker.state, worker.job = "ending", None
            if not self._is_closed:
                self._queue.appendleft(job)
                return
        self._record_cancelled(job, "the server was ended")

    def _wanted(self) -> bool:
        """Say whether another worker shall be started now: for what waits, and one to spare."""
        alive = [worker for worker in self._workers if worker.state != "ending"]
        states = [worker.state for worker in alive]
        at_work = sum(worker.state == "busy" and not _waits(worker) for worker in alive)
        useful = min(self._size, at_work + len(self._queue) + 1)
        ready = at_work + states.count("idle") + states.count("starting")
        return (
            ready < useful
            and len(alive) < self._size + WAITING_MAX
            and states.count("starting") < STARTING_MAX
            and time.monotonic() >= self._hearing.not_before_s
        )

    def _start_worker(self) -> None:
        try:
            worker = WorkerProcess(
                self._settings,
                on_notice=self._hearing.heard,
                on_end=self._hearing.ended,
                on_made=self._add,
            )
        except OSError as error:
            with self._changed:
                self._hearing.start_failed(f"{type(error).__name__}: {error}")
            return
        with self._changed:
            if self._is_closed:
                worker.kill()

    def _add(self, worker: WorkerProcess) -> None:
        with self._changed:
            self._workers.append(worker)

    def _look_after(self) -> None:
        """Bound the log, kill what does not end, dismiss who is not needed any more."""
        trim_log(self._settings.home, LOG)
        with self._changed:
            failed = list(self._queue) if self._hearing.problem else []
            self._queue = deque() if failed else self._queue
            problem = self._hearing.problem or ""
            idle = [worker for worker in self._workers if worker.state == "idle"]
            for worker in idle[self._size :]:
                worker.state = "ending"
                worker.dismiss()
            for worker in self._workers:
                asked_s = worker.job.cancelled_s if worker.job else None
                if asked_s is not None and time.monotonic() - asked_s > CANCEL_WAIT_S:
                    worker.kill()
        for job in failed:
            record_end(
                job, self._settings, status="error", error_type="WorkersFailed", reason=problem
            )
            job.settled.set()

    # Under the lock, or after it.

    def _refuse_too_many(self, count: int) -> None:
        """Refuse what would not fit into an empty queue either, before anything else is looked at.

        Raises:
            UsageError: it would not.
        """
        if count > QUEUE_MAX:
            raise UsageError(
                f"That makes {count:,} runs; a server takes {QUEUE_MAX} at once. Ask for fewer, or "
                "use `secondtake compare`, which has no such limit."
            )

    def _refuse_when_full(self, count: int = 1) -> None:
        if self._is_closed:
            raise BusyError("The server is ending; ask again when it is back.")
        if self._hearing.problem is not None:
            raise ServerFaultError(self._hearing.problem)
        free = QUEUE_MAX - len(self._queue)
        if count > free:
            waits = f"{QUEUE_MAX} runs wait" if not free else f"{len(self._queue)} runs wait"
            room = "" if not free else f" and there is room for {free} more, not for {count}"
            raise BusyError(
                f"{waits} to be executed{room}; ask again later, or raise `workers` "
                f"(now {self._size}) in the [server] table of secondtake.toml."
            )

    def _note_places(self, jobs: Sequence[Job]) -> None:
        for place in (job.place for job in jobs):
            if place is not None:
                self._places.setdefault(place.experiment_id, place)
        for name in list(self._places)[:-COMPARISONS_KEPT]:
            del self._places[name]

    def _job(self, run_id: UUID) -> Job | None:
        jobs = (worker.job for worker in self._workers)
        return next((job for job in jobs if job is not None and job.run_id == run_id), None)

    def _record_cancelled(self, job: Job, reason: str) -> None:
        record_end(job, self._settings, status="cancelled", error_type=CANCELLED, reason=reason)
        job.settled.set()


def _waits(worker: WorkerProcess) -> bool:
    return worker.job is not None and worker.job.is_waiting
