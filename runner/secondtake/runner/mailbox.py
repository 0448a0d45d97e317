"""How a run that is being executed is told something from outside: an answer, or to stop.

`<home>/control/<run id>/` exists while a process executes the run and listens. Whoever has
something to say leaves a file there by an atomic rename; the executing process finds it at its
next look. Files, because sender and receiver may be any two processes of this home, and either
may be started again in between.
"""

import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from secondtake.runner.narrow import is_object

CANCEL: Final = "cancel.json"
ANSWER: Final = "answer-{span_id}.json"
SPAN_ID_LENGTH_MAX: Final = 64
LOOK_EVERY_S: Final = 0.1
"""How often a run looks whether it shall end: each of its calls asks, few may touch the disk."""


def control_folder(home: Path, run_id: UUID) -> Path:
    """Return where messages for this run are left."""
    return home / "control" / str(run_id)


class Mailbox:
    """The receiving side, held by the process that executes the run. Safe for many threads."""

    def __init__(self, home: Path, run_id: UUID) -> None:
        self._folder = control_folder(home, run_id)
        self._lock = threading.Lock()
        self._next_look_s = 0.0

    def open(self) -> None:
        """Begin to listen."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def close(self) -> None:
        """Listen no more; what was not taken is dropped."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def cancel_reason(self) -> str | None:
        """Return why the run shall end, None when nobody asked for it."""
        message = self._read(self._folder / CANCEL)
        return None if message is None else str(message.get("reason") or "it was cancelled")

    def look_for_cancel(self) -> str | None:
        """Return `cancel_reason()`, looked up at most every `LOOK_EVERY_S`; None in between."""
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return None
        self._next_look_s = now_s + LOOK_EVERY_S
        return self.cancel_reason()

    def take_answer(self, span_id: str) -> Mapping[str, Any] | None:
        """Return the answer to the question of a span, once: `{"answer": value, "by": name}`."""
        path = self._folder / ANSWER.format(span_id=span_id)
        with self._lock:
            message = self._read(path)
            if message is not None:
                path.unlink(missing_ok=True)
        return message

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        try:
            message = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError:
            return None
        return message if is_object(message) else None


def is_listening(home: Path, run_id: UUID) -> bool:
    """Tell whether a process executes this run and listens, or was killed while it did."""
    return control_folder(home, run_id).is_dir()


def send_cancel(home: Path, run_id: UUID, *, reason: str) -> bool:
    """Ask a run to end; return whether there is somebody to ask."""
    return _send(home, run_id, CANCEL, {"reason": reason})


def send_answer(home: Path, run_id: UUID, span_id: str, *, answer: Any, by: str | None) -> bool:
    """Answer the question of a span; return whether there is somebody to tell.

    Raises:
        ValueError: `span_id` is not one.
    """
    if not span_id.isalnum() or len(span_id) > SPAN_ID_LENGTH_MAX:
        raise ValueError(f"{span_id!r} is not the id of a span")
    name = ANSWER.format(span_id=span_id)
    return _send(home, run_id, name, {"answer": answer, "by": by})


def _send(home: Path, run_id: UUID, name: str, message: Mapping[str, Any]) -> bool:
    folder = control_folder(home, run_id)
    temporary = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        temporary.write_text(json.dumps(message), encoding="utf-8")
        temporary.replace(folder / name)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
