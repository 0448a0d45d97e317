"""Writes a page to a file: whole, or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from secondtake.runner.errors import UsageError


def write_page(path: Path, page: str) -> None:
    """Write a page; who reads the file meanwhile sees the old or the new one.

    Raises:
        UsageError: there is something else of that name, or it cannot be written.
    """
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no regular file"
        raise UsageError(f"{path} is {what}; name a file, such as diff.html.")
    try:
        _replace(path, page)
    except OSError as error:
        cause = error.strerror or type(error).__name__
        raise UsageError(f"{path} cannot be written ({cause}); name another file.") from error


def _replace(path: Path, page: str) -> None:
    # A link keeps leading to its file.
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(
        prefix=f".{path.name[:50]}-", suffix=".part", dir=path.parent
    )
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode_of(path))
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _mode_of(path: Path) -> int:
    """Return the permissions that the file has, or that a new one would get."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
