"""What a member of somebody else's zip file must be like before it is inflated."""

import stat
import zipfile
from typing import Final

from secondtake.runner.errors import UsageError

RATIO_MAX: Final = 100
"""So many times as large may a member become; texts shrink to a tenth."""
RATIO_FREE_BYTES: Final = 16 << 20
"""Up to this size a member may become as large as it likes."""

_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_UNIX: Final = 3
_DOS_FOLDER: Final = 0x10
_NAME_SHOWN: Final = 80


class MemberRefused(UsageError):
    """A member of a zip file is not read; the text says why, and names no file."""


def check_name(member: zipfile.ZipInfo) -> None:
    """Refuse a member whose name is no path to a file inside a folder.

    Raises:
        MemberRefused: it has such a name.
    """
    name = member.orig_filename
    reasons = (
        (not name or not name.isprintable(), "has an unreadable name"),
        ("\\" in name, "has a backslash in its name"),
        (name.startswith("/"), "has an absolute path"),
        (name[1:2] == ":", "names a drive"),
        (".." in name.split("/"), "leaves its folder"),
        (name.endswith("/"), "is a folder"),
    )
    for is_wrong, reason in reasons:
        if is_wrong:
            raise MemberRefused(f"the member {shown_name(name)} {reason}")


def check_kind(member: zipfile.ZipInfo, *, archives: str) -> None:
    """Refuse what is no plain member, stored or deflated.

    Args:
        member: as `zipfile` lists it.
        archives: what files like this one are called, for the sentence.

    Raises:
        MemberRefused: it is a link, a device, encrypted or compressed otherwise.
    """
    name, mode = shown_name(member.orig_filename), member.external_attr >> 16
    kind = stat.S_IFMT(mode) if member.create_system == _UNIX else 0
    if kind == stat.S_IFLNK:
        raise MemberRefused(f"the member {name} is a link")
    if kind not in (0, stat.S_IFREG) or member.external_attr & _DOS_FOLDER:
        raise MemberRefused(f"the member {name} is no plain file")
    if member.flag_bits & _ENCRYPTED:
        raise MemberRefused(f"the member {name} is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise MemberRefused(f"the member {name} is compressed in a way that {archives} are not")


def is_too_dense(inflated_bytes: int, stored_bytes: int) -> bool:
    """Tell whether a member becomes so much larger that it may be made to harm."""
    return inflated_bytes > RATIO_FREE_BYTES and inflated_bytes > RATIO_MAX * stored_bytes


def shown_name(name: str) -> str:
    """Return a member's name as it may stand in a sentence."""
    return repr(name if len(name) <= _NAME_SHOWN else f"{name[:_NAME_SHOWN]}...")
