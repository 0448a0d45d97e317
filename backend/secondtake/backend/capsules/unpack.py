"""Opens a capsule: everything in it is verified before anything of it is given to anybody.

Reads and hashes; imports, executes and stores nothing.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from secondtake.backend.capsules.checks import (
    check_file,
    check_frame,
    check_listed,
    check_members,
    check_recording,
)
from secondtake.backend.capsules.manifest import (
    BLOBS,
    MANIFEST,
    RECORDING,
    Manifest,
    read_manifest,
)
from secondtake.backend.capsules.refusal import CapsuleRefused
from secondtake.backend.errors import NotFoundError
from secondtake.backend.formats import one_line
from secondtake.runner.errors import UsageError
from secondtake.runner.replay.recording import Recording

CHUNK_BYTES: Final = 1 << 20
REASON_CHARS: Final = 300

_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
    OverflowError,
)  # fmt: skip
"""What `zipfile` raises about bytes that it cannot read."""


class OpenedCapsule:
    """A capsule that was verified; holds its file open until `close`."""

    def __init__(
        self, path: Path, archive: zipfile.ZipFile, manifest: Manifest, recording: Recording
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.recording = recording
        """The events of the run. What they name is data: nothing of it is imported."""
        self._archive = archive

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def blobs(self) -> tuple[str, ...]:
        """The SHA-256 of every binary part that is in the capsule."""
        names = self.manifest.members
        return tuple(name.removeprefix(BLOBS) for name in names if name.startswith(BLOBS))

    def read_blob(self, sha256: str) -> bytes:
        """Return a binary part of a message.

        Raises:
            NotFoundError: it is not in the capsule.
            CapsuleRefused: the file was changed meanwhile.
        """
        name = BLOBS + sha256
        if name not in self.manifest.members:
            raise NotFoundError(
                f"There is no binary part {one_line(sha256[:64])!r} in this capsule."
            )
        with _explained(self.path):
            return b"".join(_verified(self._archive, name, self.manifest))

    def close(self) -> None:
        """Close the file."""
        archive_file = self._archive.fp
        self._archive.close()
        if archive_file is not None:
            archive_file.close()


def open_capsule(path: Path) -> OpenedCapsule:
    """Verify a capsule and return what is in it; the caller closes it.

    Raises:
        CapsuleRefused: it is damaged, hostile, or a newer program wrote it; one sentence says why.
    """
    with _explained(path):
        check_file(path)
        file = path.open("rb")
        try:
            archive, manifest, recording = _read(file)
        except BaseException:
            file.close()
            raise
    return OpenedCapsule(path, archive, manifest, recording)


def _read(file: BinaryIO) -> tuple[zipfile.ZipFile, Manifest, Recording]:
    directory_at = check_frame(file)
    archive = zipfile.ZipFile(file)
    members = archive.infolist()
    check_members(file, members, directory_at)
    manifest = read_manifest(b"".join(_inflated(archive, MANIFEST)))
    check_listed(members, manifest)
    data = b""
    for name in manifest.members:
        if name == RECORDING:
            data = b"".join(_verified(archive, name, manifest))
        else:
            for _ in _verified(archive, name, manifest):
                pass  # only its hash is of interest here
    check_recording(data)
    recording = Recording.from_json(data)
    if recording.run_id != manifest.run_id:
        raise CapsuleRefused("its recording is of another run than its manifest says")
    return archive, manifest, recording


def _inflated(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield a member piece by piece. `zipfile` gives no more than the directory says there is."""
    left = archive.getinfo(name).file_size
    with archive.open(name) as member:
        while chunk := member.read(CHUNK_BYTES):
            left -= len(chunk)
            yield chunk
    if left:
        raise CapsuleRefused(f"the member {name} is shorter than it says")


def _verified(archive: zipfile.ZipFile, name: str, manifest: Manifest) -> Iterator[bytes]:
    """Yield a member piece by piece; after the last one, refuse it when its hash is another.

    A blob is called by its hash, which must be its own.
    """
    digest = hashlib.sha256()
    for chunk in _inflated(archive, name):
        digest.update(chunk)
        yield chunk
    found = digest.hexdigest()
    is_misnamed = name.startswith(BLOBS) and name != BLOBS + found
    if found != manifest.members[name].sha256 or is_misnamed:
        raise CapsuleRefused(f"the member {name} was changed: its hash is not the one it should be")


@contextmanager
def _explained(path: Path) -> Generator[None]:
    """Turn whatever is wrong with a file into one sentence about it."""
    try:
        yield
    except NotFoundError:
        raise
    except UsageError as error:
        reason = error.message
    except OSError as error:
        reason = f"it cannot be read: {error.strerror or type(error).__name__}"
    except _BROKEN as error:
        reason = f"it is damaged ({error})" if str(error) else "it is damaged"
    else:
        return
    raise CapsuleRefused(
        f"{one_line(str(path))} is refused as a capsule: {one_line(reason)[:REASON_CHARS].rstrip('.')}."
    ) from None
