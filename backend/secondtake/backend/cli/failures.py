"""How a failure is told: one line on stderr, and the exit code."""

import os
import sys
import tempfile
import traceback
from typing import Final

import click

from secondtake.backend.formats import visible
from secondtake.runner.errors import SecondTakeError

CANCELLED_EXIT: Final = 130
DEBUG_VARIABLE: Final = "SECONDTAKE_DEBUG"
EXTRA_OF: Final = {
    "duckdb": "server",
    "fastapi": "server",
    "httpx2": "server",
    "jinja2": "run",
    "jsonschema": "run",
    "langgraph": "run",
    "langsmith": "run",
    "litellm": "run",
    "ruamel": "run",
    "simpleeval": "run",
    "streamlit": "studio",
    "uvicorn": "server",
}
"""The extra that brings a module; the base installation only records."""


def explain_failure(failure: Exception) -> int:
    """Write what went wrong to stderr and return the exit code.

    1: what was asked for failed. 2: it was asked for in a wrong way. 130: Ctrl-C.
    """
    if isinstance(failure, click.exceptions.NoArgsIsHelpError):
        failure.show()
        return failure.exit_code
    if isinstance(failure, click.ClickException):
        _write(_click_message(failure))
        return failure.exit_code
    if isinstance(failure, click.Abort):
        return CANCELLED_EXIT
    if isinstance(failure, SecondTakeError):
        for line in failure.message.splitlines():
            _write(line)
        return failure.exit_code
    extra = _missing_extra(failure)
    _write(extra or _unexpected(failure))
    return 1


def _write(message: str) -> None:
    click.echo(f"error: {visible(message)}", err=True)


def _click_message(failure: click.ClickException) -> str:
    message = " ".join(failure.format_message().split()).rstrip(".")
    context = getattr(failure, "ctx", None)
    path = context.command_path if context else "secondtake"
    return f"{message}; see `{path} --help`."


def _missing_extra(failure: Exception) -> str | None:
    """Return the cure when a module is missing that an extra of ours brings."""
    if not isinstance(failure, ModuleNotFoundError):
        return None
    module = (failure.name or "").split(".")[0]
    extra = EXTRA_OF.get(module)
    if extra is None:
        return None
    return f"This needs {module}, which is not installed: pip install 'secondtake[{extra}]'"


def _unexpected(failure: Exception) -> str:
    text = "".join(traceback.format_exception(failure))
    what = " ".join(f"{type(failure).__name__}: {failure}".split())
    if os.environ.get(DEBUG_VARIABLE) == "1":
        sys.stderr.write(visible(text))
        return f"{what} (a fault of this program)"
    try:
        # Beside the home folder and readable by its owner alone: nobody has redacted it.
        descriptor, path = tempfile.mkstemp(prefix="secondtake-fault-", suffix=".txt", text=True)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return f"{what} (a fault of this program); set {DEBUG_VARIABLE}=1 to see where."
    return f"{what} (a fault of this program); the traceback is in {path}."
