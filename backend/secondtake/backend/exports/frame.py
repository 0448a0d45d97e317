"""The frame of all exports: ask for the runs, let the format write them, report.

A format is an `Exporter`. It is given the runs one at a time, and keeps none: an export of any
size takes the memory of its largest run. The runs come from a backend, so an export works beside a
running server.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import Field

from secondtake.backend.exports.target import check_target
from secondtake.backend.models.base import Model
from secondtake.backend.models.exports import ExportedRun, ExportQuery, ExportTable

Progress = Callable[[int, int], None]
"""Is told how many runs are done, and of how many."""


class Source(Protocol):
    """What is asked of the backend that has the runs."""

    def export_runs(self, query: ExportQuery) -> Iterator[ExportedRun]:
        """Yield the runs that fit, each as one line of JSON."""
        ...


class Writer(Protocol):
    """Writes the runs of one export."""

    def add(self, line: str) -> None:
        """Write one run."""
        ...

    def written(self) -> "Written":
        """Return what has been written; is asked after the last run."""
        ...


class Written(Model):
    """What a format made of the runs."""

    items: int
    """Lines, or rows."""
    left_out: dict[str, int] = Field(default_factory=dict[str, int])
    """What was not written: why, and how often."""


class ExportReport(Written):
    """What an export did."""

    format: str
    path: str
    runs: int


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """One format that runs are exported in."""

    format: str
    """As it is named on the command line."""
    help: str
    """What is written, in one line."""
    item: str
    """What `Written.items` counts, as one says it of one."""
    is_folder: bool
    tables: tuple[ExportTable, ...]
    """What it needs of a run; empty for everything."""
    open: Callable[[Path, bool], AbstractContextManager[Writer]]
    """Begin to write; is given the target and whether to replace it. The target takes its name
    when the block is done, and never where the block is left by an error."""


def export_to(
    source: Source,
    query: ExportQuery,
    exporter: Exporter,
    target: Path,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Write the runs that fit.

    Args:
        source: a backend.
        query: which runs; its `tables` are those that the format needs.
        exporter: the format.
        target: the file or folder to make.
        force: whether one that is there is replaced.
        progress: is told how far it is.

    Raises:
        UsageError: the target cannot be made.
        SecondTakeError: the backend cannot give the runs; nothing was made.
    """
    check_target(target, force=force, is_folder=exporter.is_folder)
    done = 0
    with exporter.open(target, force) as writer:
        for run in source.export_runs(query.model_copy(update={"tables": exporter.tables})):
            writer.add(run.text)
            done += 1
            if progress is not None:
                progress(done, run.total)
        written = writer.written()
    return ExportReport(format=exporter.format, path=str(target), runs=done, **written.model_dump())
