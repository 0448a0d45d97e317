"""Tables of plain text: aligned, readable at 80 columns, whole when nobody looks at a screen."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click

GAP: Final = "  "
ELLIPSIS: Final = "…"
ROW_NARROWEST: Final = 40

STATUS_COLOURS: Final = {
    "ok": "green",
    "error": "red",
    "fail": "red",
    "warn": "yellow",
    "interrupted": "yellow",
    "budget_exceeded": "yellow",
    "cancelled": "bright_black",
    "running": "blue",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """How a column is shown."""

    title: str
    right: bool = False
    """Numbers stand to the right."""
    shrinks_to: int | None = None
    """May be cut to this many cells when the screen is too narrow; None is never cut."""


def screen_width() -> int | None:
    """Return how many cells a line may have: None, when the output goes to a file or a pipe."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return max(shutil.get_terminal_size().columns, ROW_NARROWEST)
    return None


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int | None
) -> list[str]:
    """Return the lines of a table, titles first.

    Args:
        columns: one for each cell of a row.
        rows: cells without line breaks.
        width: the cells that a line may have; None is no limit.
    """
    widths = [
        max([cells(column.title), *(cells(row[place]) for row in rows)])
        for place, column in enumerate(columns)
    ]
    if width is not None:
        _shrink(widths, columns, width)
    lines = [[column.title for column in columns], *rows]
    return [
        GAP.join(
            fit(cell, widths[place], right=columns[place].right) for place, cell in enumerate(line)
        ).rstrip()
        for line in lines
    ]


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` in exactly `width` cells, cut or filled up."""
    text = cut(text, width)
    space = " " * (width - cells(text))
    return space + text if right else text + space


def cut(text: str, width: int) -> str:
    """Return `text` in at most `width` cells; what was cut shows as an ellipsis."""
    if cells(text) <= width:
        return text
    kept = ""
    used = 0
    for character in text:
        used += _cells_of(character)
        if used > width - 1:
            break
        kept += character
    return kept + ELLIPSIS


def cells(text: str) -> int:
    """Return how many cells a terminal gives to `text`."""
    return len(text) if text.isascii() else sum(_cells_of(character) for character in text)


def coloured_status(status: str, shown: str | None = None) -> str:
    """Return a status with its colour, which `click.echo` drops where there is no screen."""
    return click.style(shown or status, fg=STATUS_COLOURS.get(status))


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _shrink(widths: list[int], columns: Sequence[Column], width: int) -> None:
    """Take cells from the widest column that may shrink until the lines fit, or none can."""
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while excess > 0:
        able = [
            place
            for place, column in enumerate(columns)
            if column.shrinks_to is not None and widths[place] > column.shrinks_to
        ]
        if not able:
            return
        widest = max(able, key=lambda place: widths[place])
        widths[widest] -= 1
        excess -= 1
