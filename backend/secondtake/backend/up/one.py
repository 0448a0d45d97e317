"""One `up` for each home: a locked file in the home says which."""

import fcntl
import json
import os
from pathlib import Path
from typing import Self

from secondtake.backend.up.links import server_address
from secondtake.runner.errors import SecondTakeError
from secondtake.runner.narrow import is_object

NAME = "up.lock"


class OnlyUp:
    """Holds the home's lock; the file goes when it is given back in good order."""

    def __init__(self, home: Path, *, host: str, port: int) -> None:
        self._path = home / NAME
        self._note = {"pid": os.getpid(), "url": server_address(host, port)}
        self._descriptor: int | None = None
        self.was_killed = False
        """The last `up` of this home did not end in good order: its children may still be
        ending."""

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            SecondTakeError: another `up` holds it, or the home cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = self._take()
        except OSError as error:
            raise SecondTakeError(
                f"Cannot use the home folder {self._path.parent}: {error.strerror}. "
                "Set SECONDTAKE_HOME to a folder that you may write to."
            ) from error
        return self

    def __exit__(self, *exception: object) -> None:
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)

    def _take(self) -> int:
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                raise self._runs_already() from None
            if self._is_still_there(descriptor):
                self.was_killed = os.fstat(descriptor).st_size > 0
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(self._note).encode(), 0)
                return descriptor
            os.close(descriptor)  # the `up` before has just ended and taken its file away

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _runs_already(self) -> SecondTakeError:
        try:
            note = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            note = None
        pid, url = (note.get("pid"), note.get("url")) if is_object(note) else ("?", "?")
        return SecondTakeError(
            f"`secondtake up` runs for this home already (process {pid}, {url}); use that one, or "
            "end it with Ctrl-C where it runs."
        )
