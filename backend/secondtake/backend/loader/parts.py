"""What is in the journal: each sealed file looked at, and made into something that can be staged.

An intact segment is staged as it is. Any other is read line by line into a clean copy; what is bad
goes to `rejected/`.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from secondtake.backend.loader.lines import LineRejected, normalised
from secondtake.backend.loader.rejects import RejectsFile
from secondtake.backend.store.staging import Piece
from secondtake.runner.events import SCHEMA_VERSION
from secondtake.runner.home import rejected_folder
from secondtake.runner.segments import FORMAT, parse_object, verify, writer_of

HEADER_BYTES_MAX: Final = 1 << 16


class LeftAlone(Exception):
    """A file that cannot be loaded now and stays where it is; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One segment, ready to be staged."""

    source: Path
    """The file in the journal."""
    staged: Path | None
    """The file to stage: the source itself, or its clean copy. None when it has no events."""
    piece: Piece
    longest_line_bytes: int
    staged_bytes: int
    problem: str | None
    """What a person should know about it."""
    line_numbers: "array[int]" = field(default_factory=lambda: array("Q"))
    """Of a clean copy: where each of its lines was in the source."""

    @property
    def trusted(self) -> bool:
        """The source is staged as it is."""
        return self.staged == self.source


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Where parts are made."""

    home: Path
    key: bytes
    folder: Path
    """For clean copies; emptied before and after a load."""
    redact: Callable[[str], str]


def look_at(path: Path, workplace: Workplace, *, torn_bytes: int) -> Part:
    """Return the segment at `path` as a part.

    Raises:
        LeftAlone: it is no readable file, or a newer program wrote it.
        FileNotFoundError: it is gone.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    if not path.is_file():
        raise LeftAlone("it is not a file; move it out of the journal folder")
    try:
        verification = verify(path, workplace.key)
        header, problem = _read_header(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LeftAlone(f"it cannot be read: {error.strerror}") from error
    writer_id, host = header.get("writer_id"), header.get("host")
    piece = Piece(
        segment=path.stem,
        writer_id=writer_id if isinstance(writer_id, str) else writer_of(path),
        host=host if isinstance(host, str) else None,
        event_count=verification.event_lines,
        rejected_count=0,
        torn_bytes=torn_bytes,
    )
    part = Part(
        source=path,
        staged=path if verification.event_lines else None,
        piece=piece,
        longest_line_bytes=verification.longest_line_bytes,
        staged_bytes=path.stat().st_size,
        problem=problem,
    )
    if verification.intact and problem is None:
        return part
    return read_line_by_line(part, workplace)


def read_line_by_line(
    part: Part, workplace: Workplace, refused: Mapping[int, str] | None = None
) -> Part:
    """Return the part with a clean copy of its good lines; the bad ones are in `rejected/`.

    Args:
        part: the segment.
        workplace: where the copy goes.
        refused: lines, by their number, that DuckDB does not take, with its reason.
    """
    copy = workplace.folder / part.source.name
    numbers = array("Q")
    longest = 0
    folder = rejected_folder(workplace.home)
    with (
        RejectsFile(folder, part.source.name, workplace.redact) as rejects,
        copy.open("wb") as clean,
    ):
        for number, line in _event_lines(part.source):
            try:
                if refused and number in refused:
                    raise LineRejected(refused[number])
                event = normalised(line)
            except LineRejected as rejection:
                rejects.add(number, line, str(rejection))
                continue
            clean.write(event)
            numbers.append(number)
            longest = max(longest, len(event))
    return replace(
        part,
        staged=copy if numbers else None,
        piece=replace(part.piece, event_count=len(numbers), rejected_count=rejects.count),
        longest_line_bytes=longest,
        staged_bytes=copy.stat().st_size,
        line_numbers=numbers,
    )


def _read_header(path: Path) -> tuple[Mapping[str, object], str | None]:
    """Return the header, empty when there is none, and what is wrong with it.

    Raises:
        LeftAlone: a newer program wrote the segment.
    """
    with path.open("rb") as file:
        line = file.readline(HEADER_BYTES_MAX)
    if not line:
        return {}, "it is empty"
    header = parse_object(line)
    if header is None or header.get("kind") != "segment":
        return {}, "it has no header; its lines were read one by one"
    for name, ours in (("format", FORMAT), ("schema_version", SCHEMA_VERSION)):
        version = header.get(name)
        if type(version) is not int:
            return header, f"its header has no {name}; its lines were read one by one"
        if version > ours:
            raise LeftAlone(
                f"a newer Second Take wrote it ({name} {version}, this program knows {ours}); "
                "upgrade secondtake to load it"
            )
    return header, None


def _event_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines between header and seal with their numbers, counted from 1."""
    with path.open("rb") as file:
        previous: tuple[int, bytes] | None = None
        for number, line in enumerate(file, start=1):
            if number == 1 and _is_kind(line, "segment"):
                continue
            if previous is not None:
                yield previous
            previous = number, line
    if previous is not None and not _is_kind(previous[1], "seal"):
        yield previous


def _is_kind(line: bytes, kind: str) -> bool:
    fields = parse_object(line)
    return fields is not None and fields.get("kind") == kind
