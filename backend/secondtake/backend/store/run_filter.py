"""Which runs are meant: from a filter to what follows WHERE."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from secondtake.backend.models.runs import RunFilter
from secondtake.backend.store.rows import naive_utc
from secondtake.backend.store.run_ids import id_range, read_digits

RUN_AT: Final = "coalesce(started_at, recorded_at)"
"""When a run was: its start, else when it was recorded; NULL when neither is known."""

OPEN_NODE: Final = "ended_at IS NULL AND duration_ms IS NULL"
"""A row of `node_timings` whose end was never written."""

WAITING: Final = f"""
    (status = 'running' AND run_id IN (
        SELECT run_id FROM node_timings WHERE question IS NOT NULL AND {OPEN_NODE}))
"""

_PAIRS: Final = r"""
    array_to_string(list_transform(map_entries(tags), lambda e: e.key || '=' || e.value), chr(10))
"""

_AMOUNT_MAX: Final = Decimal(10**19)
"""More than any run can cost, and what fits the type that amounts are compared in."""

Test = tuple[str, dict[str, Any]]


def conditions(query: RunFilter) -> tuple[str, dict[str, Any]]:
    """Return what follows WHERE in a query of `runs`, and its parameters."""
    tests = ["true"]
    parameters: dict[str, Any] = {}
    for test, values in _tests(query):
        tests.append(test)
        parameters |= values
    return " AND ".join(tests), parameters


def _tests(query: RunFilter) -> Iterator[Test]:
    yield from _any_of(query)
    yield from _at_least_and_below(query)
    for name in ("session_id", "user_id"):
        value = getattr(query, name)
        if value is not None:
            yield f"{name} = ${name}", {name: value}
    for number, (key, value) in enumerate(query.tags.items()):
        test = f"map_extract_value(tags, $key_{number}) = $value_{number}"
        yield test, {f"key_{number}": key, f"value_{number}": value}
    if query.text:
        yield _text(query.text)
    if query.simulated is not None:
        yield "coalesce(simulated, false) = $simulated", {"simulated": query.simulated}
    if query.unpriced:
        yield "unpriced_calls > 0", {}
    if query.waiting:
        yield WAITING, {}


def _any_of(query: RunFilter) -> Iterator[Test]:
    if query.status:
        yield "status IN (SELECT unnest($status))", {"status": list(query.status)}
    if query.workflow:
        test = "coalesce(workflow, name) IN (SELECT unnest($workflow))"
        yield test, {"workflow": list(query.workflow)}
    if query.model:
        fits = " OR ".join(
            f"m = $model_{number} OR ends_with(m, '/' || $model_{number})"
            for number in range(len(query.model))
        )
        values = {f"model_{number}": model for number, model in enumerate(query.model)}
        yield f"len(list_filter(models, lambda m: {fits})) > 0", values


def _at_least_and_below(query: RunFilter) -> Iterator[Test]:
    """Ranges: a run whose value is unknown is in none."""
    if query.since is not None:
        yield f"{RUN_AT} >= $since", {"since": naive_utc(query.since)}
    if query.until is not None:
        yield f"{RUN_AT} < $until", {"until": naive_utc(query.until)}
    for name, parameter in (("cost_usd", "{}::DECIMAL(38, 18)"), ("duration_ms", "{}")):
        for bound, sign in (("min", ">="), ("max", "<=")):
            value = getattr(query, f"{bound}_{name}")
            if value is not None:
                test = f"{name} {sign} {parameter.format(f'${bound}_{name}')}"
                yield test, {f"{bound}_{name}": _bindable(value)}


def _bindable(value: Decimal | float) -> str | float:
    """Return an amount as text: DuckDB takes a Decimal with a positive exponent for another one."""
    if not isinstance(value, Decimal):
        return value
    return f"{max(min(value, _AMOUNT_MAX), -_AMOUNT_MAX):f}"


def _text(text: str) -> Test:
    """Search as text is written, and as it is written inside of JSON: quotes, line breaks."""
    parameters = {"text": text}
    places = ["name", "error_message", _PAIRS, "inputs::VARCHAR", "output::VARCHAR"]
    tests = [f"contains(lower({place}), lower($text))" for place in places]
    in_json = json.dumps(text, ensure_ascii=False)[1:-1]
    if in_json != text:
        parameters["in_json"] = in_json
        tests += [f"contains(lower({place}), lower($in_json))" for place in places[-2:]]
    digits = read_digits(text)
    if digits is not None:
        tests.append("run_id BETWEEN $lowest_id AND $highest_id")
        low, high = id_range(digits)
        return f"({' OR '.join(tests)})", {**parameters, "lowest_id": low, "highest_id": high}
    return f"({' OR '.join(tests)})", parameters
