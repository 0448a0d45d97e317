"""Two texts compared: by word where that is affordable, by line always."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal

import orjson

from secondtake.evals.diffs.model import TextDiff, WordPiece
from secondtake.evals.diffs.sequences import Opcode, compare_sequences
from secondtake.runner.jsonable import to_json_value

ACROSS_LINES_MAX: Final = 100_000
"""Characters that differ, of both texts; more are compared by word within lines alone."""
CHARACTERS_MAX: Final = 400_000
"""Characters that differ, of both texts; what comes after is compared by line alone."""
WORD_WORK_MAX: Final = 2_000_000
LINE_WORK_MAX: Final = 1_000_000
"""See `compare_sequences`."""
CONTEXT_LINES: Final = 3

TOKEN: Final = re.compile(r"\s+|\d+(?:[.,]\d+)*|[^\W\d_](?:[\w'\u2019-]*\w)?|.", re.DOTALL)


def compare_texts(a: str, b: str, *, name_a: str = "A", name_b: str = "B") -> TextDiff:
    """Return how two texts differ, by word and as a unified diff.

    Args:
        a: the text of the baseline.
        b: the text of the candidate.
        name_a: of the baseline, in the head of the unified diff.
        name_b: of the candidate.
    """
    if a == b:
        return TextDiff(is_same=True, pieces=[_piece("same", a)] if a else [])
    lines_a, lines_b = _lines(a), _lines(b)
    by_line = compare_sequences(lines_a, lines_b, work_max=LINE_WORK_MAX).opcodes
    pieces, is_whole = _word_pieces(lines_a, lines_b, by_line)
    return TextDiff(
        is_same=False,
        pieces=_over_space(_merged(pieces)),
        unified="".join(_unified(lines_a, lines_b, by_line, name_a, name_b)),
        too_long=not is_whole,
    )


def indented_json(value: Any) -> str:
    """Return a JSON value as text, indented and with sorted keys, so that lines compare."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    try:
        return orjson.dumps(value, option=option).decode()
    except TypeError:
        return orjson.dumps(to_json_value(value), option=option).decode()


def tokens_of(text: str) -> list[str]:
    """Return words, numbers, single signs and stretches of white space; joined they are `text`."""
    return TOKEN.findall(text)


def _lines(text: str) -> list[str]:
    """Return the lines with their line feeds; other separators stay inside."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _word_pieces(
    lines_a: Sequence[str], lines_b: Sequence[str], by_line: Sequence[Opcode]
) -> tuple[list[WordPiece], bool]:
    """Return the pieces, and whether all that differs was compared by word.

    Words are compared across lines where that is affordable, else within each stretch of lines
    that differ.
    """
    stretch = _stretch(by_line)
    a, b = "".join(lines_a[stretch[1] : stretch[2]]), "".join(lines_b[stretch[3] : stretch[4]])
    if len(a) + len(b) <= ACROSS_LINES_MAX:
        found = _by_word(a, b)
        if found is not None:
            before, after = "".join(lines_a[: stretch[1]]), "".join(lines_a[stretch[2] :])
            return [_piece("same", before), *found, _piece("same", after)], True
    pieces: list[WordPiece] = []
    is_whole, characters = True, 0
    for tag, i1, i2, j1, j2 in by_line:
        removed, added = "".join(lines_a[i1:i2]), "".join(lines_b[j1:j2])
        if tag == "equal":
            pieces.append(_piece("same", removed))
            continue
        characters += len(removed) + len(added)
        words = _by_word(removed, added) if characters <= CHARACTERS_MAX else None
        is_whole = is_whole and words is not None
        pieces += words or [_piece("removed", removed), _piece("added", added)]
    return pieces, is_whole


def _stretch(opcodes: Sequence[Opcode]) -> Opcode:
    """Return the range from the first to the last line that differs."""
    differing = [opcode for opcode in opcodes if opcode.tag == "replace"]
    first, last = differing[0], differing[-1]
    return Opcode("replace", first.a_start, last.a_stop, first.b_start, last.b_stop)


def _by_word(a: str, b: str) -> list[WordPiece] | None:
    """Return the pieces of two texts by word; None when that would take too long.

    White space is no anchor: it joins what stands beside it, and there is too much of it.
    """
    tokens_a, tokens_b = tokens_of(a), tokens_of(b)
    compared = compare_sequences(tokens_a, tokens_b, work_max=WORD_WORK_MAX, is_junk=str.isspace)
    if not compared.is_complete:
        return None
    pieces: list[WordPiece] = []
    for tag, i1, i2, j1, j2 in compared.opcodes:
        removed, added = "".join(tokens_a[i1:i2]), "".join(tokens_b[j1:j2])
        if tag == "equal":
            pieces.append(_piece("same", removed))
        else:
            pieces += [_piece("removed", removed), _piece("added", added)]
    return pieces


def _piece(operation: Literal["same", "removed", "added"], text: str) -> WordPiece:
    return WordPiece(operation=operation, text=text)


def _over_space(pieces: Sequence[WordPiece]) -> list[WordPiece]:
    """Return the pieces with edits joined that white space alone parts, else they are confetti."""
    joined: list[WordPiece] = []
    removed = added = ""
    for number, piece in enumerate(pieces):
        is_edit = piece.operation != "same"
        has_neighbours = 0 < number < len(pieces) - 1
        if is_edit or (has_neighbours and piece.text.isspace()):
            removed += piece.text if piece.operation != "added" else ""
            added += piece.text if piece.operation != "removed" else ""
            continue
        joined += _edit_pieces(removed, added)
        joined.append(piece)
        removed = added = ""
    return joined + _edit_pieces(removed, added)


def _edit_pieces(removed: str, added: str) -> list[WordPiece]:
    return [piece for piece in (_piece("removed", removed), _piece("added", added)) if piece.text]


def _merged(pieces: Iterable[WordPiece]) -> list[WordPiece]:
    """Return the pieces without empty ones, and neighbours of one kind as one."""
    merged: list[WordPiece] = []
    for piece in pieces:
        if merged and merged[-1].operation == piece.operation:
            piece = _piece(piece.operation, merged.pop().text + piece.text)
        if piece.text:
            merged.append(piece)
    return merged


def _unified(
    a: Sequence[str], b: Sequence[str], opcodes: Sequence[Opcode], name_a: str, name_b: str
) -> Iterator[str]:
    """Yield the lines of a unified diff, as `diff -u` writes them but for the times."""
    yield f"--- {name_a}\n+++ {name_b}\n"
    for hunk in _hunks(opcodes):
        first, last = hunk[0], hunk[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"
        for tag, i1, i2, j1, j2 in hunk:
            if tag == "equal":
                yield from map(_unified_line, " " * (i2 - i1), a[i1:i2])
                continue
            yield from map(_unified_line, "-" * (i2 - i1), a[i1:i2])
            yield from map(_unified_line, "+" * (j2 - j1), b[j1:j2])


def _hunks(opcodes: Sequence[Opcode]) -> Iterator[list[Opcode]]:
    """Yield the edits with their context; edits whose contexts touch are one hunk."""
    hunk: list[Opcode] = []
    for number, opcode in enumerate(opcodes):
        _, i1, i2, j1, j2 = opcode
        is_last = number == len(opcodes) - 1
        if opcode.tag == "replace":
            hunk.append(opcode)
            continue
        if hunk and (is_last or i2 - i1 > 2 * CONTEXT_LINES):
            size = min(CONTEXT_LINES, i2 - i1)
            yield [*hunk, Opcode("equal", i1, i1 + size, j1, j1 + size)]
            hunk = []
        if not is_last:
            size = i2 - i1 if hunk else min(CONTEXT_LINES, i2 - i1)
            hunk.append(Opcode("equal", i2 - size, i2, j2 - size, j2))
    if hunk:
        yield hunk


def _range(start: int, stop: int) -> str:
    """Return a range of lines as `diff -u` does: from 1, without a length of 1."""
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _unified_line(sign: str, line: str) -> str:
    return sign + line if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"
