"""Reads the files that importers are given: plain or gzipped, with one sentence for each trouble."""

import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from secondtake.runner.errors import UsageError
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.narrow import is_list, is_object

GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file of recorded runs, read whole."""

    path: Path
    stem: str
    """The file's name without `.json` and `.gz`."""
    sha256: str
    """Of the unzipped bytes, so a file and its gzip are the same source."""
    records: list[Any]
    """What the format calls a run, one item each; JSON by the rules of `jsonable`."""


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, unzipped when they are gzip.

    Raises:
        UsageError: there is no such file, it cannot be read, it is empty or broken.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name the files in it, e.g. {path}/*.json")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}; check the path.") from error
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}; check its permissions.") from error
    if data.startswith(GZIP_MAGIC):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise UsageError(f"{path} is broken gzip ({error}); fetch it again.") from error
    if not data.strip():
        raise UsageError(f"{path} is empty; fetch or write it again.")
    return data


def parse_json(path: Path, data: bytes) -> Any:
    """Return the JSON value that a whole file holds, by the rules of `jsonable`.

    Raises:
        UsageError: it is not JSON.
    """
    try:
        return to_json_value(json.loads(data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; name a JSON file.") from error
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{path}:{error.lineno}:{error.colno}: not JSON ({error.msg}); "
            "was the file cut off? Fetch or write it again."
        ) from error
    except RecursionError as error:
        raise UsageError(f"{path} is nested too deeply to be a recording.") from error


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def stem_of(path: Path) -> str:
    """Return the file's name without `.json` and `.gz`, as its writer gave it."""
    return path.name.removesuffix(".gz").removesuffix(".json")


def shape_of(value: Any) -> str:
    """Say in a few words what a JSON value is, for an error's text."""
    if is_object(value):
        keys = ", ".join(sorted(value)[:5])
        return f"an object with the keys {keys}" if keys else "an empty object"
    if is_list(value):
        return f"a list of {len(value)} items" if value else "an empty list"
    return f"the value {str(value)[:40]!r}"
