"""What importers make of a file, as events."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from secondtake.backend.importers.frame import Importer, candidates, run_events
from secondtake.runner.events import BaseEvent
from secondtake.runner.settings import Settings, load_settings
from secondtake.runner.sink import Sink

E = TypeVar("E", bound=BaseEvent)


def events_of(
    importer: Importer, path: Path, settings: Settings | None = None
) -> list[list[BaseEvent]]:
    """Return the events of each run in a file."""
    sink = Sink(settings if settings is not None else load_settings())
    taken, skipped = candidates(importer, importer.read_file(path))
    assert not skipped
    return [run_events(importer, item, sink=sink) for item in taken]


def of_kind(made: Sequence[BaseEvent], kind: type[E]) -> list[E]:
    """Return the events of one kind."""
    return [event for event in made if isinstance(event, kind)]


def written(folder: Path, value: Any, name: str) -> Path:
    """Write a value as a JSON file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
