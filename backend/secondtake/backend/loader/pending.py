"""Loads every segment that waits in the journal, each exactly once.

A batch of segments becomes rows in one transaction that also holds their names; then the files
go. A process that is killed between the two leaves files whose names the store knows: the next
load removes them and loads nothing twice.
"""

import shutil
import socket
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from duckdb import DuckDBPyConnection

from secondtake.backend.loader.parts import LeftAlone, Part, Workplace, look_at, read_line_by_line
from secondtake.backend.loader.quiet import segments_in, state_of
from secondtake.backend.store.columns import EventColumns, event_columns
from secondtake.backend.store.loading import Loaded, load_staged
from secondtake.backend.store.segment_log import loaded_among, mark_interrupted_runs
from secondtake.backend.store.staging import StageRefused, cannot_load, describe_pieces, stage
from secondtake.runner.home import journal_folder, store_key
from secondtake.runner.redaction import Redactor
from secondtake.runner.segments import (
    SEALED_SUFFIX,
    live_writers,
    take_over,
    writer_of,
)

BATCH_BYTES: Final = 32 << 20
BATCH_SEGMENTS: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What a load did. `lines = rows + rejected + duplicates`."""

    segments: int
    lines: int
    rows: int
    """Events that became a row or completed one."""
    rejected: int
    """Lines that are in `<home>/rejected` now."""
    duplicates: int
    torn_bytes: int
    """Of last lines that a killed writer never finished and nobody was told were written."""
    interrupted_runs: int
    """Runs whose writer is gone without an end."""
    problems: tuple[str, ...]
    """One sentence for each file in the journal that is not as it should be."""


@dataclass(kw_only=True)
class _Progress:
    segments: int = 0
    torn_bytes: int = 0
    loaded: list[Loaded] = field(default_factory=list[Loaded])
    problems: list[str] = field(default_factory=list[str])


def load_pending(
    con: DuckDBPyConnection,
    home: Path,
    *,
    redact: Callable[[str], str] | None = None,
    batch_bytes: int = BATCH_BYTES,
    batch_segments: int = BATCH_SEGMENTS,
) -> LoadReport:
    """Load the sealed segments of `home`, and the open ones whose writers are gone.

    Args:
        con: the store, from `open_store`, outside a transaction.
        home: the home folder.
        redact: takes the secrets out of rejected lines; the default knows the usual forms.
        batch_bytes: how much goes into one transaction; a segment is never split.
        batch_segments: how many segments go into one transaction.

    Raises:
        StoreError: the database or the disk refuses; what is not loaded waits in the journal.
    """
    journal = journal_folder(home)
    progress = _Progress()
    state = state_of(home)
    with state.lock, _explained_disk_errors():
        names = segments_in(journal)
        if state.is_quiet(names, journal):
            return _report(progress, interrupted=0)
        state.settled = None
        if journal.is_dir():
            torn = {taken.path.name: taken.torn_bytes for taken in take_over(journal)}
            waiting = _remove_loaded(con, _sealed_files(journal), progress)
            if waiting:
                with _workplace(home, redact) as workplace:
                    parts = _parts(waiting, workplace, torn, progress)
                    stager = _Stager(con, event_columns(con), workplace.folder)
                    for batch in _batches(parts, batch_bytes, batch_segments):
                        _load_batch(stager, batch, workplace, progress)
        interrupted = mark_interrupted_runs(
            con,
            host=socket.gethostname(),
            live=live_writers(journal),
            pending={writer_of(Path(name)) for name in segments_in(journal)},  # after the living
        )
        state.note(names, is_settled=not interrupted and not progress.problems)
    return _report(progress, interrupted=interrupted)


def _report(progress: _Progress, *, interrupted: int) -> LoadReport:
    return LoadReport(
        segments=progress.segments,
        lines=sum(loaded.lines for loaded in progress.loaded),
        rows=sum(loaded.rows for loaded in progress.loaded),
        rejected=sum(loaded.rejected for loaded in progress.loaded),
        duplicates=sum(loaded.duplicates for loaded in progress.loaded),
        torn_bytes=progress.torn_bytes,
        interrupted_runs=interrupted,
        problems=tuple(progress.problems),
    )


def _sealed_files(journal: Path) -> list[Path]:
    """Return the sealed segments, oldest first: of two equal facts the first is kept."""
    aged: list[tuple[int, str, Path]] = []
    for path in journal.glob("*" + SEALED_SUFFIX):
        try:
            aged.append((path.lstat().st_mtime_ns, path.name, path))
        except FileNotFoundError:
            continue
    return [path for _, _, path in sorted(aged)]


def _remove_loaded(con: DuckDBPyConnection, files: list[Path], progress: _Progress) -> list[Path]:
    """Remove the files whose rows are stored; return the others."""
    loaded = loaded_among(con, [path.stem for path in files])
    for path in files:
        if path.stem in loaded:
            _remove(path, progress)
    return [path for path in files if path.stem not in loaded]


def _remove(path: Path, progress: _Progress) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        progress.problems.append(f"{path}: it is loaded but cannot be removed: {error.strerror}")


@contextmanager
def _workplace(home: Path, redact: Callable[[str], str] | None) -> Generator[Workplace]:
    key = store_key(home)
    folder = home / "loading"
    shutil.rmtree(folder, ignore_errors=True)  # what a killed load left
    folder.mkdir(mode=0o700)
    try:
        yield Workplace(home=home, key=key, folder=folder, redact=redact or Redactor(key).text)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _explained_disk_errors() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_load(error) from error


def _parts(
    files: Iterable[Path], workplace: Workplace, torn: dict[str, int], progress: _Progress
) -> Iterator[Part]:
    for path in files:
        try:
            part = look_at(path, workplace, torn_bytes=torn.get(path.name, 0))
        except FileNotFoundError:
            continue
        except LeftAlone as error:
            progress.problems.append(f"{path}: {error}")
            continue
        if part.problem:
            progress.problems.append(f"{path}: {part.problem}")
        yield part


def _batches(parts: Iterable[Part], most_bytes: int, most: int) -> Iterator[list[Part]]:
    batch: list[Part] = []
    size = 0
    for part in parts:
        if batch and (size + part.staged_bytes > most_bytes or len(batch) >= most):
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += part.staged_bytes
    if batch:
        yield batch


def _load_batch(
    stager: "_Stager", batch: list[Part], workplace: Workplace, progress: _Progress
) -> None:
    try:
        present = stager.stage(batch)
    except StageRefused:
        batch = [_mended(stager, part, workplace) for part in batch]
        present = stager.stage(batch)
    describe_pieces(stager.con, [part.piece for part in batch])
    progress.loaded.append(load_staged(stager.con, stager.columns, present))
    progress.segments += len(batch)
    progress.torn_bytes += sum(part.piece.torn_bytes for part in batch)
    for part in batch:
        _remove(part.source, progress)
        if part.staged and not part.trusted:
            part.staged.unlink(missing_ok=True)


def _mended(stager: "_Stager", part: Part, workplace: Workplace) -> Part:
    """Return the part as something that can be staged, its bad lines rejected."""
    if not stager.refuses(part):
        return part
    if part.trusted:
        part = read_line_by_line(part, workplace)
        if not stager.refuses(part):
            return part
    assert part.staged is not None
    lines = part.staged.read_bytes().splitlines(keepends=True)
    refused = stager.refused_lines(lines)
    numbered = {part.line_numbers[place]: reason for place, reason in refused.items()}
    return read_line_by_line(part, workplace, numbered)


@dataclass(frozen=True)
class _Stager:
    """Stages parts, with `folder` for scratch files."""

    con: DuckDBPyConnection
    columns: EventColumns
    folder: Path

    def stage(self, batch: list[Part]) -> Counter[str]:
        """Stage a batch as one file: DuckDB takes many buffers for many small ones."""
        parts = [part for part in batch if part.staged is not None]
        longest = max((part.longest_line_bytes for part in parts), default=0)
        joined: Path | None = None
        if len(parts) > 1:
            joined = self.folder / "batch"
            with joined.open("wb") as whole:
                for part in parts:
                    assert part.staged is not None
                    with part.staged.open("rb") as file:
                        shutil.copyfileobj(file, whole, 1 << 20)
        path = joined or (parts[0].staged if parts else None)
        try:
            present = stage(self.con, self.columns, path, longest_line_bytes=longest)
        finally:
            if joined:
                joined.unlink(missing_ok=True)
        expected = sum(part.piece.event_count for part in parts)
        if present.total() != expected:
            raise StageRefused(f"{present.total()} events were read of {expected} lines")
        return present

    def refuses(self, part: Part) -> bool:
        """Say whether this part is what cannot be staged."""
        try:
            self.stage([part])
        except StageRefused:
            return True
        return False

    def refused_lines(self, lines: list[bytes], offset: int = 0) -> dict[int, str]:
        """Return which of the lines DuckDB refuses, by place, with its reason."""
        scratch = self.folder / "bisect"
        scratch.write_bytes(b"".join(lines))
        try:
            stage(self.con, self.columns, scratch, longest_line_bytes=max(map(len, lines)))
        except StageRefused as error:
            if len(lines) == 1:
                return {offset: f"DuckDB refuses it: {error}"}
            middle = len(lines) // 2
            return {
                **self.refused_lines(lines[:middle], offset),
                **self.refused_lines(lines[middle:], offset + middle),
            }
        return {}
