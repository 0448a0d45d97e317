"""The tools `list_files` and `read_file`, and the one way by which tools reach a file.

A path is resolved, links included, and must lie inside the root. Hidden files (`.env`, `.git`) do
not exist for a tool; devices, FIFOs and sockets are refused before they are opened for reading.
"""

import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

from pydantic import Field

from secondtake.runner.errors import ToolError

MAX_LISTED: Final = 500
MAX_WALKED: Final = 20_000
MAX_LINES: Final = 2000
MAX_CHARACTERS: Final = 50_000
MAX_LINE_BYTES: Final = 20_000
SNIFF_BYTES: Final = 8192


class FileTools:
    """Reads files below one root."""

    def __init__(self, root: Path, *, keep_out: Path | None = None) -> None:
        """Make tools that read below `root`, but not below `keep_out`.

        What is kept out is the home folder, when it lies inside the root: an agent that searches
        the working directory must not find its own recording.
        """
        self._root = root
        out = None if keep_out is None else keep_out.resolve()
        self._kept_out = out if out and root.resolve() in out.parents else None

    def list_files(self, path: str = ".", pattern: str = "*") -> list[dict[str, Any]]:
        """List the files in a folder and its subfolders, with their sizes.

        Args:
            path: Folder, relative to the root of the files.
            pattern: Only file names that fit, for example *.md
        """
        folder = self.resolve(path)
        if not folder.is_dir():
            raise ToolError(f"{path!r} is not a folder; use read_file to read it.")
        found = [
            {"path": name, "size_bytes": file.stat().st_size}
            for name, file in self.walk(folder)
            if fnmatch(file.name, pattern)
        ]
        if len(found) > MAX_LISTED:
            raise ToolError(
                f"There are {len(found)} files, more than the {MAX_LISTED} that can be listed; "
                "name a subfolder or a narrower pattern."
            )
        return found

    def read_file(
        self,
        path: str,
        offset: Annotated[int, Field(ge=1)] = 1,
        limit: Annotated[int, Field(ge=1, le=MAX_LINES)] = 500,
    ) -> str:
        """Read a text file.

        Args:
            path: The file, relative to the root of the files.
            offset: Number of the first line to read.
            limit: How many lines to read.
        """
        lines: list[str] = []
        size = 0
        with self.open_text(path) as file:
            for number, line in enumerate(_lines(file), start=1):
                if number < offset:
                    continue
                if len(lines) == limit or size + len(line) > MAX_CHARACTERS:
                    lines.append(f"[more follows; read on with offset={number}]")
                    return "".join(lines)
                lines.append(line)
                size += len(line)
        if offset > 1 and not lines:
            raise ToolError(f"{path!r} has fewer than {offset} lines; use a smaller offset.")
        return "".join(lines)

    def resolve(self, path: str) -> Path:
        """Return the real path of something that exists inside the root.

        Raises:
            ToolError: it lies outside, is hidden, or does not exist.
        """
        try:
            root = self._root.resolve(strict=True)
        except (OSError, RuntimeError):
            raise ToolError("The folder of the files does not exist; tell the user.") from None
        try:
            real = (root / path).resolve(strict=True)
        except FileNotFoundError:
            raise ToolError(f"There is no {path!r}; list_files shows what there is.") from None
        except (OSError, RuntimeError, ValueError):
            raise ToolError(f"{path!r} is not a path that can be read.") from None
        if not real.is_relative_to(root):
            raise ToolError(
                f"{path!r} is outside the files that may be read; use a path that list_files shows."
            )
        if self._is_kept_out(real) or any(
            part.startswith(".") for part in real.relative_to(root).parts
        ):
            raise ToolError(f"There is no {path!r}; list_files shows what there is.")
        return real

    def open_text(self, path: str) -> BinaryIO:
        """Open a regular text file for reading.

        Raises:
            ToolError: it is outside the root, not a regular file, or not text.
        """
        real = self.resolve(path)
        if real.is_dir():
            raise ToolError(f"{path!r} is a folder; use list_files.")
        try:
            # O_NONBLOCK: opening a FIFO would wait for its writer for ever.
            descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise ToolError(f"Cannot open {path!r}: {error.strerror}.") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ToolError(f"{path!r} is not a regular file.")
        file = os.fdopen(descriptor, "rb")
        if is_binary(file.read(SNIFF_BYTES)):
            file.close()
            raise ToolError(f"{path!r} is not a text file.")
        file.seek(0)
        return file

    def walk(self, folder: Path) -> Iterator[tuple[str, Path]]:
        """Yield (path relative to the root, real path) of every regular file, sorted by path.

        Hidden files, and links of any kind, are passed over.

        Raises:
            ToolError: there are more than `MAX_WALKED` entries.
        """
        root = self._root.resolve()
        seen = 0
        for parent, folders, names in os.walk(folder):
            seen += len(folders) + len(names)
            if seen > MAX_WALKED:
                raise ToolError("There are too many files here; name a subfolder.")
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".") and not self._is_kept_out(Path(parent) / name)
            )
            for name in sorted(names):
                file = Path(parent) / name
                if not name.startswith(".") and stat.S_ISREG(file.lstat().st_mode):
                    yield file.relative_to(root).as_posix(), file

    def _is_kept_out(self, path: Path) -> bool:
        return self._kept_out is not None and path.is_relative_to(self._kept_out)


def is_binary(head: bytes) -> bool:
    """Say whether a file that begins like this is anything but UTF-8 text."""
    if b"\0" in head:
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character that the end of `head` cuts in two is no sign of a binary file.
        return error.reason != "unexpected end of data" or error.start < len(head) - 3
    return False


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield lines, each of bounded length: a file may be one line of a gigabyte."""
    while line := file.readline(MAX_LINE_BYTES):
        text = line.decode("utf-8", errors="replace")
        if line.endswith(b"\n"):
            yield text
            continue
        rest = 0
        while (more := file.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
            rest += len(more)
        rest += len(more)
        yield f"{text} [{rest} more bytes of this line left out]\n" if rest else text
