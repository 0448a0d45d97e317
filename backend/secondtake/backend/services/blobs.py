"""Binary parts of messages, served as what their first bytes say and nothing else."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from secondtake.backend.errors import NotFoundError
from secondtake.backend.models.system import Blob
from secondtake.runner.blobs import blob_path

UNKNOWN: Final = "application/octet-stream"

_SHA256: Final = re.compile(r"[0-9a-f]{64}")

_MEDIA_TYPES: Final[tuple[tuple[str, Callable[[bytes], bool]], ...]] = (
    ("image/png", lambda head: head.startswith(b"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", lambda head: head.startswith(b"\xff\xd8\xff")),
    ("image/gif", lambda head: head.startswith((b"GIF87a", b"GIF89a"))),
    ("image/webp", lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP"),
    ("audio/wav", lambda head: head.startswith(b"RIFF") and head[8:12] == b"WAVE"),
    ("audio/mpeg", lambda head: head.startswith(b"ID3") or _is_mp3_frame(head)),
    ("application/pdf", lambda head: head.startswith(b"%PDF-")),
)
"""All that is ever named. SVG and HTML are not: they can hold programs."""


def read_blob(home: Path, sha256: str) -> Blob:
    """Return a binary part of a message by the hash that the message names.

    Raises:
        NotFoundError: this is no such hash, or the home has no such part.
    """
    if not _SHA256.fullmatch(sha256):
        raise NotFoundError(
            f"{sha256[:80]!r} is no SHA-256; take the value of `$blob` in a message."
        )
    try:
        content = blob_path(home, sha256).read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"The part {sha256} is not in {home / 'blobs'}; was the folder copied with the database?"
        ) from error
    return Blob(media_type=media_type(content), content=content)


def media_type(content: bytes) -> str:
    """Return what the first bytes say it is."""
    head = content[:16]
    return next((name for name, fits in _MEDIA_TYPES if fits(head)), UNKNOWN)


def _is_mp3_frame(head: bytes) -> bool:
    """Tell whether a frame of MPEG audio, layer III, begins here."""
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] & 0xF0 != 0xF0
