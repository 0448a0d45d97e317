"""What the pool and its workers say to each other: one JSON object a line, on pipes of their own.

To a worker, on its standard input: first `{"settings": {name: value}}`, then for each run
`{"run_id": id, "request": {...}}`, for a replay `{"run_id": id, "replay": {...}}`; the end of the pipe means that it shall end too.

From a worker, on the descriptor that its command line names: `{"said": ..., "run_id": id}`.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal, cast, get_args
from uuid import UUID

from secondtake.runner.narrow import is_object
from secondtake.runner.settings import OPTIONS, Settings, load_settings

UP_VARIABLE: Final = "SECONDTAKE_UP_DESCRIPTOR"
"""Names a pipe whose other end `secondtake up` holds: its end means that all shall end."""

Said = Literal["ready", "started", "waiting", "going_on", "finished", "refused"]
"""`ready`: has imported everything and executes nothing. `started`: the run has its first row.
`waiting` and `going_on`: for a person's answer, and no more. `refused`: there is no run; why."""

SAID: Final = frozenset(get_args(Said))


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a worker said."""

    said: Said
    run_id: UUID | None = None
    reason: str | None = None
    """Of a refusal."""
    is_last: bool = False
    """The worker ends now and takes no further run."""


def encode(message: Mapping[str, Any]) -> bytes:
    """Return a message as a line."""
    return json.dumps(message).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return the message of a line.

    Raises:
        ValueError: it holds none.
    """
    message = json.loads(line)
    if not is_object(message):
        raise ValueError(f"{line[:80]!r} is no message")
    return message


def settings_message(settings: Settings) -> bytes:
    """Return the line that gives a worker the very settings of the server."""
    values = {option.name: _plain(getattr(settings, option.name)) for option in OPTIONS}
    return encode({"settings": values})


def read_settings(line: bytes) -> Settings:
    """Return the settings that a worker was given."""
    return load_settings(decode(line)["settings"])


def write_notice(descriptor: int, notice: Notice) -> None:
    """Say something; nobody may be there to hear it."""
    message: dict[str, Any] = {"said": notice.said}
    if notice.run_id is not None:
        message["run_id"] = str(notice.run_id)
    if notice.reason is not None:
        message["reason"] = notice.reason
    if notice.is_last:
        message["is_last"] = True
    line = memoryview(encode(message))
    try:
        while line:
            line = line[os.write(descriptor, line) :]
    except OSError:  # the server is gone: what it would hear is in the journal
        return


def read_notice(file: BinaryIO) -> Notice | None:
    """Return what the worker says next, None when it says no more."""
    line = file.readline()
    if not line.endswith(b"\n"):
        return None
    message = decode(line)
    run_id = message.get("run_id")
    assert message["said"] in SAID
    return Notice(
        said=message["said"],
        run_id=UUID(run_id) if run_id else None,
        reason=message.get("reason"),
        is_last=bool(message.get("is_last")),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [str(item) for item in cast("tuple[Any, ...]", value)]
    return value if isinstance(value, str | int | bool) else str(value)
