"""A capsule of a real run, and ways to write one that is not as it should be."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.support.stored import run_frame, write_events, write_research_run

from secondtake.backend.capsules.pack import export_capsule
from secondtake.backend.local import LocalBackend
from secondtake.runner.blobs import store_blob
from secondtake.runner.events import Message
from secondtake.runner.settings import load_settings

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 200
GONE = "f" * 64

Members = list[tuple[zipfile.ZipInfo | str, bytes]]


@pytest.fixture
def backend(home: Path) -> LocalBackend:
    """The backend of an empty home."""
    return LocalBackend(load_settings())


@pytest.fixture
def capsule(home: Path, tmp_path: Path, backend: LocalBackend) -> Path:
    """The capsule of a run of two nodes."""
    write_research_run(home)
    path = tmp_path / "run.take"
    export_capsule(backend, "last", path)
    return path


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The capsule of a run of two nodes, made once; nobody changes it."""
    folder = tmp_path_factory.mktemp("sound")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SECONDTAKE_HOME", str(folder / "home"))
        write_research_run(folder / "home")
        export_capsule(LocalBackend(load_settings()), "last", folder / "run.take")
    return folder / "run.take"


def write_run_with_blobs(home: Path) -> tuple[UUID, str]:
    """Write a run whose message refers to two binary parts, of which one is gone."""
    run_id, sha256 = uuid4(), store_blob(home, PNG)
    parts = [
        {"type": "image_url", "image_url": {"url": {"$blob": sha, "bytes": len(PNG)}}}
        for sha in (sha256, GONE, sha256)
    ]
    at = run_frame(run_id, ())[0].recorded_at
    message = Message(
        run_id=run_id,
        seq=1,
        recorded_at=at,
        message_id=uuid4(),
        depth=0,
        role="user",
        parts=[*parts, {"$blob": "no hash"}, {"$blob": 7}],
    )
    write_events(home, *run_frame(run_id, [message]))
    return run_id, sha256


def members_of(path: Path) -> dict[str, bytes]:
    """Return every member of a capsule."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(
    path: Path,
    members: Mapping[str, bytes],
    *,
    change: Callable[[dict[str, Any]], None] | None = None,
    more: Members | None = None,
) -> None:
    """Write a capsule whose manifest fits its members, then change the manifest.

    Args:
        path: the file.
        members: by name; the manifest gives the rest of its fields.
        change: is given the manifest.
        more: members that the manifest does not speak of.
    """
    manifest = json.loads(members["manifest.json"])
    rest = {name: data for name, data in members.items() if name != "manifest.json"}
    manifest["members"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in rest.items()
    }
    if change is not None:
        change(manifest)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in rest.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(manifest))
        for info, data in more or []:
            archive.writestr(info, data)
