"""Binary parts are served as what they begin with, and never as a page."""

from pathlib import Path

import pytest

from secondtake.backend.errors import NotFoundError
from secondtake.backend.services.blobs import media_type, read_blob
from secondtake.runner.blobs import store_blob

BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n....": "image/png",
    b"\xff\xd8\xff\xe0....": "image/jpeg",
    b"GIF89a....": "image/gif",
    b"RIFF1234WEBPVP8 ": "image/webp",
    b"RIFF1234WAVEfmt ": "audio/wav",
    b"ID3\x04....": "audio/mpeg",
    b"\xff\xfb\x90\x00....": "audio/mpeg",
    b"%PDF-1.7....": "application/pdf",
    b"<svg xmlns='http://www.w3.org/2000/svg'>": "application/octet-stream",
    b"<!doctype html><script>alert(1)</script>": "application/octet-stream",
    b"\xff\xfe<\x00": "application/octet-stream",
    b"RIFF": "application/octet-stream",
    b"": "application/octet-stream",
}


@pytest.mark.parametrize(("content", "expected"), BEGINNINGS.items())
def test_a_part_is_what_its_first_bytes_say(content: bytes, expected: str) -> None:
    assert media_type(content) == expected


def test_a_stored_part_is_read_by_its_hash(home: Path) -> None:
    content = b"\x89PNG\r\n\x1a\n" + b"x" * 100_000
    found = read_blob(home, store_blob(home, content))
    assert (found.media_type, found.content) == ("image/png", content)


@pytest.mark.parametrize(
    "name",
    ["", "..", "a" * 63, "A" * 64, "../../store.key", "a" * 62 + "/x", "é" * 64, "0" * 64 + "\n"],
)
def test_what_is_no_hash_opens_no_file(home: Path, name: str) -> None:
    with pytest.raises(NotFoundError, match="is no SHA-256; take the value of"):
        read_blob(home, name)


def test_a_part_that_is_not_there_is_told(home: Path) -> None:
    with pytest.raises(NotFoundError, match="copied with the database"):
        read_blob(home, "0" * 64)
