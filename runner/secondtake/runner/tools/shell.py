"""The tool `shell`: programs that the settings name, and nothing that a shell would read."""

import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from secondtake.runner.errors import ToolError
from secondtake.runner.tools.processes import execute_bounded

TIMEOUT_S: Final = 60.0
MAX_COMMAND: Final = 10_000
_KEPT_VARIABLES: Final = ("LANG", "LC_ALL", "PATH", "TZ")
"""All that a program is given of the environment, where keys and passwords lie."""


class Shell:
    """Executes allowed programs in the folder of the files."""

    def __init__(self, root: Path, allowed: Sequence[str]) -> None:
        """Make the tool.

        Args:
            root: where programs work.
            allowed: beginnings of command lines: `git`, or `git log` for that alone.
        """
        self._root = root
        self._allowed = [shlex.split(entry) for entry in allowed]

    def shell(self, command: Annotated[str, Field(max_length=MAX_COMMAND)]) -> dict[str, Any]:
        """Execute one program with arguments; pipes, redirections and variables mean nothing.

        Args:
            command: The command line, such as git log --oneline -5
        """
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise ToolError(f"The command line cannot be read: {error}.") from None
        self._check(words)
        program = shutil.which(words[0])
        if program is None:
            raise ToolError(f"There is no program {words[0]!r} on this computer.")
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        try:
            ended = execute_bounded(
                [program, *words[1:]],
                cwd=self._root,
                environment={**environment, "TERM": "dumb", "GIT_TERMINAL_PROMPT": "0"},
                timeout_s=TIMEOUT_S,
            )
        except (OSError, ValueError) as error:
            raise ToolError(f"{words[0]} cannot be started: {error}.") from None
        told: dict[str, Any] = {
            "output": ended.output, "errors": ended.errors, "exit_code": ended.exit_code
        }  # fmt: skip
        return told | ({"stopped": ended.stopped} if ended.stopped is not None else {})

    def _check(self, words: Sequence[str]) -> None:
        if not self._allowed:
            raise ToolError(
                "No program is allowed here; the user can name some in secondtake.toml: "
                '[tools] shell_commands = ["git log"].'
            )
        if not any(words[: len(entry)] == entry for entry in self._allowed if entry):
            known = ", ".join(shlex.join(entry) for entry in self._allowed)
            raise ToolError(f"That is not allowed here; what may be executed begins with: {known}.")
