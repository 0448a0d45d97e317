"""Ids of runs as people write them: whole, with or without hyphens, or only the beginning."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.store.rows import fetch

SHORT_ID_LENGTH: Final = 13
"""`xxxxxxxx-xxxx`: the first 48 bits, which in a UUIDv7 are its millisecond."""
ID_DIGITS: Final = 32

_DIGITS: Final = re.compile(r"[0-9a-f]{1,32}")


def read_digits(text: str) -> str | None:
    """Return the hexadecimal digits of an id or of its beginning; None when it is neither."""
    digits = text.strip().lower().replace("-", "")
    return digits if _DIGITS.fullmatch(digits) else None


def id_range(digits: str) -> tuple[UUID, UUID]:
    """Return the first and the last id that begin with these digits."""
    low, high = (UUID(hex=digits.ljust(ID_DIGITS, fill)) for fill in "0f")
    return low, high


def short_ids(con: DuckDBPyConnection, run_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return for each id its shortest prefix, of at least 13 characters, unique in the store."""
    if not run_ids:
        return {}
    rows = fetch(
        con,
        f"""
        SELECT run_id FROM runs
        WHERE left(run_id::VARCHAR, {SHORT_ID_LENGTH}) IN (SELECT unnest($prefixes::VARCHAR[]))
        ORDER BY run_id
        """,
        {"prefixes": [str(run_id)[:SHORT_ID_LENGTH] for run_id in run_ids]},
    )
    return _shortest({str(row["run_id"]) for row in rows} | {str(r) for r in run_ids})


def _shortest(texts: set[str]) -> dict[UUID, str]:
    ordered = sorted(texts)
    short: dict[UUID, str] = {}
    for place, text in enumerate(ordered):
        neighbours = ordered[max(place - 1, 0) : place] + ordered[place + 1 : place + 2]
        shared = max((_shared_length(text, other) for other in neighbours), default=0)
        short[UUID(text)] = text[: max(shared + 1, SHORT_ID_LENGTH)]
    return short


def _shared_length(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))
