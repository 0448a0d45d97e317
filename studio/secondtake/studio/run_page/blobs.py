"""Pictures in messages: which may be shown, and their bytes. Nothing is fetched from outside."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from secondtake.backend.models.system import Blob

SHOWN_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
PICTURE_BYTES_MAX: Final = 512 * 1024
"""Larger pictures wait for a click: their bytes go to the browser with the page."""

_DATA: Final = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+);base64,(?P<data>[A-Za-z0-9+/=]*)")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture, or what is known of one that cannot be shown."""

    uri: str | None = None
    """`data:image/...;base64,...`, of a type that is shown."""
    blob: str | None = None
    """sha256 of the bytes that the backend keeps."""
    size_bytes: int | None = None
    said: str | None = None
    """Why it is not shown: a remote address, another type."""


def picture_of(part: Mapping[str, Any]) -> Picture | None:
    """Return the picture that a part of a message holds; None when it holds none.

    Takes the parts of OpenAI (`image_url`, `input_image`), Anthropic and Google.
    """
    source = part.get("image_url", part.get("source", part.get("inline_data", part.get("image"))))
    if source is None:
        return None
    if isinstance(source, Mapping) and "url" in source:
        source = source["url"]
    if isinstance(source, str):
        return _of_address(source)
    return _of_object(source) if isinstance(source, Mapping) else None


def data_uri(blob: Blob) -> str | None:
    """Return the bytes of a picture as an address that holds them; None for other types."""
    if blob.media_type not in SHOWN_TYPES:
        return None
    return f"data:{blob.media_type};base64,{base64.b64encode(blob.content).decode()}"


def _of_object(source: Mapping[str, Any]) -> Picture | None:
    if isinstance(sha256 := source.get("$blob"), str):
        size = source.get("bytes")
        return Picture(blob=sha256, size_bytes=size if isinstance(size, int) else None)
    data = source.get("data")
    if isinstance(data, Mapping):
        return _of_object(data)
    if isinstance(data, str):
        return _of_address(
            f"data:{source.get('media_type', source.get('mime_type'))};base64,{data}"
        )
    return None


def _of_address(address: str) -> Picture:
    found = _DATA.fullmatch(address)
    if found is None:
        return Picture(said=f"not fetched: {address[:300]}")
    if found["type"] not in SHOWN_TYPES:
        return Picture(said=f"{found['type']}, {len(found['data']) * 3 // 4:,} bytes; not shown")
    return Picture(uri=address, size_bytes=len(found["data"]) * 3 // 4)
