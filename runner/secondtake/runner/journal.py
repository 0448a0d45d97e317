"""The journal: each recording process appends events to a segment of its own.

An event is one `write` to the operating system, so a killed process loses nothing that was
acknowledged. Segments are sealed when they are old or large, or when a run ends; while a writer
has runs in progress it always holds an open segment, which is how the loader knows that it lives.
See `segments` for the format.
"""

import atexit
import contextlib
import fcntl
import os
import secrets
import socket
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Self

import orjson

from secondtake.runner import segments
from secondtake.runner.events import SCHEMA_VERSION, BaseEvent
from secondtake.runner.home import journal_folder, store_key

SEAL_AGE_S: Final = 0.25
SEAL_BYTES: Final = 32 * 1024 * 1024


def program_version() -> str:
    """Return `secondtake <version>`."""
    try:
        return f"secondtake {version('secondtake')}"
    except PackageNotFoundError:
        return "secondtake"


def encode(event: BaseEvent) -> bytes:
    """Return the journal line of `event`: None left out, money as text, UTC times with `Z`."""
    return event.__pydantic_serializer__.to_json(event, exclude_none=True) + b"\n"


def encode_fields(kind: type[BaseEvent], fields: Mapping[str, Any]) -> bytes:
    """Check `fields` as strictly as the loader does, and return their journal line.

    The same line as `encode(kind(**fields))` in half the time: this is in every call's way.

    Raises:
        pydantic.ValidationError: a field is missing, unknown, of another type or out of range.
    """
    known = _defaults(kind).copy()
    known.update([item for item in fields.items() if item[1] is not None])
    kind.__pydantic_validator__.validate_python(known, strict=True)
    return orjson.dumps(known, default=str, option=_LINE)


@cache
def _defaults(kind: type[BaseEvent]) -> dict[str, Any]:
    """Return the fields, `kind` among them, that have a value when nobody gives one."""
    return {
        name: field.default
        for name, field in kind.model_fields.items()
        if not field.is_required() and field.default is not None
    }


_LINE: Final = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


class SegmentWriter:
    """Appends events to segments in `<home>/journal`; safe for use by many threads.

    Raises OSError from `write` when the disk refuses; what was written before is kept and the
    next `write` tries again.
    """

    def __init__(self, home: Path, *, seal_age_s: float | None = SEAL_AGE_S) -> None:
        """Make a writer for `home`. With `seal_age_s=None` only size and `close` seal."""
        self.home = home
        self.writer_id = secrets.token_hex(8)
        self._seal_age_s = seal_age_s
        self._folder = journal_folder(home)
        self._lock = threading.Lock()
        self._number = 0
        self._runs = 0
        self._descriptor: int | None = None
        self._opened_at_s = 0.0
        self._wake = threading.Event()
        self._timer: threading.Thread | None = None
        _writers.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write(self, *events: BaseEvent) -> None:
        """Append `events`, all or none; returns when the operating system has them."""
        self.write_lines([encode(event) for event in events])

    def write_lines(self, lines: Sequence[bytes]) -> None:
        """Append encoded events, all or none."""
        data = b"".join(lines)
        with self._lock:
            if self._descriptor is None:
                self._open()
            self._append(data)
            self._digest.update(data)
            self._lines += len(lines)
            if self._bytes >= SEAL_BYTES:
                self._rotate()
        if self._timer is None and self._seal_age_s is not None:
            self._start_timer()

    def run_begins(self) -> None:
        """Keep an open segment from now on: a run is in progress."""
        with self._lock:
            self._runs += 1

    def run_ends(self) -> None:
        """Seal when the segment is old enough; the timer does it a little later otherwise."""
        with self._lock:
            self._runs -= 1
            old = time.monotonic() - self._opened_at_s >= (self._seal_age_s or 0)
            if self._descriptor is not None and self._seal_age_s is not None and old:
                self._rotate()

    def seal(self) -> None:
        """Seal what was written so far."""
        with self._lock:
            if self._descriptor is not None:
                self._rotate()

    def close(self) -> None:
        """Seal, and hold no segment any more."""
        with self._lock:
            self._runs = 0
            if self._descriptor is not None:
                self._rotate()
            self._wake.set()
            self._wake, self._timer = threading.Event(), None

    def _open(self) -> None:
        """Open the next segment: locked and with its header before it has its name."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._number += 1
        self._name = f"{self.writer_id}-{self._number}"
        header = orjson.dumps(
            {
                "kind": "segment",
                "format": segments.FORMAT,
                "schema_version": SCHEMA_VERSION,
                "segment": self._name,
                "writer_id": self.writer_id,
                "program": program_version(),
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "started_at": datetime.now(UTC).isoformat(),
            }
        )
        hidden = self._folder / f".{self._name}"
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._descriptor, self._bytes, self._lines = descriptor, 0, 0
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._digest = segments.new_digest(store_key(self.home))
            self._append(header + b"\n")
            self._digest.update(header + b"\n")
            self._path = self._folder / (self._name + segments.OPEN_SUFFIX)
            hidden.rename(self._path)
        except BaseException:
            self._descriptor = None
            os.close(descriptor)
            hidden.unlink(missing_ok=True)
            raise
        self._opened_at_s = time.monotonic()

    def _append(self, data: bytes) -> None:
        """Write all of `data`, or cut what was written of it and raise."""
        assert self._descriptor is not None
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._bytes)
            raise
        self._bytes += len(data)

    def _rotate(self) -> None:
        """Seal the segment; open the next one first when runs are in progress."""
        descriptor, path, lines = self._descriptor, self._path, self._lines
        assert descriptor is not None
        if lines == 0 and self._runs > 0:
            self._opened_at_s = time.monotonic()
            return
        seal = segments.seal_line(lines, self._digest)
        with contextlib.suppress(OSError):  # unsealed is still read, only with suspicion
            self._append(seal)
        self._descriptor = None
        try:
            if self._runs > 0:
                self._open()
        finally:
            if lines == 0:
                path.unlink(missing_ok=True)
            else:
                with contextlib.suppress(FileNotFoundError):
                    path.rename(path.with_suffix(segments.SEALED_SUFFIX))
            os.close(descriptor)

    def _start_timer(self) -> None:
        with self._lock:
            if self._timer is not None:
                return
            self._timer = threading.Thread(
                target=_seal_when_old,
                args=(weakref.ref(self), self._wake, self._seal_age_s),
                name="secondtake-journal",
                daemon=True,
            )
        self._timer.start()

    def seal_if_old(self, age_s: float) -> None:
        """Seal when there are events and the segment was opened that long ago."""
        with self._lock:
            if self._descriptor is None or self._lines == 0:
                return
            if time.monotonic() - self._opened_at_s >= age_s:
                with contextlib.suppress(OSError):  # the next `write` meets and reports it
                    self._rotate()

    def forget_after_fork(self) -> None:
        """In a forked child: the segment, its lock and the timer belong to the parent."""
        self._lock = threading.Lock()
        self.writer_id = secrets.token_hex(8)
        self._number, self._runs, self._timer = 0, 0, None
        self._wake = threading.Event()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _seal_when_old(
    reference: "weakref.ref[SegmentWriter]", wake: threading.Event, age_s: float
) -> None:
    while not wake.wait(age_s):
        writer = reference()
        if writer is None:
            return
        writer.seal_if_old(age_s)
        del writer


_writers: "weakref.WeakSet[SegmentWriter]" = weakref.WeakSet()


def close_all() -> None:
    """Seal what every writer of this process has written."""
    for writer in list(_writers):
        with contextlib.suppress(OSError):
            writer.close()


def _forget_all_after_fork() -> None:
    for writer in list(_writers):
        writer.forget_after_fork()


atexit.register(close_all)
os.register_at_fork(after_in_child=_forget_all_after_fork)
