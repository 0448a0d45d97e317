"""A capsule of which a byte was changed is refused, or says the same as before."""

import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondtake.backend.capsules.refusal import CapsuleRefused
from secondtake.backend.capsules.unpack import open_capsule
from secondtake.runner.replay.recording import Recording

FLIPS_INSIDE = 2000


def content_of(path: Path) -> tuple[Recording, object] | None:
    """Return what a capsule says, None when it is refused in a sentence."""
    try:
        with open_capsule(path) as opened:
            return opened.recording, opened.manifest
    except CapsuleRefused as refused:
        if "\n" in refused.message or not refused.message.endswith("."):
            raise
        return None


def places(path: Path) -> list[int]:
    """Return every byte that says how the file is built, and some of what is in it."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        heads = [member.header_offset for member in archive.infolist()]
        directory = range(archive.start_dir, size)
    built = {at for head in heads for at in range(head, head + 60)} | set(directory)
    inside = random.Random(7).sample(range(size), FLIPS_INSIDE)
    return sorted(at for at in built | set(inside) if at < size)


@pytest.mark.parametrize("mask", [0xFF, 0x01, 0x20])
def test_a_changed_byte_is_refused_or_changes_nothing(
    sound: Path, tmp_path: Path, mask: int
) -> None:
    data = bytearray(sound.read_bytes())
    expected = content_of(sound)
    path = tmp_path / "flipped.take"
    refused = 0
    for at in places(sound):
        data[at] ^= mask
        path.write_bytes(data)
        found = content_of(path)
        assert found in (None, expected), at
        refused += found is None
        data[at] ^= mask
    assert refused > FLIPS_INSIDE // 2


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_mangled_capsule_is_refused_or_says_the_same(
    sound: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """Pieces cut out, doubled, moved or replaced."""
    whole = sound.read_bytes()
    at, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    piece = data.draw(st.one_of(st.binary(max_size=200), st.just(whole[at:end] * 2), st.just(b"")))
    path = tmp_path / "mangled.take"
    path.write_bytes(whole[:at] + piece + whole[end:])

    assert content_of(path) in (None, content_of(sound))


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.binary(max_size=2000), head=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06"]))
def test_any_bytes_are_refused(tmp_path: Path, data: bytes, head: bytes) -> None:
    path = tmp_path / "any.take"
    path.write_bytes(head + data)

    assert content_of(path) is None
