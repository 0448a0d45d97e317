"""Binary parts over 32 KB live in `<home>/blobs`, by sha256; rows hold a reference.

A reference is `{"$blob": "<sha256>", "bytes": n, "media_type": "image/png"}`, in the place of a
`data:` URL or of a `{"$bytes": ...}` value.
"""

import base64
import binascii
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from secondtake.runner.home import blobs_folder

BLOB_BYTES_MIN: Final = 32 * 1024
_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,")

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def blob_path(home: Path, sha256: str) -> Path:
    """Return where the blob with this hash is."""
    return blobs_folder(home) / sha256[:2] / sha256


def store_blob(home: Path, data: bytes) -> str:
    """Write `data` once and return its sha256.

    Raises:
        OSError: the disk refuses.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    path = blob_path(home, sha256)
    if path.exists():
        return sha256
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{sha256}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return sha256


def move_out_binaries(value: Any, home: Path, *, redact: Callable[[str], str]) -> Any:
    """Return a JSON value whose large binary parts are blobs.

    A part that is text is redacted before it is hashed and stored.
    """
    if isinstance(value, dict):
        members = cast(dict[str, Any], value)
        if members.keys() == {"$bytes"}:
            return _moved(members["$bytes"], None, home, redact) or members
        return {key: move_out_binaries(item, home, redact=redact) for key, item in members.items()}
    if isinstance(value, list):
        items = cast(list[Any], value)
        return [move_out_binaries(item, home, redact=redact) for item in items]
    if isinstance(value, str) and len(value) >= BLOB_BYTES_MIN and value.startswith("data:"):
        head = _DATA_URL.match(value)
        if head:
            return _moved(value[head.end() :], head[1], home, redact) or value
    return value


def move_in_binaries(value: Any, home: Path) -> Any:
    """Return a JSON value with the blobs that it refers to in their places, as they were.

    What is not in this home stays a reference.
    """
    if isinstance(value, list):
        return [move_in_binaries(item, home) for item in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    members = cast(dict[str, Any], value)
    sha256 = members.get("$blob")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        return {key: move_in_binaries(item, home) for key, item in members.items()}
    try:
        encoded = base64.b64encode(blob_path(home, sha256).read_bytes()).decode()
    except OSError:
        return members
    media_type = members.get("media_type")
    return f"data:{media_type};base64,{encoded}" if media_type else {"$bytes": encoded}


def _moved(
    encoded: str, media_type: str | None, home: Path, redact: Callable[[str], str]
) -> dict[str, Any] | None:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) < BLOB_BYTES_MIN:
        return None
    try:
        data = redact(data.decode()).encode()
    except UnicodeDecodeError:
        pass  # not text: there is nothing that a pattern could find
    reference: dict[str, Any] = {"$blob": store_blob(home, data), "bytes": len(data)}
    if media_type:
        reference["media_type"] = media_type
    return reference
