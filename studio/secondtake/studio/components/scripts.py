"""Reads the scripts and styles of the components."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


def read_asset(name: str) -> str:
    """Return the text of a file beside the components, as `run_table.js`."""
    return (FOLDER / name).read_text(encoding="utf-8")
