"""Writes a capsule: what a run was, in one file.

The file takes its name when it is complete, so that nobody finds half of one.
"""

import hashlib
import os
import secrets
import zipfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from secondtake.backend.capsules.checks import MEMBERS_MAX, TOTAL_BYTES_MAX, check_recording
from secondtake.backend.capsules.manifest import (
    BLOBS,
    MANIFEST,
    README,
    RECORDING,
    TABLES,
    Manifest,
    Member,
)
from secondtake.backend.capsules.refusal import CapsuleRefused
from secondtake.backend.capsules.scratch import stored_alone
from secondtake.backend.errors import NotFoundError
from secondtake.backend.formats import one_line
from secondtake.backend.models.runs import RunDetail, RunPart
from secondtake.backend.models.system import Blob
from secondtake.backend.store.run_files import write_run_tables
from secondtake.backend.zip_members import is_too_dense
from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.replay.recording import Recording

_FILE_MODE: Final = 0o100600
_SHA256_DIGITS: Final = frozenset("0123456789abcdef")
_README: Final = """\
This is a capsule: one recorded run of an LLM agent, written by Second Take {version}.

  run      {run_id}
  name     {name}
  status   {status}
  written  {created_at}

  manifest.json     what is in here, with the size and the SHA-256 of every other member
  recording.json    the events of the run in order: all that a replay needs
  tables/*.parquet  the same as tables, e.g. for DuckDB or pandas
  blobs/<sha256>    images and other binary parts that the messages refer to

`secondtake capsule open FILE` verifies it and shows the run. To open it executes nothing.
It holds what the run was given and what it answered; secrets were taken out when it was recorded.
"""


class Source(Protocol):
    """What is asked of the backend that has the run."""

    def get_recording(self, name: str) -> Recording:
        """Return the events of a run."""
        ...

    def get_run(
        self, name: str, *, max_chars: int | None = None, parts: Sequence[RunPart] | None = None
    ) -> RunDetail:
        """Return a run."""
        ...

    def read_blob(self, sha256: str) -> Blob:
        """Return a binary part of a message."""
        ...


def export_capsule(source: Source, name: str, target: Path, *, force: bool = False) -> Manifest:
    """Write the capsule of a run.

    Args:
        source: a backend.
        name: of the run: an id, a unique prefix, or `last`.
        target: the file to make.
        force: whether a file that is there is replaced.

    Returns:
        What the capsule says of itself; binary parts that are gone are in `missing_blobs`.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
        UsageError: the file cannot be made, or the run is too large for a capsule.
    """
    _check_target(target, force=force)
    recording = source.get_recording(name)
    status = source.get_run(str(recording.run_id), parts=()).summary.status
    try:
        with _new_file(target, force=force) as file, zipfile.ZipFile(file, "w") as archive:
            return _Packer(archive, source, recording, status).pack()
    except CapsuleRefused as error:
        raise UsageError(
            f"Run {recording.run_id} does not fit into a capsule: {error.message}."
        ) from None
    except OSError as error:
        raise _cannot_write(target, error) from error


class _Packer:
    def __init__(
        self, archive: zipfile.ZipFile, source: Source, recording: Recording, status: str
    ) -> None:
        self._archive = archive
        self._source = source
        self._recording = recording
        self._status = status
        self._created_at = datetime.now(UTC)
        self._members: dict[str, Member] = {}
        self._total_bytes = 0

    def pack(self) -> Manifest:
        """Write every member, the manifest last."""
        recording, program = self._recording, version("secondtake")
        data = recording.to_json()
        check_recording(data)
        self._add(RECORDING, data)
        with stored_alone(recording, status=self._status) as (con, home):
            for path in write_run_tables(con, recording.run_id, home):
                self._add(f"{TABLES}{path.name}", path.read_bytes())
        missing = [sha256 for sha256 in blobs_of(recording) if not self._add_blob(sha256)]
        facts = {
            "version": program,
            "run_id": recording.run_id,
            "name": one_line(recording.start.name),
            "status": self._status,
            "created_at": self._created_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        }
        self._add(README, _README.format(**facts).encode())
        manifest = Manifest(
            created_at=self._created_at,
            run_id=recording.run_id,
            name=recording.start.name,
            status=self._status,
            program_version=program,
            members=self._members,
            missing_blobs=missing,
        )
        self._write(MANIFEST, manifest.model_dump_json(indent=2).encode())
        return manifest

    def _add_blob(self, sha256: str) -> bool:
        """Add a binary part; return whether it is there, and is what it is called."""
        try:
            content = self._source.read_blob(sha256).content
        except NotFoundError:
            return False
        if hashlib.sha256(content).hexdigest() != sha256:
            return False
        self._add(f"{BLOBS}{sha256}", content)
        return True

    def _add(self, name: str, data: bytes) -> None:
        self._total_bytes += len(data)
        if self._total_bytes > TOTAL_BYTES_MAX or len(self._members) >= MEMBERS_MAX - 1:
            raise CapsuleRefused("it has more binary parts or more text than a capsule may have")
        self._members[name] = Member(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        self._write(name, data)

    def _write(self, name: str, data: bytes) -> None:
        member = zipfile.ZipInfo(name, self._created_at.timetuple()[:6])
        member.external_attr = _FILE_MODE << 16
        is_text = not name.startswith((TABLES, BLOBS))
        # Nothing that this program would refuse to open, as a text that says one thing for long.
        if is_text and not is_too_dense(len(data), len(zlib.compress(data))):
            member.compress_type = zipfile.ZIP_DEFLATED
        self._archive.writestr(member, data)


def blobs_of(recording: Recording) -> list[str]:
    """Return the SHA-256 of every binary part that a recording refers to, each once, in order."""
    found: dict[str, None] = {}
    for event in recording.events:
        for value in dict(event).values():
            if isinstance(value, (dict, list)):
                found |= dict.fromkeys(_references(value))
    return list(found)


def _references(value: Any) -> Iterator[str]:
    waiting: list[Any] = [value]
    while waiting:
        each = waiting.pop()
        if is_object(each):
            sha256 = each.get("$blob")
            if isinstance(sha256, str) and _is_sha256(sha256):
                yield sha256
            waiting += reversed(list(each.values()))
        elif is_list(each):
            waiting += reversed(each)


def _is_sha256(text: str) -> bool:
    return len(text) == hashlib.sha256().digest_size * 2 and _SHA256_DIGITS.issuperset(text)


def _check_target(target: Path, *, force: bool) -> None:
    shown = one_line(str(target))
    if "\0" in str(target):
        raise UsageError(f"{shown} is no name of a file.")
    try:
        if target.is_dir():
            raise UsageError(f"{shown} is a folder; name a file, as run.take.")
        if not force and os.path.lexists(target):
            raise UsageError(f"{shown} is there already; name another file or add --force.")
        if not target.parent.is_dir():
            raise UsageError(f"There is no folder {one_line(str(target.parent))} to write into.")
    except OSError as error:
        raise _cannot_write(target, error) from error


@contextmanager
def _new_file(target: Path, *, force: bool) -> Generator[BinaryIO]:
    """Yield a file that takes the name of `target` when the block is done."""
    hidden = target.with_name(f".{secrets.token_hex(8)}.take")
    descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if force:
            hidden.replace(target)
        else:
            _name_anew(hidden, target)
    finally:
        with suppress(OSError):
            hidden.unlink()


def _name_anew(hidden: Path, target: Path) -> None:
    """Give a file its name, but never that of another one."""
    try:
        os.link(hidden, target)
    except FileExistsError:
        raise UsageError(
            f"{one_line(str(target))} has come meanwhile; name another file or add --force."
        ) from None
    except OSError:  # a file system without links
        hidden.rename(target)


def _cannot_write(target: Path, error: OSError) -> UsageError:
    reason = error.strerror or type(error).__name__
    return UsageError(f"Cannot write {one_line(str(target))}: {reason}; name another file.")
