"""The frame of all importers: read, check, give ids, skip what is there, write, report.

A format is an `Importer`: how to read a file into records, what is wrong with a record, and how a
record becomes the events of a run. Everything else is here and the same for all.

A run's id is a hash of the format and the record, so importing twice changes nothing, whatever the
file is called. Identical records in one file are numbered. Nothing but the name of its file tells
two empty records apart, so there the name counts as well.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import Field

from secondtake.backend.importers.builder import RunBuilder
from secondtake.backend.importers.files import SourceFile
from secondtake.backend.models.base import Model
from secondtake.runner.errors import SecondTakeError
from secondtake.runner.events import TABLES, BaseEvent
from secondtake.runner.hashing import derived_uuid, value_hash
from secondtake.runner.home import store_key
from secondtake.runner.settings import Settings
from secondtake.runner.sink import Sink


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a record comes from."""

    file: SourceFile
    index: int
    """Its place in the file, from 0."""


@dataclass(frozen=True, kw_only=True)
class Importer:
    """One format of recorded runs."""

    format: str
    """As it is named on the command line; the runs' source is `import:<format>`."""
    help: str
    """What is read, in one line."""
    read_file: Callable[[Path], SourceFile]
    """Read a file, or raise UsageError when it is not of this format."""
    problem_of: Callable[[Any], str | None]
    """Say why a record cannot be taken; None when it can."""
    is_empty: Callable[[Any], bool]
    """Tell whether nothing was said in a record."""
    build: Callable[[Any, Origin, RunBuilder], None]
    """Add the events of a record to the builder."""

    @property
    def source(self) -> str:
        """What the column `runs.source` holds."""
        return f"import:{self.format}"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A record that can be taken, and the id that its run has."""

    run_id: UUID
    record: Any
    origin: Origin


class SkippedRecord(Model):
    """A record that was not taken."""

    file: str
    index: int
    """Its place in the file, from 0."""
    reason: str


class ImportReport(Model):
    """What an import did."""

    format: str
    files: list[str]
    dry_run: bool = False
    """True: nothing was written; the figures are what an import would do."""
    runs_imported: int = 0
    runs_already_there: int = 0
    skipped: list[SkippedRecord] = Field(default_factory=list[SkippedRecord])
    rows: dict[str, int] = Field(default_factory=dict[str, int])
    """Rows that were written, by table."""


KnownRuns = Callable[[Sequence[UUID]], Collection[UUID]]
"""Given run ids, those that the store holds whole."""

Progress = Callable[[int, int], None]
"""Is told how many records are done, and of how many."""


def import_files(
    importer: Importer,
    paths: Sequence[Path],
    *,
    settings: Settings,
    known_runs: KnownRuns,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Write the runs of all files into journal segments, for the loader to load.

    With `dry_run` all is done but the writing.

    All files are read and checked before the first run is written. Each run is written in one
    piece; what an interrupted import has not written, the same import writes the next time.

    Raises:
        UsageError: a file is missing, broken or of another shape; nothing was written.
        SecondTakeError: the disk refuses; the runs before are kept.
    """
    total = sum(len(importer.read_file(path).records) for path in paths)
    done = imported = there = 0
    skipped: list[SkippedRecord] = []
    rows: Counter[str] = Counter()
    seen: set[UUID] = set()
    sink = _open_sink(settings)
    with sink.writer:
        for path in paths:
            taken, problems = candidates(importer, importer.read_file(path))
            skipped += problems
            done += len(problems)
            known = set(known_runs([item.run_id for item in taken]))
            for item in taken:
                if item.run_id in known or item.run_id in seen:
                    there += 1
                else:
                    seen.add(item.run_id)
                    events = run_events(importer, item, sink=sink)
                    if not dry_run:
                        _write(sink, events, imported)
                    rows.update(_rows(events))
                    imported += 1
                done += 1
                if progress is not None:
                    progress(done, total)
    return ImportReport(
        format=importer.format,
        files=[str(path) for path in paths],
        dry_run=dry_run,
        runs_imported=imported,
        runs_already_there=there,
        skipped=skipped,
        rows=dict(sorted(rows.items())),
    )


def candidates(importer: Importer, file: SourceFile) -> tuple[list[Candidate], list[SkippedRecord]]:
    """Give each record of a file its run id; return what can be taken, and what cannot and why."""
    taken: list[Candidate] = []
    skipped: list[SkippedRecord] = []
    copies: Counter[str] = Counter()
    for index, record in enumerate(file.records):
        problem = importer.problem_of(record)
        if problem is not None:
            skipped.append(SkippedRecord(file=str(file.path), index=index, reason=problem))
            continue
        identity = value_hash(record)
        parts = [importer.format, identity, copies[identity]]
        copies[identity] += 1
        if importer.is_empty(record):
            parts.append(file.stem)
        origin = Origin(file=file, index=index)
        taken.append(Candidate(run_id=derived_uuid(*parts), record=record, origin=origin))
    return taken, skipped


def run_events(importer: Importer, item: Candidate, *, sink: Sink) -> list[BaseEvent]:
    """Return the events of one record, `run_started` first and `run_finished` last."""
    builder = RunBuilder(item.run_id, sink=sink, writer_id=sink.writer.writer_id)
    builder.learn(item.record)
    importer.build(item.record, item.origin, builder)
    return builder.events


def _open_sink(settings: Settings) -> Sink:
    try:
        store_key(settings.home)  # recording goes on without a home; an import must not
    except OSError as error:
        raise SecondTakeError(
            f"Cannot write to {settings.home}: {error.strerror}. Mend its permissions, or name "
            "another home with SECONDTAKE_HOME."
        ) from error
    return Sink(settings)


def _write(sink: Sink, events: Sequence[BaseEvent], imported: int) -> None:
    try:
        sink.write(*events)
    except OSError as error:
        raise SecondTakeError(
            f"The disk refuses ({error.strerror}) after {imported} imported runs. Free some space "
            "and run the same command again; nothing is imported twice."
        ) from error


def _rows(events: Sequence[BaseEvent]) -> Iterator[str]:
    """Name the table of each row that `events` become; a run is one row."""
    for event in events:
        kind: str = getattr(event, "kind")  # noqa: B009 - of the subclasses
        if kind != "run_finished":
            yield TABLES[kind]
