"""What a zip file must be like before anything in it is inflated.

The bytes are looked at here and not only through `zipfile`, which reads on where it can: files with
something before, between or behind the members, members that lie on one another, and directories
of any length.
"""

import os
import stat
import struct
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from secondtake.backend.capsules.manifest import MANIFEST, README, RECORDING, Manifest, is_expected
from secondtake.backend.capsules.refusal import CapsuleRefused
from secondtake.backend.formats import counted
from secondtake.backend.zip_members import check_kind, check_name, is_too_dense, shown_name

MEMBERS_MAX: Final = 10_000
DIRECTORY_BYTES_MAX: Final = 2 << 20
TOTAL_BYTES_MAX: Final = (1 << 31) - 1
"""Of all members when they are inflated; more needs another zip format."""
RECORDING_BYTES_MAX: Final = 256 << 20
"""It is read as a whole."""
RECORDING_VALUES_MAX: Final = 10_000_000
"""A value of one character takes some 50 bytes of memory."""
SMALL_BYTES_MAX: Final = 4 << 20
"""Manifest and README."""

_END: Final = struct.Struct("<4s4H2LH")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_END_SIGNATURE: Final = b"PK\x05\x06"
_LOCAL_SIGNATURE: Final = b"PK\x03\x04"


def check_file(path: Path) -> None:
    """Refuse what is no plain file, before it is opened: a pipe would never begin to answer.

    Raises:
        CapsuleRefused: it is a folder, a device, or nothing.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise CapsuleRefused(f"it cannot be read: {error.strerror}") from None
    except ValueError:
        raise CapsuleRefused("its name is no name of a file") from None
    if stat.S_ISDIR(mode):
        raise CapsuleRefused("it is a folder")
    if not stat.S_ISREG(mode):
        raise CapsuleRefused("it is no plain file")


def check_frame(file: BinaryIO) -> int:
    """Look at the end of the file; return where the directory of the members begins.

    Raises:
        CapsuleRefused: the file is no zip file, or not one like a capsule.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _END.size, 0))
    end = file.read(_END.size)
    file.seek(0)
    if file.read(2) != b"PK":
        raise CapsuleRefused("it is no zip file")
    if len(end) < _END.size or end[:4] != _END_SIGNATURE:
        raise CapsuleRefused("its end is missing or something follows it; it may be truncated")
    _, disk, first_disk, here, total, directory_bytes, offset, comment = _END.unpack(end)
    if disk or first_disk or comment or here != total:
        raise CapsuleRefused("it is damaged at its end, or one part of several")
    if total > MEMBERS_MAX:
        raise CapsuleRefused(f"it has {total:,} members and a capsule at most {MEMBERS_MAX:,}")
    if directory_bytes > DIRECTORY_BYTES_MAX:
        raise CapsuleRefused("the list of its members is larger than that of a capsule can be")
    if offset + directory_bytes + _END.size != size:
        raise CapsuleRefused("its list of members is not where it should be; it is damaged")
    return int(offset)


def check_members(file: BinaryIO, members: Sequence[zipfile.ZipInfo], directory_at: int) -> None:
    """Refuse members that a capsule does not have, by what the directory says of them.

    Args:
        file: the zip file.
        members: as `zipfile` lists them.
        directory_at: from `check_frame`.

    Raises:
        CapsuleRefused, MemberRefused: with the first thing that is wrong.
    """
    seen: set[str] = set()
    for member in members:
        _check_name(member)
        name = member.orig_filename
        if name in seen:
            raise CapsuleRefused(f"the member {name} is there twice")
        seen.add(name)
        check_kind(member, archives="capsules")
        _check_size(member)
    total = sum(member.file_size for member in members)
    if total > TOTAL_BYTES_MAX:
        raise CapsuleRefused(
            f"its members would be {total:,} bytes and a capsule has at most {TOTAL_BYTES_MAX:,}"
        )
    for name in (MANIFEST, RECORDING):
        if name not in seen:
            raise CapsuleRefused(f"it has no {name}")
    _check_places(file, members, directory_at)


def check_listed(members: Iterable[zipfile.ZipInfo], manifest: Manifest) -> None:
    """Refuse a capsule whose members are not those of its manifest.

    Raises:
        CapsuleRefused: a member is not listed, missing, or of another size.
    """
    sizes = {member.filename: member.file_size for member in members}
    del sizes[MANIFEST]
    for name in sizes:
        if name not in manifest.members:
            raise CapsuleRefused(f"the member {name} is not in its manifest")
    for name, listed in manifest.members.items():
        if name not in sizes:
            raise CapsuleRefused(f"the member {shown_name(name)} of its manifest is missing")
        if sizes[name] != listed.bytes:
            raise CapsuleRefused(f"the member {name} has another size than its manifest says")


def check_recording(data: bytes) -> None:
    """Refuse a recording that would take more memory than any run needs.

    Raises:
        CapsuleRefused: it is too large, or holds too many values.
    """
    if len(data) > RECORDING_BYTES_MAX:
        raise CapsuleRefused(
            f"its recording is {len(data):,} bytes and at most {RECORDING_BYTES_MAX:,} are read"
        )
    if sum(map(data.count, (b",", b"[", b"{"))) > RECORDING_VALUES_MAX:
        raise CapsuleRefused("its recording has more values than are read")


def _check_name(member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    if not name.isascii():
        raise CapsuleRefused(f"the member {shown_name(name)} has an unreadable name")
    check_name(member)
    if not is_expected(name):
        raise CapsuleRefused(f"the member {shown_name(name)} does not belong into a capsule")


def _check_size(member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    most = {MANIFEST: SMALL_BYTES_MAX, README: SMALL_BYTES_MAX, RECORDING: RECORDING_BYTES_MAX}
    if member.file_size > most.get(name, TOTAL_BYTES_MAX):
        raise CapsuleRefused(
            f"the member {name} would be {counted(member.file_size, 'byte')}, more than is read"
        )
    if is_too_dense(member.file_size, member.compress_size):
        raise CapsuleRefused(
            f"the member {name} would become {member.file_size:,} bytes from "
            f"{member.compress_size:,}; that is no recording"
        )


def _check_places(file: BinaryIO, members: Sequence[zipfile.ZipInfo], directory_at: int) -> None:
    """Expect the members one after the other from the first byte to the directory."""
    place = 0
    for member in sorted(members, key=lambda each: each.header_offset):
        file.seek(member.header_offset)
        head = file.read(_LOCAL.size)
        if member.header_offset != place or len(head) < _LOCAL.size:
            raise CapsuleRefused("its members do not lie one after the other")
        signature, *_, name_bytes, extra_bytes = _LOCAL.unpack(head)
        if signature != _LOCAL_SIGNATURE or file.read(name_bytes) != member.orig_filename.encode():
            raise CapsuleRefused(f"the member {member.orig_filename} is not where it should be")
        place += _LOCAL.size + name_bytes + extra_bytes + member.compress_size
    if place != directory_at:
        raise CapsuleRefused("its members do not lie one after the other")
