"""One worker process, seen from the pool."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO, Final, Literal

from secondtake.backend.models.replays import ReplayJob
from secondtake.backend.workers.jobs import Job
from secondtake.backend.workers.logs import last_line, log_size, open_log
from secondtake.backend.workers.wire import (
    UP_VARIABLE,
    Notice,
    encode,
    read_notice,
    settings_message,
)
from secondtake.runner.settings import Settings

MODULE: Final = "secondtake.backend.workers.worker"
LOG: Final = "worker"

State = Literal["starting", "idle", "busy", "ending"]


class WorkerProcess:
    """Starts a worker and hears what it says, in a thread of its own."""

    def __init__(
        self,
        settings: Settings,
        *,
        on_notice: Callable[["WorkerProcess", Notice], None],
        on_end: Callable[["WorkerProcess"], None],
        on_made: Callable[["WorkerProcess"], None],
    ) -> None:
        """Start it; `on_made` is called before anything can be heard of it.

        Raises:
            OSError: no process can be started.
        """
        self.state: State = "starting"
        self.job: Job | None = None
        self._home = settings.home
        self._on_notice, self._on_end = on_notice, on_end
        self._log_begin = log_size(settings.home, LOG)
        hears, says = os.pipe()
        log = open_log(settings.home, LOG)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(says)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(says, *_descriptor_of_up()),
                process_group=0,  # Ctrl-C is for the server, which then ends its runs
            )
        except BaseException:
            os.close(hears)
            raise
        finally:
            os.close(says)
            os.close(log)
        with contextlib.suppress(OSError):
            self._write(settings_message(settings))
        on_made(self)
        threading.Thread(target=self._listen, args=(hears,), daemon=True).start()
        threading.Thread(target=self._reap, daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; below 0 the signal that killed it; None while it lives."""
        return self._process.poll()

    @property
    def last_words(self) -> str | None:
        """The last line that the log got since it was started."""
        return last_line(self._home, LOG, since_bytes=self._log_begin)

    def send(self, job: Job) -> bool:
        """Have it execute a run; return False when it is gone."""
        kind = "replay" if isinstance(job.request, ReplayJob) else "request"
        request = job.request.model_dump(mode="json")
        try:
            self._write(encode({"run_id": str(job.run_id), kind: request}))
        except OSError:
            return False
        return True

    def dismiss(self) -> None:
        """Tell it to end when it has nothing to execute."""
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def kill(self) -> None:
        """End it, and what the code of its run has started, now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def _listen(self, hears: int) -> None:
        with os.fdopen(hears, "rb") as file:
            self._hear(file)
        self._process.wait()
        self._on_end(self)

    def _hear(self, file: BinaryIO) -> None:
        while (notice := read_notice(file)) is not None:
            self._on_notice(self, notice)

    def _reap(self) -> None:
        """When it is gone, end its children too: one of them may hold the pipe open."""
        self._process.wait()
        self.kill()
        self.dismiss()


def _descriptor_of_up() -> tuple[int, ...]:
    descriptor = os.environ.get(UP_VARIABLE)
    return (int(descriptor),) if descriptor else ()
