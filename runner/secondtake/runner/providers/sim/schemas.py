"""What a JSON Schema allows: references, kinds, bounds, formats."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from secondtake.runner.jsonable import canonical_bytes, to_json_value
from secondtake.runner.narrow import is_list, is_mapping
from secondtake.runner.providers.sim.patterns import example_of
from secondtake.runner.providers.sim.skill import Dice
from secondtake.runner.providers.sim.text import clip
from secondtake.runner.providers.sim.values import EMAIL, ISO_DATE, URL, UUID, Field

Schema = Mapping[str, Any]
REFERENCES_MAX: Final = 20
MANY: Final = 100
FIXING: Final = frozenset(("enum", "const", "anyOf", "oneOf", "allOf", "$ref", "pattern", "format"))
"""Keywords beside which a value cannot be varied freely."""
FORMATS: Final[dict[str, tuple[re.Pattern[str], str]]] = {
    "date": (re.compile(rf"^{ISO_DATE.pattern}$"), "2000-01-01"),
    "date-time": (
        re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$"),
        "2000-01-01T00:00:00Z",
    ),
    "time": (re.compile(r"^\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})$"), "00:00:00Z"),
    "email": (re.compile(rf"^{EMAIL.pattern}$"), "unknown@example.com"),
    "uri": (re.compile(rf"^{URL.pattern}$"), "https://example.com/unknown"),
    "url": (re.compile(rf"^{URL.pattern}$"), "https://example.com/unknown"),
    "uuid": (
        re.compile(rf"^{UUID.pattern}$", re.IGNORECASE),
        "00000000-0000-4000-8000-000000000000",
    ),
    "hostname": (re.compile(r"^[a-z0-9-]+(?:\.[a-z0-9-]+)+$"), "example.com"),
    "ipv4": (re.compile(r"^\d{1,3}(?:\.\d{1,3}){3}$"), "192.0.2.1"),
    "ipv6": (re.compile(r"^[0-9a-f:]+:[0-9a-f:]*$"), "2001:db8::1"),
    "duration": (re.compile(r"^P(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?$"), "P1D"),
}
"""What a text of a format looks like, and one for where nothing was found."""


def resolve(schema: Any, root: Schema) -> dict[str, Any]:
    """Follow `$ref` and join `allOf`, so that the keywords stand in one place."""
    found: dict[str, Any] = dict(schema) if is_mapping(schema) else {}
    for _ in range(REFERENCES_MAX):
        reference = found.pop("$ref", None)
        if not isinstance(reference, str):
            break
        found = {**_target(reference, root), **found}
    parts = found.pop("allOf", None)
    for part in parts if is_list(parts) else []:
        found = _joined(found, resolve(part, root))
    return found


def merged(schema: Schema, branch: Any, root: Schema) -> dict[str, Any]:
    """Return a branch of `anyOf` together with the keywords beside it."""
    outer = {k: v for k, v in schema.items() if k not in {"anyOf", "oneOf"}}
    return _joined(outer, resolve(branch, root))


def concrete(schema: Any, root: Schema) -> dict[str, Any]:
    """Return a schema without a choice: of `anyOf` the first branch that is not null."""
    found = resolve(schema, root)
    for _ in range(REFERENCES_MAX):
        branches = found.get("anyOf") or found.get("oneOf")
        if not branches:
            break
        options = [merged(found, branch, root) for branch in branches]
        found = next((o for o in options if kind_of(o) != "null"), options[0])
    return found


def described(field: Field, schema: Schema) -> Field:
    """Return the field with the description and format that its schema has."""
    description = str(schema.get("description") or field.description)
    return Field(name=field.name, description=description, format=str(schema.get("format") or ""))


def kind_of(schema: Schema) -> str:
    """Return the type to fill: the first that is not null, else what the keywords imply."""
    kind: Any = schema.get("type")
    if is_list(kind):
        kinds = [str(k) for k in kind]
        return next((k for k in kinds if k != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if {"minimum", "maximum", "multipleOf", "exclusiveMinimum"} & set(schema):
        return "number"
    return "string"


def length_bounds(schema: Schema, what: str) -> tuple[int, int]:
    """Return (`min<what>`, `max<what>`), 0 and 100 where they are open."""
    least = int(schema.get(f"min{what}") or 0)
    most = schema.get(f"max{what}")
    return least, max(least, MANY) if most is None else int(most)


def fit_text(text: str, schema: Schema) -> str:
    """Return `text` so that it has the format, the pattern and the length that are asked for."""
    form = FORMATS.get(str(schema.get("format")))
    if form and not form[0].match(text):
        text = form[1]
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and not _found(pattern, text):
        made = example_of(pattern)
        return text if made is None else made
    if form:
        return text
    least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
    if most is not None and len(text) > int(most):
        text = clip(text, int(most))
    while len(text) < least:
        text = f"{text} {text}"[: max(least, len(text) + 1)] if text else "-" * least
    return text


def fit_number(value: float, schema: Schema, *, whole: bool) -> int | float:
    """Return the number nearest to `value` that the bounds and `multipleOf` allow."""
    step = float(schema.get("multipleOf") or (1 if whole else 0))
    step = max(step, 1.0) if whole and step < 1 else step
    low, high = number_bounds(schema, step=step or 1e-6)
    value = min(max(value, low), high)
    if step:
        value = round(value / step) * step
        value += step if value < low else 0
        value -= step if value > high else 0
    if whole:
        return int(value)
    return int(value) if value.is_integer() and abs(value) < 2**53 else round(value, 10)


def number_bounds(schema: Schema, *, step: float) -> tuple[float, float]:
    """Return the least and the greatest number allowed; exclusive ends moved in by `step`."""
    low, high = float(schema.get("minimum", -math.inf)), float(schema.get("maximum", math.inf))
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is not None and not isinstance(above, bool):
        low = max(low, float(above) + step)
    if below is not None and not isinstance(below, bool):
        high = min(high, float(below) - step)
    return low, high


def default_number(schema: Schema, field: Field, dice: Dice) -> float:
    """Return a number for a field of which the text says nothing.

    A grade between two bounds lies in the upper part of them, the higher the more skilled.
    """
    if isinstance(schema.get("default"), int | float):
        return float(schema["default"])
    low, high = number_bounds(schema, step=1.0)
    graded = ("score", "rating", "confidence", "grade", "relevance", "quality", "probability")
    if field.speaks_of(*graded):
        low = low if math.isfinite(low) else 0.0
        high = high if math.isfinite(high) else max(1.0, low + 1.0)
        share = 0.7 + 0.25 * dice.share(f"grade/{field.name}")
        return round(low + (high - low) * share, 2)
    if math.isfinite(low):
        return low
    return min(0.0, high)


def search_pattern(schema: Schema, text: str) -> str | None:
    """Return the first part of `text` that the schema's pattern describes; None for none."""
    pattern = schema.get("pattern")
    if not isinstance(pattern, str):
        return None
    bare = pattern.removeprefix("^").removesuffix("$")
    try:
        match = re.search(rf"(?<!\w)(?:{bare})(?!\w)", text)
    except re.error:
        return None
    return match.group() if match and match.group() and _found(pattern, match.group()) else None


def distinct(values: Sequence[Any]) -> list[Any]:
    """Return the values, each once, in their order."""
    return list({canonical_bytes(to_json_value(v)): v for v in reversed(values)}.values())[::-1]


def different(value: Any, schema: Schema, known: list[Any]) -> Any:
    """Return a value like `value` that is not among `known`; `value` when there is no way."""
    options = schema.get("enum")
    if is_list(options):
        return next((o for o in options if o not in known), value)
    if isinstance(value, bool):
        return not value if value in known else value
    for number in range(1, len(known) + 2):
        if value not in known:
            break
        candidate = _varied(value, number, schema)
        value = candidate if candidate not in known else value
    return value


def _varied(value: Any, number: int, schema: Schema) -> Any:
    if is_mapping(value):
        inner = value
        properties = cast(Schema, schema.get("properties") or {})
        for name, old in inner.items():
            changed = _varied(old, number, cast(Schema, properties.get(name) or {}))
            if changed != old:
                return {**inner, name: changed}
        return inner
    if FIXING & set(schema) or kind_of(schema) not in {"string", "integer", "number"}:
        return value
    if isinstance(value, str):
        most = int(schema.get("maxLength") or len(value) + 8)
        ending = f" {number + 1}"
        return (value[: max(0, most - len(ending))] + ending)[:most]
    if isinstance(value, int | float) and not isinstance(value, bool):
        whole, step = kind_of(schema) == "integer", float(schema.get("multipleOf") or 1)
        up = fit_number(value + number * step, schema, whole=whole)
        return up if up != value else fit_number(value - number * step, schema, whole=whole)
    return value


def _target(reference: str, root: Schema) -> dict[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if key:
            found = found.get(key, {}) if is_mapping(found) else {}
    return dict(found) if is_mapping(found) else {}


def _joined(first: Schema, second: Schema) -> dict[str, Any]:
    joined = {**first, **second}
    for key in ("properties", "$defs"):
        if key in first and key in second:
            joined[key] = {**first[key], **second[key]}
    if "required" in first and "required" in second:
        joined["required"] = list(dict.fromkeys([*first["required"], *second["required"]]))
    return joined


def _found(pattern: str, text: str) -> bool:
    try:
        return bool(re.search(pattern, text))
    except re.error:
        return True
