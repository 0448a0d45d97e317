"""What the pool does when a worker says something, or says no more."""

import threading
import time
from datetime import UTC, datetime
from typing import Final

from secondtake.backend.workers.jobs import (
    CANCELLED,
    REFUSED,
    WORKER_DIED,
    Job,
    death_of,
    record_end,
)
from secondtake.backend.workers.logs import log_path
from secondtake.backend.workers.process import LOG, WorkerProcess
from secondtake.backend.workers.wire import Notice
from secondtake.runner.mailbox import send_cancel
from secondtake.runner.settings import Settings

FAILURES_MAX: Final = 3
"""So many workers in a row that end before they are ready: something is wrong with all."""
BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)


class Hearing:
    """Hears the workers of a pool; shares its lock and its list."""

    def __init__(
        self, settings: Settings, changed: threading.Condition, workers: list[WorkerProcess]
    ) -> None:
        self._settings = settings
        self._changed = changed
        self._workers = workers
        self._failures = 0
        self.not_before_s = 0.0
        """When the next worker may be started, by the monotonic clock."""
        self.problem: str | None = None
        """Why no worker can be started, in words."""

    def pause_s(self, most_s: float) -> float:
        """Return how long nothing has to be done unless something changes."""
        left_s = self.not_before_s - time.monotonic()
        return min(most_s, left_s) if left_s > 0 else most_s

    def heard(self, worker: WorkerProcess, notice: Notice) -> None:
        """Act on what a worker said."""
        with self._changed:
            job = worker.job
            if notice.said == "ready":
                worker.state, self._failures, self.problem = "idle", 0, None
            elif job is None or notice.run_id != job.run_id:
                pass
            elif notice.said == "started":
                self._begun(job)
            elif notice.said in ("waiting", "going_on"):
                job.is_waiting = notice.said == "waiting"
            else:
                worker.state, worker.job = "ending" if notice.is_last else "idle", None
                self._over(job, notice)
            self._changed.notify_all()

    def ended(self, worker: WorkerProcess) -> None:
        """Act on the end of a worker's process."""
        with self._changed:
            if worker in self._workers:
                self._workers.remove(worker)
            job, worker.job = worker.job, None
            if worker.state == "starting":
                words = worker.last_words or f"it ended with exit code {worker.exit_code}"
                self.start_failed(words)
            worker.state = "ending"
            if job is not None:
                self._lost(job, worker)
            self._changed.notify_all()

    def start_failed(self, words: str) -> None:
        """Count a worker that never was ready; wait longer each time before the next."""
        self._failures += 1
        pause_s = BACKOFF_S[min(self._failures, len(BACKOFF_S)) - 1]
        self.not_before_s = time.monotonic() + pause_s
        if self._failures >= FAILURES_MAX:
            log = log_path(self._settings.home, LOG)
            self.problem = (
                f"No process that executes runs can be started: {words}. Mend that (its log is "
                f"{log}); it is tried again by itself."
            )

    def ask_to_end(self, job: Job, reason: str) -> None:
        """Tell the worker of a run to end it; one that has not begun yet is told when it has."""
        job.cancel_reason = job.cancel_reason or reason
        job.cancelled_s = job.cancelled_s or time.monotonic()
        send_cancel(self._settings.home, job.run_id, reason=job.cancel_reason)

    def _begun(self, job: Job) -> None:
        job.begun_at = datetime.now(UTC)
        job.settled.set()
        if job.cancel_reason is not None:
            send_cancel(self._settings.home, job.run_id, reason=job.cancel_reason)

    def _over(self, job: Job, notice: Notice) -> None:
        if notice.said == "refused":
            job.refusal = notice.reason or "it was refused"
            if not job.is_awaited:  # it was accepted already: the refusal is how it ended
                record_end(
                    job, self._settings, status="error", error_type=REFUSED, reason=job.refusal
                )
        job.settled.set()

    def _lost(self, job: Job, worker: WorkerProcess) -> None:
        """Record a run whose worker is gone."""
        if job.cancel_reason is not None:
            record_end(
                job,
                self._settings,
                status="cancelled",
                error_type=CANCELLED,
                reason=job.cancel_reason,
            )
        else:
            reason = death_of(worker.exit_code, self._settings.home)
            record_end(job, self._settings, status="error", error_type=WORKER_DIED, reason=reason)
        job.settled.set()
