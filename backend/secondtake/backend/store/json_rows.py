"""Reads rows of a run as JSON that DuckDB makes: thousands of rows without an object for each.

The JSON is what a model of the row reads back. Long values are cut on the way. A run may have rows
of 10 MB: these are found first and read a few at a time, the others all at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar, get_args

from duckdb import DuckDBPyConnection
from pydantic import BaseModel, TypeAdapter

from secondtake.backend.models.base import read_json
from secondtake.backend.store.long_texts import (
    LONG_TEXTS,
    Kind,
    LongTexts,
    bytes_of,
    cut,
    may_be_long,
    whole_length,
)

M = TypeVar("M", bound=BaseModel)

GROUP_BYTES: Final = 8 << 20
"""So much is read at once of rows that have long values."""
CLIPPED: Final = "clipped"


def rows_as_json(
    con: DuckDBPyConnection,
    model: type[BaseModel],
    rows: str,
    *,
    where: str,
    order: str,
    parameters: Mapping[str, Any],
    max_chars: int | None,
    made: Mapping[str, str] | None = None,
) -> str:
    """Return rows as a JSON array of what `model` reads.

    Args:
        con: the store, in a transaction: there may be several queries.
        model: of a row; its fields are columns, or made.
        rows: a name of `LONG_TEXTS`.
        where: which rows.
        order: after ORDER BY.
        parameters: of `where`.
        max_chars: of each long value; None for whole ones.
        made: expressions for fields that are no columns.
    """
    place = LONG_TEXTS[rows]
    made = made or {}
    source = f"FROM {place.table} WHERE {where}"
    whole = _object_of(model, {}, 0, made)
    if max_chars is not None:
        whole = f"CASE WHEN {_any_is_long(place.fields, max_chars)} THEN NULL ELSE {whole} END"
    sql = f"SELECT rowid, {whole} {source} ORDER BY {order}"
    found: list[tuple[int, str | None]] = con.execute(sql, parameters).fetchall()
    long = [number for number, text in found if text is None]
    texts: dict[int, str] = {}
    if long and max_chars is not None:
        cuts = _fields_to_cut(con, place, long, max_chars)
        clipped = _object_of(model, cuts, max_chars, made)
        for group in _groups(con, place, cuts, long):
            texts |= dict(con.execute(f"SELECT rowid, {clipped} {_among(place, group)}").fetchall())
    return f"[{','.join(texts[number] if text is None else text for number, text in found)}]"


def read_rows(
    con: DuckDBPyConnection,
    model: type[M],
    rows: str,
    *,
    where: str,
    order: str,
    parameters: Mapping[str, Any],
    max_chars: int | None,
) -> list[M]:
    """Return rows as models; the arguments are those of `rows_as_json`."""
    text = rows_as_json(
        con, model, rows, where=where, order=order, parameters=parameters, max_chars=max_chars
    )
    found: list[M] = read_json(_adapter(model), text)
    return found


def _object_of(
    model: type[BaseModel], cuts: Mapping[str, Kind], max_chars: int, made: Mapping[str, str]
) -> str:
    """Return the expression of a row as the text of a JSON object, some fields of it cut."""
    values = dict(made)
    for name, info in model.model_fields.items():
        if name in cuts:
            values[name] = cut(name, cuts[name], max_chars)
        elif name not in values and name != CLIPPED:
            values[name] = _as_json(name, info.annotation)
    if cuts:
        lengths = _listed({n: whole_length(n, kind, max_chars) for n, kind in cuts.items()})
        # A merge patch leaves out what is null.
        merged = f"json_merge_patch('{{}}'::JSON, to_json({lengths}))"
        values[CLIPPED] = f"nullif({merged}::VARCHAR, '{{}}')::JSON"
    return f"to_json({_listed(values)})::VARCHAR"


def _listed(values: Mapping[str, str]) -> str:
    pairs = ", ".join(f"'{name}': {value}" for name, value in values.items())
    return f"{{{pairs}}}"


def _as_json(name: str, annotation: Any) -> str:
    """Return a column as something whose JSON the model reads: numbers of money as text."""
    kinds = {annotation, *get_args(annotation)}
    if datetime in kinds:
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"{name}::VARCHAR" if Decimal in kinds else name


def _any_is_long(fields: Mapping[str, Kind], max_chars: int) -> str:
    tests = " OR ".join(may_be_long(name, kind, max_chars) for name, kind in fields.items())
    return f"coalesce({tests}, false)"


def _fields_to_cut(
    con: DuckDBPyConnection, place: LongTexts, numbers: Sequence[int], max_chars: int
) -> dict[str, Kind]:
    """Return the fields of which some value may have to be cut."""
    tests = [f"bool_or({may_be_long(n, kind, max_chars)})" for n, kind in place.fields.items()]
    found = con.execute(f"SELECT {', '.join(tests)} {_among(place, numbers)}").fetchone()
    assert found is not None, "an aggregate gives a row"
    fields = zip(place.fields.items(), found, strict=True)
    return {name: kind for (name, kind), is_long in fields if is_long}


def _groups(
    con: DuckDBPyConnection, place: LongTexts, cuts: Mapping[str, Kind], numbers: Sequence[int]
) -> Iterator[list[int]]:
    """Yield the rows in groups of which each is small enough to be read at once."""
    sizes = " + ".join(f"coalesce({bytes_of(name, kind)}, 0)" for name, kind in cuts.items())
    group: list[int] = []
    total = 0
    for number, size in con.execute(f"SELECT rowid, {sizes} {_among(place, numbers)}").fetchall():
        if group and total + size > GROUP_BYTES:
            yield group
            group, total = [], 0
        group.append(number)
        total += size
    if group:
        yield group


def _among(place: LongTexts, numbers: Sequence[int]) -> str:
    return f"FROM {place.table} WHERE rowid IN ({', '.join(map(str, numbers))})"


@cache
def _adapter(model: type[M]) -> TypeAdapter[list[M]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]  # the class is a parameter
