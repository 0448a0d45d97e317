"""The tool `write_file`: the one file tool that changes something."""

import os
import stat
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from secondtake.runner.errors import ToolError
from secondtake.runner.tools.files import FileTools

MAX_WRITTEN_CHARACTERS: Final = 1_000_000
_FLAGS: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileWriter:
    """Writes below the root of the file tools, by their rules: no links, no hidden files."""

    def __init__(self, files: FileTools) -> None:
        self._files = files

    def write_file(
        self,
        path: str,
        content: Annotated[str, Field(max_length=MAX_WRITTEN_CHARACTERS)],
        mode: Literal["create", "overwrite", "append"] = "create",
    ) -> dict[str, Any]:
        """Write a text file; the folder must be there.

        Args:
            path: The file, relative to the root of the files.
            content: The text to write.
            mode: create refuses a file that is there; overwrite replaces it, append adds to it.
        """
        target = Path(path)
        if target.name in ("", ".", "..") or target.name.startswith(".") or "\0" in path:
            raise ToolError(f"{path!r} is not a name for a file that can be written.")
        folder = self._files.resolve(str(target.parent))
        if not folder.is_dir():
            raise ToolError(f"{str(target.parent)!r} is not a folder.")
        data = content.encode("utf-8", errors="replace")
        if mode == "append":
            _append(folder / target.name, data, path)
        else:
            _put(folder, target.name, data, path, replaces=mode == "overwrite")
        return {"path": path, "written_bytes": len(data)}


def _put(folder: Path, name: str, data: bytes, path: str, *, replaces: bool) -> None:
    """Write beside the file and put it in its place, so that nobody sees half of it."""
    target = folder / name
    beside = folder / f".{name[:200]}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        if replaces:
            _refuse_what_is_no_file(target, path)
        _write(beside, data, os.O_CREAT | os.O_EXCL)
        if replaces:
            beside.replace(target)
        else:
            os.link(beside, target)  # fails where something is, a link too
    except FileExistsError:
        raise ToolError(
            f"{path!r} is there already; use the mode overwrite or append, or another name."
        ) from None
    except OSError as error:
        raise ToolError(f"Cannot write {path!r}: {error.strerror}.") from None
    finally:
        beside.unlink(missing_ok=True)


def _append(target: Path, data: bytes, path: str) -> None:
    try:
        _refuse_what_is_no_file(target, path)
        _write(target, data, os.O_CREAT | os.O_APPEND)
    except OSError as error:
        raise ToolError(f"Cannot write {path!r}: {error.strerror}.") from None


def _refuse_what_is_no_file(target: Path, path: str) -> None:
    if os.path.lexists(target) and not stat.S_ISREG(target.lstat().st_mode):
        raise ToolError(f"{path!r} is not a regular file.")


def _write(path: Path, data: bytes, flags: int) -> None:
    descriptor = os.open(path, _FLAGS | flags, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
