"""Reads the log files of Inspect AI: JSON, or a zip file with a member for each sample.

In both forms a record is `{log, sample}`: what the log says of all samples, and one of them.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from secondtake.backend.dialects.attributes import count_of
from secondtake.backend.formats import counted
from secondtake.backend.importers.files import SourceFile, parse_json, read_bytes, sha256_of
from secondtake.backend.importers.recognising import found_instead
from secondtake.backend.zip_members import check_kind, check_name, is_too_dense
from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object

MEMBERS_MAX: Final = 500_000
TOTAL_BYTES_MAX: Final = 1 << 30
"""Of all members when they are inflated; a log is read as a whole, into some five times as much."""

_ZIP: Final = b"PK"
_ZSTANDARD: Final = 93
_HEADER: Final = "header.json"
_JOURNAL: Final = "_journal/start.json"
_SAMPLES: Final = "samples/"
_NOT_OF_ALL: Final = ("samples", "reductions")
"""Parts of a log that are of single samples."""
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
    OverflowError,
)  # fmt: skip
"""What `zipfile` raises about bytes that it cannot read."""


def read_file(path: Path) -> SourceFile:
    """Read a log of Inspect AI, `.json` or `.eval`, also gzipped.

    Raises:
        UsageError: it is missing, broken, hostile, no log of Inspect AI, or one without samples.
    """
    data = read_bytes(path)
    log, samples = _read_zip(path, data) if data.startswith(_ZIP) else _read_json(path, data)
    if not samples:
        raise UsageError(
            f"{path} is a log without samples, so there is nothing to import; was it written with "
            "log_samples off, or stopped before the first sample was done?"
        )
    stem = path.name.removesuffix(".gz").removesuffix(".json").removesuffix(".eval")
    records: list[Any] = [{"log": log, "sample": sample} for sample in samples]
    return SourceFile(path=path, stem=stem, sha256=sha256_of(data), records=records)


def _read_json(path: Path, data: bytes) -> tuple[Mapping[str, Any], list[Any]]:
    value = parse_json(path, data)
    if not is_object(value) or not is_object(value.get("eval")):
        raise UsageError(
            f"{path} is no log of Inspect AI: it holds {found_instead(value, asked='inspect')}. "
            "A log is an object with eval, status and samples, or an .eval file."
        )
    samples: Any = value.get("samples")
    log = {key: item for key, item in value.items() if key not in _NOT_OF_ALL}
    return log, samples if is_list(samples) else []


def _read_zip(path: Path, data: bytes) -> tuple[Mapping[str, Any], list[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check(path, archive)
            log = _header(path, archive)
            names = {name for name in archive.namelist() if _is_sample(name)}
            # A sample that was written again is there twice, and the last one holds.
            samples = [_member(path, archive, name) for name in sorted(names)]
    except _BROKEN as error:
        raise UsageError(
            f"{path} is a broken zip file ({error}); fetch it again, or recover it with "
            "`inspect log recover`."
        ) from error
    return log, sorted(samples, key=_place)


def _check(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse a zip file that may be made to harm, before anything in it is inflated."""
    members = archive.infolist()
    try:
        if len(members) > MEMBERS_MAX:
            raise UsageError(
                f"it has {len(members):,} members and at most {MEMBERS_MAX:,} are read"
            )
        for member in members:
            check_name(member)
            if member.compress_type == _ZSTANDARD:
                raise UsageError(
                    "it is compressed with Zstandard; write it again with `inspect log convert` "
                    "and without INSPECT_USE_ZSTD"
                )
            check_kind(member, archives="logs of Inspect AI")
            if is_too_dense(member.file_size, member.compress_size):
                raise UsageError(
                    f"the member {member.filename} would become {member.file_size:,} bytes from "
                    f"{member.compress_size:,}; that is no log"
                )
        total = sum(member.file_size for member in members)
        if total > TOTAL_BYTES_MAX:
            raise UsageError(
                f"its members would be {counted(total, 'byte')} and at most {TOTAL_BYTES_MAX:,} "
                "are read; split the log with `inspect log convert`"
            )
    except UsageError as error:
        raise UsageError(f"{path} is refused: {error.message}.") from None


def _header(path: Path, archive: zipfile.ZipFile) -> Mapping[str, Any]:
    """Return what the log says of all samples; of one that was killed, what it began with."""
    names = set(archive.namelist())
    name = next((name for name in (_HEADER, _JOURNAL) if name in names), None)
    header = _member(path, archive, name) if name is not None else None
    if not is_object(header) or not is_object(header.get("eval")):
        raise UsageError(
            f"{path} is no log of Inspect AI: it is a zip file without {_HEADER}. "
            "Name an .eval or .json file that Inspect wrote."
        )
    log = {key: item for key, item in header.items() if key not in _NOT_OF_ALL}
    return log if name == _HEADER else {"status": "started", **log}


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> Any:
    return parse_json(path / name, b"".join(_inflated(archive, name)))


def _inflated(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield a member piece by piece. `zipfile` gives no more than the directory says there is."""
    with archive.open(name) as member:
        while chunk := member.read(1 << 20):
            yield chunk


def _is_sample(name: str) -> bool:
    return name.startswith(_SAMPLES) and name.endswith(".json")


def _place(sample: Any) -> tuple[int, bool, int, str]:
    """Return what samples are ordered by: epoch, then id, numbers before texts."""
    if not is_object(sample):
        return (0, True, 0, "")
    number = count_of(sample.get("id"))
    return (count_of(sample.get("epoch")) or 0, number is None, number or 0, str(sample.get("id")))
