"""What is refused as a capsule, each in one sentence."""

import hashlib
import json
import os
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.backend.capsules.conftest import members_of, rewrite
from tests.support.stored import run_frame, write_events

from secondtake.backend.capsules.checks import MEMBERS_MAX
from secondtake.backend.capsules.pack import export_capsule
from secondtake.backend.capsules.refusal import CapsuleRefused
from secondtake.backend.capsules.unpack import open_capsule
from secondtake.backend.local import LocalBackend

Make = Callable[[Path, dict[str, bytes]], None]


def refusal(path: Path) -> str:
    """Return why a file is refused: one sentence that begins with the file."""
    with pytest.raises(CapsuleRefused) as raised:
        open_capsule(path)
    message = raised.value.message
    assert "\n" not in message
    assert len(message) < 1000
    before, _, reason = message.partition(" is refused as a capsule: ")
    assert before == str(path)
    assert reason.endswith(".")
    return reason


def named(name: str) -> Make:
    return lambda path, members: rewrite(path, members, more=[(name, b"x")])


def moded(mode: int, data: bytes = b"x") -> Make:
    def make(path: Path, members: dict[str, bytes]) -> None:
        info = zipfile.ZipInfo("blobs/" + "a" * 64)
        info.create_system, info.external_attr = 3, mode << 16
        rewrite(path, members, more=[(info, data)])

    return make


def replaced(name: str, data: bytes) -> Make:
    return lambda path, members: rewrite(path, {**members, name: data})


def without(name: str) -> Make:
    return lambda path, members: rewrite(path, {k: v for k, v in members.items() if k != name})


def manifested(**changes: Any) -> Make:
    return lambda path, members: rewrite(path, members, change=lambda m: m.update(changes))


def relisted(change: Callable[[dict[str, Any]], Any]) -> Make:
    return lambda path, members: rewrite(path, members, change=lambda m: change(m["members"]))


def patched(before: bytes, after: bytes) -> Make:
    """Change bytes of the finished file."""

    def make(path: Path, members: dict[str, bytes]) -> None:
        rewrite(path, members)
        data = path.read_bytes()
        assert before in data
        path.write_bytes(data.replace(before, after))

    return make


def recompressed(method: int) -> Make:
    def make(path: Path, members: dict[str, bytes]) -> None:
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    return make


def unlisted(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("recording.json", members["recording.json"])


def flagged(path: Path, members: dict[str, bytes]) -> None:
    """Say of every member that it is encrypted."""
    rewrite(path, members)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        at = archive.start_dir
    while data[at : at + 4] == b"PK\x01\x02":
        data[at + 8] |= 1
        at += 46 + sum(struct.unpack("<3H", data[at + 28 : at + 34]))
    path.write_bytes(data)


def doubled(path: Path, members: dict[str, bytes]) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        rewrite(path, members, more=[("recording.json", b"{}")])


def overlapping(path: Path, members: dict[str, bytes]) -> None:
    """Let the last member of the list lie where the first one lies."""
    rewrite(path, members)
    data = bytearray(path.read_bytes())
    last = data.rfind(b"PK\x01\x02")
    data[last + 42 : last + 46] = bytes(4)
    path.write_bytes(data)


def crowded(path: Path, members: dict[str, bytes]) -> None:
    more = {f"blobs/{number:064x}": b"" for number in range(MEMBERS_MAX)}
    rewrite(path, members | more)


def bomb(name: str) -> Make:
    """Deflate zeros, a thousand times smaller."""
    return replaced(name, bytes(20 << 20))


def lying_bomb(path: Path, members: dict[str, bytes]) -> None:
    """Deflate 20 MB and say, in every place, that it is 300 bytes."""
    listed = {"recording.json": {"bytes": 300, "sha256": hashlib.sha256(bytes(300)).hexdigest()}}
    bombed = members | {"recording.json": bytes(20 << 20)}
    rewrite(path, bombed, change=lambda manifest: manifest["members"].update(listed))
    size = struct.pack("<L", 20 << 20)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<L", 300)))


def shortened(path: Path, members: dict[str, bytes]) -> None:
    """Say, in every place, that the recording is a byte longer than it is."""
    length = len(members["recording.json"])
    longer = {"bytes": length + 1}
    rewrite(path, members, change=lambda m: m["members"]["recording.json"].update(longer))
    before, after = (struct.pack("<L", number) for number in (length, length + 1))
    path.write_bytes(path.read_bytes().replace(before, after))


def many_values(path: Path, members: dict[str, bytes]) -> None:
    data = bytearray(b"[" + b"0," * 10_100_000 + b"0]")
    digits = bytes(48 + each % 10 for each in range(256))
    data[1:-1:2] = os.urandom(10_100_001).translate(digits)
    rewrite(path, members | {"recording.json": bytes(data)})


HOSTILE: dict[str, tuple[Make, str]] = {
    "escape": (named("../../evil"), "the member '../../evil' leaves its folder"),
    "escape within": (named("blobs/../../evil"), "leaves its folder"),
    "absolute": (named("/etc/passwd"), "the member '/etc/passwd' has an absolute path"),
    "backslash": (named("..\\evil"), "has a backslash in its name"),
    "drive": (named("C:evil"), "names a drive"),
    "folder": (named("blobs/"), "is a folder"),
    "odd name": (named("é"), "has an unreadable name"),
    "control": (named("a\nb"), "has an unreadable name"),
    "unexpected": (named("__main__.py"), "'__main__.py' does not belong into a capsule"),
    "long name": (named("x" * 10_000), "does not belong into a capsule"),
    "link": (moded(stat.S_IFLNK | 0o777, b"/etc/passwd"), "is a link"),
    "device": (moded(stat.S_IFCHR | 0o600), "is no plain file"),
    "pipe": (moded(stat.S_IFIFO | 0o600), "is no plain file"),
    "folder by its mode": (moded(stat.S_IFDIR | 0o700), "is no plain file"),
    "twice": (doubled, "the member recording.json is there twice"),
    "not listed": (named("blobs/" + "a" * 64), "is not in its manifest"),
    "listed only": (
        relisted(lambda m: m.update({"blobs/" + "a" * 64: m["README.txt"]})),
        "of its manifest is missing",
    ),
    "listed with a path": (relisted(lambda m: m.update({"../x": m["README.txt"]})), "is missing"),
    "other size": (
        relisted(lambda m: m["README.txt"].update(bytes=1)),
        "the member README.txt has another size than its manifest says",
    ),
    "other hash": (
        relisted(lambda m: m["README.txt"].update(sha256="0" * 64)),
        "the member README.txt was changed: its hash is not the one it should be",
    ),
    "misnamed blob": (replaced("blobs/" + "a" * 64, b"x"), "was changed"),
    "no manifest": (unlisted, "it has no manifest.json"),
    "no recording": (without("recording.json"), "it has no recording.json"),
    "other method": (recompressed(zipfile.ZIP_LZMA), "compressed in a way that capsules are not"),
    "encrypted": (flagged, "is encrypted"),
    "overlap": (overlapping, "do not lie one after the other"),
    "crowd": (crowded, "and a capsule at most 10,000"),
    "bomb": (bomb("recording.json"), "would become 20,971,520 bytes from"),
    "bomb in a blob": (bomb("blobs/" + "a" * 64), "would become 20,971,520 bytes from"),
    "bomb in the readme": (bomb("README.txt"), "more than is read"),
    "bomb that lies": (lying_bomb, "it is damaged (Bad CRC-32 for file 'recording.json')"),
    "shorter than it says": (shortened, "the member recording.json is shorter than it says"),
    "newer": (manifested(version=2), "it has version 2 and this program reads version 1; upgrade"),
    "older": (manifested(version=0), "its manifest.json is damaged: version"),
    "other format": (manifested(format="x"), "does not say that it is a capsule"),
    "more fields": (manifested(run="os:system"), "its manifest.json is damaged: run"),
    "no time": (manifested(created_at="yesterday"), "its manifest.json is damaged: created_at"),
    "another run": (manifested(run_id="0" * 32), "another run than its manifest says"),
    "text": (replaced("recording.json", b"{}"), "does not say so"),
    "no JSON": (replaced("recording.json", b"\xff"), "This is no recording"),
    "deep": (replaced("recording.json", b"[" * 100_000), "This is no recording"),
    "no events": (
        replaced("recording.json", b'{"format":"secondtake.recording","version":1,"events":[{}]}'),
        "This recording cannot be read",
    ),
    "many values": (many_values, "more values than are read"),
    "other local name": (patched(b"\x00\x00README.txt", b"\x00\x00readme.txt"), ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_capsule_is_refused_in_one_sentence(
    sound: Path, tmp_path: Path, name: str
) -> None:
    make, reason = HOSTILE[name]
    path = tmp_path / "hostile.take"
    make(path, members_of(sound))

    assert reason in refusal(path)
    assert os.listdir(tmp_path) == ["hostile.take"]


def test_what_is_no_zip_file_is_refused(tmp_path: Path, sound: Path) -> None:
    whole = sound.read_bytes()
    cases = {
        b"": "it is no zip file",
        b"PK": "its end is missing",
        b"hello": "it is no zip file",
        b"#!/bin/sh\n" + whole: "it is no zip file",
        whole[:-1]: "its end is missing or something follows it",
        whole + b"\0": "its end is missing or something follows it",
        whole[:1000]: "its end is missing",
        b"PK\x05\x06" + bytes(18): "it has no manifest.json",
    }
    path = tmp_path / "odd.take"
    for data, reason in cases.items():
        path.write_bytes(data)
        assert reason in refusal(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert refusal(tmp_path) == "it is a folder."
    assert refusal(tmp_path / "none.take") == "it cannot be read: No such file or directory."
    assert refusal(pipe) == "it is no plain file."
    assert "it is no plain file" in refusal(Path("/dev/zero"))


def test_a_bomb_takes_no_memory(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "bomb.take"
    lying_bomb(path, members_of(sound))
    tracemalloc.start()
    try:
        refusal(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 16 << 20


def test_a_large_binary_part_is_not_held_in_memory(tmp_path: Path, sound: Path) -> None:
    path = tmp_path / "large.take"
    data = os.urandom(1 << 20) * 32
    name = "blobs/" + hashlib.sha256(data).hexdigest()
    rewrite(path, members_of(sound) | {name: data})
    del data
    tracemalloc.start()
    try:
        open_capsule(path).close()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 16 << 20


def test_what_a_recording_names_is_only_data(
    home: Path, tmp_path: Path, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "executed"
    (tmp_path / "evil_module.py").write_text(f"open({str(marker)!r}, 'w')", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    nodes = {
        "a": {"kind": "python", "function": "os:system"},
        "b": {"kind": "python", "function": "evil_module:main"},
    }
    config = {"workflow": {"name": "evil", "nodes": nodes}, "command": ["touch", str(marker)]}
    run_id = uuid4()
    write_events(home, *run_frame(run_id, (), config=config, inputs={"command": f"touch {marker}"}))
    export_capsule(backend, str(run_id), tmp_path / "run.take")
    with open_capsule(tmp_path / "run.take") as opened:
        assert opened.recording.start.config == config
        assert json.loads(opened.recording.to_json())["events"]
    assert not marker.exists()
