"""Runs an importer over what a test wrote, as far as the events."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from secondtake.backend.importers.frame import Importer, SkippedRecord, candidates, run_events
from secondtake.runner.events import BaseEvent
from secondtake.runner.settings import load_settings
from secondtake.runner.sink import Sink

E = TypeVar("E", bound=BaseEvent)


def write_lines(folder: Path, values: Iterable[Any], name: str = "records.jsonl") -> Path:
    """Write one JSON value a line; a text that is no JSON is written as it is."""
    path = folder / name
    lines = (value if isinstance(value, str) else json.dumps(value) for value in values)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_json(folder: Path, value: Any, name: str = "records.json") -> Path:
    """Write one JSON value."""
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def imported(importer: Importer, path: Path) -> list[list[BaseEvent]]:
    """Return the events of each run in a file of which every record can be taken."""
    taken, skipped = _candidates(importer, path)
    assert not skipped
    return taken


def skipped_in(importer: Importer, path: Path) -> list[str]:
    """Return why records of a file are skipped."""
    return [record.reason for record in _candidates(importer, path)[1]]


def of_kind(made: list[BaseEvent], kind: type[E]) -> list[E]:
    """Return the events of one kind."""
    return [event for event in made if isinstance(event, kind)]


def _candidates(
    importer: Importer, path: Path
) -> tuple[list[list[BaseEvent]], list[SkippedRecord]]:
    sink = Sink(load_settings())
    taken, skipped = candidates(importer, importer.read_file(path))
    return [run_events(importer, item, sink=sink) for item in taken], skipped
