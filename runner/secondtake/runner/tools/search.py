"""The tool `search_text`.

A plain text is searched for here. A regular expression comes from a model and may backtrack for
ever or use up the memory while it is compiled, and neither can be stopped inside a thread: it
runs in a child process with limits of time and memory.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from secondtake.runner.errors import ToolError
from secondtake.runner.tools import search_child
from secondtake.runner.tools.files import FileTools, is_binary

MAX_MATCHES: Final = 200
MAX_PATTERN: Final = 500
MAX_FILE_BYTES: Final = 2_000_000
MAX_TOTAL_BYTES: Final = 16_000_000
CHILD_TIMEOUT_S: Final = 3.0


class TextSearch:
    """Searches the files that the file tools may read."""

    def __init__(self, files: FileTools) -> None:
        self._files = files

    def search_text(
        self,
        query: str,
        path: str = ".",
        regex: bool = False,
        limit: Annotated[int, Field(ge=1, le=MAX_MATCHES)] = 30,
    ) -> list[dict[str, Any]]:
        """Search all text files for a text, ignoring case; returns file, line number and line.

        Args:
            query: What to look for.
            path: Folder or file to search, relative to the root of the files.
            regex: Whether `query` is a regular expression.
            limit: How many matching lines to return.
        """
        if not query.strip():
            raise ToolError("The query is empty; say what to look for.")
        if len(query) > MAX_PATTERN:
            raise ToolError(f"The query is longer than {MAX_PATTERN} characters; shorten it.")
        documents = self._documents(path)
        if regex:
            return _search_in_child(query, documents, limit)
        return search_child.search_plain(query, documents, limit)

    def _documents(self, path: str) -> list[tuple[str, str]]:
        start = self._files.resolve(path)
        if start.is_dir():
            names = [name for name, _ in self._files.walk(start)]
        else:
            names = [path]
        documents: list[tuple[str, str]] = []
        total = 0
        for name in names:
            text = self._text(name, alone=not start.is_dir())
            total += len(text)
            if total > MAX_TOTAL_BYTES:
                raise ToolError("There is too much text here; name a subfolder or a file.")
            documents.append((name, text))
        return documents

    def _text(self, name: str, *, alone: bool) -> str:
        try:
            with self._files.open_text(name) as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except ToolError:
            if alone:
                raise
            return ""  # A folder may hold pictures beside its texts.
        if len(data) > MAX_FILE_BYTES and alone:
            raise ToolError(f"{name!r} is too large to be searched; use read_file.")
        if len(data) > MAX_FILE_BYTES or is_binary(data):
            return ""
        return data.decode("utf-8")


def _search_in_child(
    query: str, documents: list[tuple[str, str]], limit: int
) -> list[dict[str, Any]]:
    task = json.dumps({"query": query, "documents": documents, "limit": limit})
    child = str(Path(search_child.__file__))
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", child],
            input=task.encode("ascii"),
            capture_output=True,
            timeout=CHILD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(
            "The regular expression takes too long; use a simpler one without nested repeats."
        ) from None
    if done.returncode != 0:
        raise ToolError("The regular expression needs too much time or memory; use a simpler one.")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise ToolError(
            f"Not a regular expression: {answer['error']}; set regex to false to search for it as text."
        )
    matches: list[dict[str, Any]] = answer["matches"]
    return matches
