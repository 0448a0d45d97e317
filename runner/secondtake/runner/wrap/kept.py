"""The commands that `wrap` ran, kept on this machine so that a replay can run one again.

`<home>/wrapped/<run id>.json`, for its owner's eyes only: arguments, folder and time, no value of
the environment. It is no part of the recording: what a recording brings is never executed.
"""

import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.redaction import Redactor
from secondtake.runner.wrap.dialects import Api

FORMAT: Final = "secondtake.wrapped"
OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, kw_only=True)
class KeptCommand:
    """A command that was wrapped on this machine."""

    run_id: str
    argv: list[str]
    """With placeholders in the place of secrets."""
    complete: bool
    """False when secrets were taken out: then it cannot be run again as it is."""
    cwd: str
    started_at: str
    upstream_openai: str | None = None
    """As the option said; None when the environment or the default did."""
    upstream_anthropic: str | None = None


def wrapped_folder(home: Path) -> Path:
    """Return where commands are kept."""
    return home / "wrapped"


def kept_path(home: Path, run_id: UUID) -> Path:
    """Return where the command of a run is kept."""
    return wrapped_folder(home) / f"{run_id}.json"


def keep_command(
    home: Path,
    run_id: UUID,
    argv: Sequence[str],
    *,
    cwd: Path,
    started_at: datetime,
    redactor: Redactor,
    upstreams: Mapping[Api, str | None],
) -> None:
    """Keep a command.

    Raises:
        OSError: the folder cannot be written.
    """
    clean: list[str] = redactor.value(list(argv))
    urls = {name: redactor.text(url) if url else None for name, url in upstreams.items()}
    command = KeptCommand(
        run_id=str(run_id),
        argv=clean,
        complete=clean == list(argv) and urls == dict(upstreams),
        cwd=str(cwd),
        started_at=started_at.isoformat(),
        upstream_openai=urls.get("openai"),
        upstream_anthropic=urls.get("anthropic"),
    )
    path = kept_path(home, run_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps({"format": FORMAT, "version": 1, **asdict(command)}))
    temporary.replace(path)


def read_command(home: Path, run_id: UUID) -> KeptCommand:
    """Return the command of a run.

    Raises:
        UsageError: it was not wrapped here, or somebody else may have written the file.
    """
    path = kept_path(home, run_id)
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read()
    except OSError:
        raise UsageError(
            f"No command is kept for run {run_id}: it was not recorded by `secondtake wrap` with "
            "this home; start the program yourself."
        ) from None
    if status.st_uid != os.getuid() or status.st_mode & OTHERS_MAY_WRITE:
        raise UsageError(f"{path} may have been written by somebody else; it is not executed.")
    try:
        return _read(data)
    except (ValueError, TypeError):
        raise UsageError(f"{path} cannot be read as a kept command; remove it.") from None


def _read(data: bytes) -> KeptCommand:
    value: Any = orjson.loads(data)
    if not is_object(value) or value.pop("format", None) != FORMAT or value.pop("version", 0) != 1:
        raise ValueError("another format")
    if not is_list(value.get("argv")) or not all(isinstance(a, str) for a in value["argv"]):
        raise ValueError("no arguments")
    return KeptCommand(**value)
