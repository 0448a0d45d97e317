"""A warm process that executes runs for the API.

`python -m secondtake.backend.workers.worker DESCRIPTOR`: imports what takes seconds, then executes
one run after the other. Requests come by standard input and notices go to the descriptor, see
`wire`; what the code of a run prints goes to the log. When the server is gone the run that is
being executed goes on to its end: its rows are in the journal, and its mailbox still hears.
"""

import os
import select
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from uuid import UUID

from secondtake.backend.models.executions import PlacedRunRequest
from secondtake.backend.models.replays import ReplayJob
from secondtake.backend.workers.edited import TrustedCode
from secondtake.backend.workers.requests import check_request, find_by_name, override_texts
from secondtake.backend.workers.wire import (
    UP_VARIABLE,
    Notice,
    Said,
    decode,
    read_settings,
    write_notice,
)
from secondtake.runner.errors import SecondTakeError, UsageError
from secondtake.runner.journal import close_all
from secondtake.runner.settings import OPTIONS, Settings, load_dotenv_into_environment
from secondtake.runner.supervise import THREAD_NAME, OnStart, supervise

if TYPE_CHECKING:
    from collections.abc import Callable

    from secondtake.runner.replay.recording import Recording
    from secondtake.runner.result import RunResult
    from secondtake.runner.run import RunRecorder
    from secondtake.runner.workflows.human import OpenQuestion

RUNS_MAX: Final = 200
"""After so many a worker is replaced by a fresh one: code of others may leak."""
NODE_THREAD: Final = "secondtake-node"


def main() -> None:
    """Execute runs until the server has no more."""
    answers = int(sys.argv[1])
    os.set_inheritable(answers, False)  # not for the children of a run's code
    requests = _take_standard_input()
    settings = read_settings(requests.readline())
    _show_to_code(settings)
    load_dotenv_into_environment()
    _import_what_is_slow(settings)
    worker = Worker(settings, answers)
    _end_with_up(worker)
    write_notice(answers, Notice(said="ready"))
    while line := requests.readline():
        message = decode(line)
        worker.execute(UUID(message["run_id"]), _request_of(message))
    leave_at_once()


class Worker:
    """Executes one run at a time."""

    def __init__(self, settings: Settings, answers: int) -> None:
        self._settings = settings
        self._answers = answers
        self._code = TrustedCode(settings.trusted_modules)
        self._folder = Path.cwd()
        self._runs = 0
        self._recorder: RunRecorder | None = None
        self._is_ending = False

    def execute(self, run_id: UUID, request: PlacedRunRequest | ReplayJob) -> None:
        """Execute a run and say what became of it; may end this process."""
        self._runs += 1
        os.chdir(self._folder)  # the run before may have gone elsewhere
        reason: str | None = None
        self._code.forget_edited()
        try:
            if isinstance(request, ReplayJob):
                recording = take_recording(request)
                supervise(lambda on_start: self._replay(run_id, request, recording, on_start))
            else:
                check_request(request, self._settings)
                supervise(lambda on_start: self._run(run_id, request, on_start))
        except SecondTakeError as error:
            reason = error.message
        except Exception as error:  # noqa: BLE001 - the server tells who asked for it
            reason = f"{type(error).__name__}: {error} (a fault of this program)"
        except KeyboardInterrupt:
            reason = "the worker was asked to end before the run had begun"
        self._code.note()
        refused = reason is not None and self._recorder is None
        self._recorder = None
        is_last = self._is_ending or self._runs >= RUNS_MAX or _is_left_behind()
        self._say(
            Notice(
                said="refused" if refused else "finished",
                run_id=run_id,
                reason=reason,
                is_last=is_last,
            )
        )
        if is_last:
            leave_at_once()

    def stop(self) -> None:
        """End the run that is being executed, as `cancelled`, and then this process."""
        self._is_ending = True
        os.kill(os.getpid(), signal.SIGTERM)  # which `supervise` hears; without a run it ends us

    def _run(self, run_id: UUID, request: PlacedRunRequest, on_start: OnStart) -> "RunResult":
        from secondtake.runner.workflows.execute import run_prompt, run_workflow

        about: dict[str, Any] = {
            "settings": self._settings,
            "run_id": run_id,
            "model": request.model,
            "overrides": override_texts(request.overrides),
            "tags": request.tags,
            "session_id": request.session_id,
            "user_id": request.user_id,
            "place": request.place,
            "on_start": self._begun(run_id, on_start),
        }
        if request.workflow is None:
            return run_prompt(request.prompt or "", tools=request.tools, **about)
        workflow = find_by_name(request.workflow, self._settings)
        asked = self._asked(run_id)
        return run_workflow(workflow, request.inputs, on_question=asked, **about)

    def _replay(
        self, run_id: UUID, job: ReplayJob, recording: "Recording", on_start: OnStart
    ) -> "RunResult":
        from secondtake.runner.replay.changes import read_changes, sampling
        from secondtake.runner.replay.execute import replay_run, way_of

        changes = read_changes(
            job.texts, recording, llm=job.llm, tools=job.tools, from_node=job.from_node
        )
        way = way_of(recording, stepwise=job.stepwise)
        people: dict[str, Any] = {}
        if way == "workflow":
            people["on_question"] = self._asked(run_id)
        replayed = replay_run(
            recording,
            changes if job.repeat is None else sampling(changes),
            way,
            settings=self._settings,
            tags=job.tags,
            on_start=self._begun(run_id, on_start),
            run_id=run_id,
            repeat=job.repeat,
            **people,
        )
        return replayed.result

    def _begun(self, run_id: UUID, on_start: OnStart) -> OnStart:
        def begun(recorder: "RunRecorder") -> None:
            self._recorder = recorder
            on_start(recorder)
            self._say(Notice(said="started", run_id=run_id))

        return begun

    def _asked(self, run_id: UUID) -> "Callable[[OpenQuestion | None], None]":
        def asked(question: "OpenQuestion | None") -> None:
            said: Said = "going_on" if question is None else "waiting"
            self._say(Notice(said=said, run_id=run_id))

        return asked

    def _say(self, notice: Notice) -> None:
        write_notice(self._answers, notice)


def _request_of(message: dict[str, Any]) -> PlacedRunRequest | ReplayJob:
    if "replay" in message:
        return ReplayJob.model_validate(message["replay"])
    return PlacedRunRequest.model_validate(message["request"])


def take_recording(job: ReplayJob) -> "Recording":
    """Read what is to be replayed, and remove the file.

    Raises:
        UsageError: it is gone, or is no recording.
    """
    from secondtake.runner.replay.recording import Recording

    path = Path(job.recording_path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The recording cannot be read: {error.strerror}; ask again.") from None
    path.unlink(missing_ok=True)
    return Recording.from_json(data)


def _is_left_behind() -> bool:
    """Say whether a call that was given up still blocks its thread: of the run, or of a node."""
    return any(thread.name in (THREAD_NAME, NODE_THREAD) for thread in threading.enumerate())


def leave_at_once() -> None:
    """End this process now, whatever its threads do; what was recorded is kept."""
    close_all()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _take_standard_input() -> BinaryIO:
    """Return the requests, and leave nothing on standard input for the code of a run to read."""
    requests = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return requests


def _show_to_code(settings: Settings) -> None:
    """Let code that looks up the settings by itself find those of the server."""
    for option in OPTIONS:
        value = getattr(settings, option.name)
        if isinstance(value, bool):
            os.environ[option.variable] = "on" if value else "off"
        elif not isinstance(value, tuple):
            os.environ[option.variable] = str(value)


def _import_what_is_slow(settings: Settings) -> None:
    from secondtake.backend.prices.snapshot import ensure_snapshot
    from secondtake.runner.providers.library import load_litellm

    ensure_snapshot(settings.home)
    import_module("langgraph.graph")
    load_litellm()


def _end_with_up(worker: Worker) -> None:
    """End when `secondtake up` does, however it ends: this process may outlive its server."""
    descriptor = os.environ.pop(UP_VARIABLE, None)
    if descriptor is None:
        return
    os.set_inheritable(int(descriptor), False)

    def watch() -> None:
        select.select([int(descriptor)], [], [])
        worker.stop()

    threading.Thread(target=watch, name="secondtake-watch", daemon=True).start()


if __name__ == "__main__":
    main()
