"""Pieces of texts that are too long to be sent whole."""

from typing import Final

from duckdb import DuckDBPyConnection

from secondtake.backend.errors import NotFoundError
from secondtake.backend.models.runs import TextPiece, TextQuery
from secondtake.backend.services.runs import resolve_run
from secondtake.backend.store.long_texts import LONG_TEXTS, read_piece
from secondtake.backend.store.patience import patient
from secondtake.backend.store.snapshot import snapshot

NAME_CHARS: Final = 400


@patient
def read_text(con: DuckDBPyConnection, query: TextQuery) -> TextPiece:
    """Return a piece of a text, by characters; of other values a piece of their JSON.

    A piece that begins behind the end is empty.

    Raises:
        NotFoundError: no run fits, it has no such row, or the row has nothing in that field.
        AmbiguousError: more than one run fits.
    """
    fields = LONG_TEXTS[query.table].fields
    if query.field not in fields:
        raise NotFoundError(
            f"`{query.table}` has no long text {query.field[:NAME_CHARS]!r}; ask for one of: "
            f"{', '.join(fields)}."
        )
    with snapshot(con):
        run_id = resolve_run(con, query.run)
        piece = read_piece(
            con,
            run_id,
            rows=query.table,
            row=query.row,
            field=query.field,
            offset=query.offset,
            limit=query.limit,
        )
    if piece is None:
        raise NotFoundError(
            f"The run {run_id} has no {query.field!r} in the row {query.row[:NAME_CHARS]!r} of "
            f"`{query.table}`; take table, row and field from a row with `clipped`."
        )
    end = query.offset + len(piece.text)
    return TextPiece(
        text=piece.text,
        offset=query.offset,
        total_chars=piece.total_chars,
        next_offset=end if end < piece.total_chars else None,
    )
