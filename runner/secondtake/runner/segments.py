"""The format of journal segments, shared by those who write and those who load them.

A segment is a file of JSON lines in `<home>/journal`:

    {"kind":"segment","format":1,...}           header: who writes, with which vocabulary
    {"kind":"llm_call",...}                     events, one a line
    {"kind":"seal","lines":7,"digest":"..."}    only in a sealed one

It is named `<segment>.open` while its writer holds a `flock` on it and `<segment>.ndjson` once
sealed. A writer is gone when that lock is free, never by its pid. The seal's digest is a keyed
BLAKE2b over all bytes before the seal: a segment whose digest fits was written, and validated, by
a recorder of this home and has not changed since; any other is read with suspicion.
"""

import fcntl
import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import orjson

FORMAT: Final = 1
OPEN_SUFFIX: Final = ".open"
SEALED_SUFFIX: Final = ".ndjson"
DIGEST_BYTES: Final = 16
CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a look at a sealed segment's bytes tells."""

    intact: bool
    """The seal is there and its digest fits."""
    event_lines: int
    """Lines between header and seal."""
    longest_line_bytes: int
    reason: str | None = None
    """Why it is not intact."""


@dataclass(frozen=True, kw_only=True)
class TakenOver:
    """A segment whose writer is gone."""

    path: Path
    torn_bytes: int
    """Length of the last line when it had no newline: it was never acknowledged."""


def new_digest(key: bytes) -> "hashlib.blake2b":
    """Return the running digest of a segment."""
    return hashlib.blake2b(key=key, digest_size=DIGEST_BYTES)


def seal_line(lines: int, digest: "hashlib.blake2b") -> bytes:
    """Return the last line of a segment with `lines` events."""
    seal = {"kind": "seal", "lines": lines, "digest": digest.hexdigest()}
    return orjson.dumps(seal) + b"\n"


def verify(path: Path, key: bytes) -> Verification:
    """Check the seal of the segment at `path`, in bounded memory but for its longest line.

    Raises:
        OSError: the file cannot be read.
    """
    digest = new_digest(key)
    lines, longest = 0, 0
    last = b""
    with path.open("rb", buffering=CHUNK_BYTES) as file:
        for line in file:
            if last:
                digest.update(last)
                lines += 1
                longest = max(longest, len(last))
            last = line
    seal = parse_object(last)
    sealed = seal is not None and seal.get("kind") == "seal" and last.endswith(b"\n")
    if seal is None or not sealed:
        events = max(lines + bool(last) - 1, 0)
        longest = max(longest, len(last))
        return Verification(
            intact=False, event_lines=events, longest_line_bytes=longest, reason="it has no seal"
        )
    events = max(lines - 1, 0)
    fits = seal.get("digest") == digest.hexdigest() and seal.get("lines") == events
    return Verification(
        intact=fits,
        event_lines=events,
        longest_line_bytes=longest,
        reason=None if fits else "its seal does not fit its bytes",
    )


def parse_object(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object of `line`, or None when it holds none."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def take_over(journal: Path) -> list[TakenOver]:
    """Rename every open segment whose writer is gone, cutting a torn last line.

    Such a segment keeps its name, gets the sealed suffix and has no seal. Safe against other
    processes that do the same, and against a writer that seals meanwhile.
    """
    taken: list[TakenOver] = []
    for path in sorted(journal.glob("*" + OPEN_SUFFIX)):
        with _lock(path) as descriptor:
            if descriptor is None:
                continue
            torn = _cut_torn_tail(descriptor)
            sealed = path.with_suffix(SEALED_SUFFIX)
            try:
                path.rename(sealed)
            except FileNotFoundError:
                continue  # its writer sealed it between the look and the lock
            taken.append(TakenOver(path=sealed, torn_bytes=torn))
    return taken


def live_writers(journal: Path) -> set[str]:
    """Return the ids of the writers that hold an open segment."""
    alive: set[str] = set()
    for path in journal.glob("*" + OPEN_SUFFIX):
        with _lock(path) as descriptor:
            if descriptor is None and path.exists():
                alive.add(writer_of(path))
    return alive


def writer_of(path: Path) -> str:
    """Return the writer's id from a segment's file name, `<writer_id>-<n>.<suffix>`."""
    return path.name.rsplit("-", 1)[0]


@contextmanager
def _lock(path: Path) -> Generator[int | None]:
    """Yield a descriptor that holds the lock of the file now at `path`, or None."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor if _is_at(descriptor, path) else None
    except BlockingIOError:
        yield None
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _cut_torn_tail(descriptor: int) -> int:
    """Cut what follows the last newline; return its length in bytes."""
    size = os.fstat(descriptor).st_size
    end = size
    while end > 0:
        start = max(end - CHUNK_BYTES, 0)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
    return size - end
