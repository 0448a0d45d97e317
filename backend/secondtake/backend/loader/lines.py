r"""Reads a segment that cannot be trusted, line by line, and says what is wrong with each bad line.

A line is accepted when it is one JSON object (no NaN, no name twice) that fits an event
exactly: no rounding, no conversion, times with a zone. Then

* names that the vocabulary does not have go to `extra`;
* times become UTC;
* an escaped lone surrogate becomes the six characters `\udXXX`, an integer beyond 64 bits
  `{"$int": "..."}`, as everywhere (see `secondtake.runner.jsonable`).
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any, Final, cast

import orjson
from pydantic import ValidationError

from secondtake.backend.store.columns import event_models
from secondtake.runner.events import BaseEvent, Event, event_adapter
from secondtake.runner.jsonable import to_json_value

REASON_CHARACTERS_MAX: Final = 500


class LineRejected(Exception):
    """A line is no event; the text says why."""


def normalised(line: bytes) -> bytes:
    """Return the event of a foreign line as our own recorder would have written it.

    Raises:
        LineRejected: it is no event.
    """
    return encoded(read_event(parse_line(line)))


def parse_line(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line.

    Raises:
        LineRejected: it is none.
    """
    if not line.strip():
        raise LineRejected("the line is empty")
    try:
        # json and not orjson: the latter turns integers beyond 64 bits into floats.
        value = json.loads(
            line.decode(),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_without_repetition,
        )
    except UnicodeDecodeError as error:
        raise LineRejected(f"it is not UTF-8: byte {error.start + 1} of the line") from error
    except RecursionError as error:
        raise LineRejected("it is nested too deeply") from error
    except ValueError as error:
        raise LineRejected(f"it is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise LineRejected("it is not a JSON object")
    return cast(dict[str, Any], value)


def read_event(fields: dict[str, Any]) -> Event:
    """Return the event that a JSON object tells; unknown names go to its `extra`.

    Raises:
        LineRejected: the object does not fit any event.
    """
    kind = fields.get("kind")
    known = _fields_of(kind) if isinstance(kind, str) else None
    if known is None:
        raise LineRejected(f"kind: {kind!r} is not a kind of event"[:REASON_CHARACTERS_MAX])
    plain = to_json_value({name: value for name, value in fields.items() if name in known})
    unknown = {name: value for name, value in fields.items() if name not in known}
    if unknown:
        plain["extra"] = _joined(plain.get("extra"), to_json_value(unknown))
    try:
        return event_adapter().validate_json(orjson.dumps(plain), strict=True)
    except ValidationError as error:
        raise LineRejected(_first_reason(error)) from error


def encoded(event: BaseEvent) -> bytes:
    """Return the journal line of an event."""
    plain = {name: value for name, value in event.model_dump().items() if value is not None}
    return orjson.dumps(plain, default=_money, option=orjson.OPT_UTC_Z) + b"\n"


@cache
def _fields_of(kind: str) -> frozenset[str] | None:
    models = dict(event_models())
    return frozenset(models[kind].model_fields) if kind in models else None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:40]} is beyond what a number can be")
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object has the same name twice")
    return value


def _joined(extra: Any, unknown: dict[str, Any]) -> Any:
    """Put unknown names into `extra`, beside what it has; nothing is overwritten."""
    if extra is None:
        return unknown
    if not isinstance(extra, dict):
        return extra  # not an object: the validation says so
    joined = dict(cast(dict[str, Any], extra))
    for name, value in unknown.items():
        while name in joined:
            name += "_"
        joined[name] = value
    return joined


def _money(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} has no place in an event")


def _first_reason(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return _sentence(problems)[:REASON_CHARACTERS_MAX]


def _sentence(problems: Iterable[Any]) -> str:
    texts: list[str] = []
    for problem in problems:
        place = ".".join(str(part) for part in problem["loc"][1:])
        texts.append(f"{place}: {problem['msg']}" if place else str(problem["msg"]))
    return "; ".join(texts)
