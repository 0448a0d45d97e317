"""Long texts in columns of bounded width."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from secondtake.backend.cli.tables import cells, cut, fit

GAP: Final = "  "
_WORD: Final = re.compile(r"\s*\S+|\s+")


def wrap(text: str, width: int) -> list[tuple[int, str]]:
    """Return the lines of a text, each at most `width` cells, with where each begins in it.

    Breaks between words where that is possible. The text is safe to print already.
    """
    found: list[tuple[int, str]] = []
    begin = 0
    for line in text.replace("\t", " ").split("\n"):
        found += [(begin + at, piece) for at, piece in _wrap_line(line, width)]
        begin += len(line) + 1
    return found


def line_of(lines: Sequence[tuple[int, str]], offset: int) -> int:
    """Return the number of the wrapped line, from 0, that holds a place of the text."""
    return max((number for number, (at, _) in enumerate(lines) if at <= offset), default=0)


def beside(columns: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return lines of text blocks side by side, each block `width` cells wide."""
    height = max(map(len, columns), default=0)
    return [
        GAP.join(
            fit(column[number] if number < len(column) else "", width) for column in columns
        ).rstrip()
        for number in range(height)
    ]


def _wrap_line(line: str, width: int) -> Iterator[tuple[int, str]]:
    at, kept = 0, ""
    for word in _WORD.findall(line):
        if kept and cells(kept + word.rstrip()) > width:
            yield at, kept.rstrip()
            at += len(kept)
            blank = len(word) - len(word.lstrip())
            at += blank
            word, kept = word[blank:], ""
        kept += word
        while cells(kept.rstrip()) > width:
            piece = cut(kept, width + 1).removesuffix("…") or kept[0]
            yield at, piece
            at += len(piece)
            kept = kept[len(piece) :]
    yield at, kept.rstrip()
