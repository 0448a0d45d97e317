"""Addresses of runs on a server."""

from typing import Final
from urllib.parse import quote

from secondtake.backend.errors import NotFoundError

NAME_CHARS: Final = 100


def run_path(name: str, rest: str = "") -> str:
    """Return the address of a run.

    Raises:
        NotFoundError: the name cannot be a part of an address, so no run has it.
    """
    return f"/runs/{name_part(name)}{rest}"


def name_part(name: str) -> str:
    """Return the name of a run as a part of an address.

    Raises:
        NotFoundError: the name cannot be a part of an address, so no run has it.
    """
    if not is_segment(name):
        raise NotFoundError(
            f"{_shown(name)} is not a run's id; see the ids with `secondtake runs`, or write `last`."
        )
    return quote(name, safe="")


def _shown(name: str) -> str:
    return repr(name if len(name) <= NAME_CHARS else f"{name[:NAME_CHARS]}...")


def is_segment(text: str) -> bool:
    """Tell whether a text can be one part of an address's path."""
    return "/" not in text and bool(text.strip("."))
