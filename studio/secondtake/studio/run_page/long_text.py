"""Texts of any length: 20 KB of each on the page, the rest by the piece or as a file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from secondtake.backend.formats import count
from secondtake.backend.models.runs import TextPiece
from secondtake.studio.html import Html, el, icon

BLOCK_CHARS: Final = 20_000
"""Of a text at first. A page with 100 KB in one block takes half a second longer."""
PIECE_CHARS: Final = 100_000
FOLD_CHARS: Final = 6_000
"""Longer texts are folded to their beginning."""
FOLDED_CHARS: Final = 600

NEXT_ACT: Final = "text-next"
DOWNLOAD_ACT: Final = "text-download"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the whole of a text is: what `TextQuery` asks for."""

    table: str
    row: str
    field: str

    def packed(self, offset: int = 0) -> str:
        """Return the place, and how far to go into it, as one text."""
        return json.dumps([self.table, self.row, self.field, offset])

    @classmethod
    def unpacked(cls, packed: str) -> tuple["Place", int] | None:
        """Return what `packed` made; None for anything else."""
        try:
            table, row, field, offset = json.loads(packed)
        except (ValueError, TypeError):
            return None
        if not all(isinstance(each, str) for each in (table, row, field)):
            return None
        if not isinstance(offset, int) or offset < 0:
            return None
        return cls(table=table, row=row, field=field), offset


Pieces = Mapping[Place, TextPiece]
"""The pieces that a reader asked for, one of each text."""


def whole_length(clipped: Mapping[str, int] | None, field: str, text: str) -> int:
    """Return how long a text is: as its row says when it was clipped, else as it is here."""
    return (clipped or {}).get(field, len(text))


def text_block(
    text: str,
    place: Place,
    pieces: Pieces,
    *,
    total: int | None = None,
    cls: str = "said",
    fold_at: int = FOLD_CHARS,
) -> Html:
    """Return a text that a page can bear, with what there is to do about the rest.

    Args:
        text: what is here of it.
        place: where the whole is.
        pieces: those that were asked for; one of this text takes the place of its beginning.
        total: characters of the whole; by default of `text`.
        cls: how it is set.
        fold_at: fold it when it is longer.
    """
    total = len(text) if total is None else total
    piece = pieces.get(place)
    if piece is not None:
        body = el("div", piece.text, cls=cls)
        return el("div", body, _bar(place, piece.offset, len(piece.text), piece.total_chars))
    shown = text[:BLOCK_CHARS]
    body = el("div", shown, cls=cls)
    if total > len(shown):
        body = el("div", body, _bar(place, 0, len(shown), total))
    return body if total <= fold_at else _folded(shown, body, total, cls)


def _folded(shown: str, body: Html, total: int, cls: str) -> Html:
    preview = el("div", shown[:FOLDED_CHARS].rstrip(), "…", cls=f"{cls} fold-preview")
    more = el("span", icon("expand_more"), f"Show all {count(total)} characters", cls="fold-more")
    less = el("span", icon("expand_less"), "Fold", cls="fold-less")
    return el("details", el("summary", preview, more, less), body, cls="fold-text")


def _bar(place: Place, offset: int, length: int, total: int) -> Html:
    end = offset + length
    said = f"characters {count(offset + 1)} to {count(end)} of {count(total)}"
    parts: list[Html] = [el("span", said, cls="num")]
    if end < total:
        parts.append(
            action("Show next 100 KB", NEXT_ACT, place.packed(end), symbol="arrow_downward")
        )
    if offset:
        parts.append(
            action("Back to the beginning", NEXT_ACT, place.packed(0), symbol="first_page")
        )
    parts.append(action("Download", DOWNLOAD_ACT, place.packed(), symbol="download"))
    return el("div", parts, cls="text-bar")


def action(
    label: str, act: str, value: str = "", *, symbol: str | None = None, **attributes: Any
) -> Html:
    """Return something to click, in words of ours."""
    return el(
        "span",
        icon(symbol) if symbol else None,
        label,
        cls="act",
        role="button",
        tabindex=0,
        data_act=act,
        data_value=value,
        **attributes,
    )
