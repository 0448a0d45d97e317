"""The file or folder that an export makes: it takes its name when it is complete.

Until then it lies beside, under a hidden name. Whatever interrupts the export, that is taken away
again, and what had the name before still has it.
"""

import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from secondtake.backend.formats import one_line
from secondtake.runner.errors import UsageError


def check_target(target: Path, *, force: bool, is_folder: bool) -> None:
    """Find out before any work what can be found out.

    Raises:
        UsageError: the target cannot be made, or is there already.
    """
    shown = one_line(str(target))
    if "\0" in str(target):
        raise UsageError(f"{shown} is no name of a file.")
    try:
        is_there = os.path.lexists(target)
        if is_there and not force:
            raise UsageError(f"{shown} is there already; name another one or add --force.")
        if is_there and target.is_dir() != is_folder:
            wanted, found = ("folder", "file") if is_folder else ("file", "folder")
            raise UsageError(f"{shown} is a {found}, and a {wanted} is to be made; name another.")
        if is_folder and is_there:
            _check_replaceable(target)
        if not target.absolute().parent.is_dir():
            raise UsageError(f"There is no folder {one_line(str(target.parent))} to write into.")
    except OSError as error:
        raise cannot_write(target, error) from error


@contextmanager
def new_file(target: Path, *, force: bool) -> Generator[BinaryIO]:
    """Yield a file that takes the name of `target` when the block is done.

    Raises:
        UsageError: the disk refuses, or something has taken the name meanwhile.
    """
    hidden = _hidden(target)
    try:
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _check_still_free(target, force=force)
        hidden.replace(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        with suppress(OSError):
            hidden.unlink()


@contextmanager
def new_folder(target: Path, *, force: bool) -> Generator[Path]:
    """Yield an empty folder that takes the name of `target` when the block is done.

    Raises:
        UsageError: the disk refuses, or something has taken the name meanwhile.
    """
    hidden = _hidden(target)
    try:
        hidden.mkdir(mode=0o700)
        yield hidden
        _check_still_free(target, force=force)
        if os.path.lexists(target):
            _check_replaceable(target)
            shutil.rmtree(target)
        hidden.rename(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def cannot_write(target: Path, error: OSError) -> UsageError:
    """Return what to tell when the disk refuses."""
    reason = error.strerror or type(error).__name__
    return UsageError(f"Cannot write {one_line(str(target))}: {reason}; name another one.")


def _hidden(target: Path) -> Path:
    return target.with_name(f".{secrets.token_hex(8)}.export")


def _check_still_free(target: Path, *, force: bool) -> None:
    if not force and os.path.lexists(target):
        raise UsageError(
            f"{one_line(str(target))} has come meanwhile; name another one or add --force."
        )


def _check_replaceable(folder: Path) -> None:
    """Refuse to replace a folder that is no export: it would take everything in it along."""
    if folder.is_symlink() or any(path.suffix != ".parquet" for path in folder.iterdir()):
        raise UsageError(
            f"{one_line(str(folder))} holds other files than tables of an export, and is not "
            "replaced; name another one."
        )
