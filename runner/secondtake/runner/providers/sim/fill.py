"""Filling a JSON Schema: the arguments of a tool, or a structured answer.

Covered: `type` (also a list), `properties`, `required`, `items`, `prefixItems`, `enum`, `const`,
`default`, `examples`, `$ref` into the same document, `allOf`, `anyOf`, `oneOf`, `format`,
`pattern`, and the bounds of numbers, texts and lists. What is filled is valid by construction.
Not covered, and ignored: `not`, `if`, `patternProperties`, `contains`, `dependentRequired`.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from secondtake.runner.jsonable import canonical_bytes, to_json_value
from secondtake.runner.narrow import is_list, is_mapping
from secondtake.runner.providers.sim import schemas
from secondtake.runner.providers.sim.arithmetic import muddled
from secondtake.runner.providers.sim.conversation import Conversation
from secondtake.runner.providers.sim.prompt import Passage
from secondtake.runner.providers.sim.skill import Dice
from secondtake.runner.providers.sim.text import words
from secondtake.runner.providers.sim.texts import Composer, argument_text
from secondtake.runner.providers.sim.values import (
    EMAIL,
    Field,
    choose_label,
    find_all_numbers,
    find_boolean,
    find_number,
    find_typed,
    labelled_value,
)

Schema = Mapping[str, Any]
DEPTH_MAX: Final = 6
"""Below this depth only what is required is filled."""
UNKNOWN: Final = "unknown"
FIELD_LAPSE: Final = 0.5
"""A single field goes wrong half as easily as a whole answer."""


class Filler:
    """Fills one schema from one conversation.

    With a `composer` it may write prose (a structured answer); without, it only takes values
    over (tool arguments). `invented` counts the required values that were made up.
    """

    def __init__(
        self,
        conversation: Conversation,
        dice: Dice,
        *,
        root: Schema,
        composer: Composer | None = None,
    ) -> None:
        self.conversation = conversation
        self.dice = dice
        self.root = root
        self.composer = composer
        self.invented = 0
        self.passage: Passage | None = None

    @property
    def text(self) -> str:
        """Where values are looked for: one sentence inside a list's item, else everything."""
        return self.passage.text if self.passage else self.conversation.facts

    def fill(self, schema: Any, field: Field, *, depth: int = 0) -> Any:
        """Return a value that fits `schema`."""
        resolved = schemas.resolve(schema, self.root)
        field = schemas.described(field, resolved)
        if "const" in resolved:
            return resolved["const"]
        if isinstance(resolved.get("enum"), list):
            return self._option(resolved["enum"], field)
        branches = resolved.get("anyOf") or resolved.get("oneOf")
        if branches:
            return self._branch(resolved, branches, field, depth=depth)
        kind = schemas.kind_of(resolved)
        if kind == "object":
            return self._object(resolved, depth=depth)
        if kind == "array":
            return self._array(resolved, field, depth=depth)
        if kind == "string":
            return self._string(resolved, field)
        if kind in {"integer", "number"}:
            return self._number(resolved, field, whole=kind == "integer")
        return self._boolean(resolved, field) if kind == "boolean" else None

    def _object(self, schema: Schema, *, depth: int) -> dict[str, Any]:
        required: set[str] = set(schema.get("required") or ())
        filled: dict[str, Any] = {}
        properties = cast(Mapping[str, Any], schema.get("properties") or {})
        for name, inner in properties.items():
            field = Field(name=str(name))
            if name in required or (depth < DEPTH_MAX and self._wants_optional(inner, field)):
                filled[name] = self.fill(inner, field, depth=depth + 1)
        for name in sorted(required - set(filled)):
            filled[name] = self.fill({"type": "string"}, Field(name=str(name)), depth=depth + 1)
        return filled

    def _wants_optional(self, schema: Any, field: Field) -> bool:
        """Whether an optional value can be taken from the text; prose is always written."""
        resolved = schemas.resolve(schema, self.root)
        field = schemas.described(field, resolved)
        if self.composer is not None:
            return True
        if labelled_value(field, self.conversation.labels):
            return True
        if isinstance(resolved.get("enum"), list):
            spoken = set(words(self.conversation.task.text))
            return any(set(words(str(option))) & spoken for option in resolved["enum"])
        kind = schemas.kind_of(resolved)
        if kind in {"integer", "number"}:
            stated = find_number(field, self.conversation.task.text)
            return stated is not None and not field.speaks_of("limit", "offset", "page")
        return kind == "string" and find_typed(field, self.conversation.task.question) is not None

    def _branch(self, schema: Schema, branches: Any, field: Field, *, depth: int) -> Any:
        options = [schemas.merged(schema, branch, self.root) for branch in branches]
        concrete = [o for o in options if schemas.kind_of(o) != "null"]
        if not concrete or (depth >= DEPTH_MAX and len(concrete) < len(options)):
            return None if len(concrete) < len(options) else self.fill(options[0], field)
        before = self.invented
        value = self.fill(concrete[0], field, depth=depth)
        if self.invented > before and len(concrete) < len(options):
            self.invented = before
            return None
        return value

    def _array(self, schema: Schema, field: Field, *, depth: int) -> list[Any]:
        least, most = schemas.length_bounds(schema, "Items")
        prefix = [
            self.fill(inner, field, depth=depth + 1) for inner in schema.get("prefixItems") or ()
        ]
        if schema.get("items") is False:
            return prefix[:most]
        items = schemas.concrete(schema.get("items") or {"type": "string"}, self.root)
        wished = self.composer.wishes.count if self.composer else None
        deep = depth >= DEPTH_MAX
        count = least if deep else max(least, min(most, wished or 3))
        values = prefix + ([] if deep and not least else self._items(items, field, count, depth))
        unique = schemas.distinct(values) if schema.get("uniqueItems") else values
        while len(unique) < least:
            unique.append(self._another(items, field, unique, depth))
        return unique[:most]

    def _items(self, items: Schema, field: Field, count: int, depth: int) -> list[Any]:
        options = items.get("enum")
        if "const" in items:
            return [items["const"]] * count
        if is_list(options):
            return self._options(options, field)
        kind = schemas.kind_of(items)
        if kind == "object":
            return self._objects(items, field, count, depth)
        if kind in {"integer", "number"}:
            numbers = find_all_numbers(self.text)[:count]
            return [schemas.fit_number(n, items, whole=kind == "integer") for n in numbers]
        if kind == "string":
            return [schemas.fit_text(text, items) for text in self._texts(items, field, count)]
        return [self.fill(items, field, depth=depth + 1) for _ in range(count)]

    def _texts(self, items: Schema, field: Field, count: int) -> list[str]:
        if items.get("format") == "email" or field.speaks_of("emails"):
            return list(dict.fromkeys(EMAIL.findall(self.text)))[:count]
        if self.composer is None:
            value = labelled_value(field, self.conversation.labels)
            value = value or argument_text(field, self.conversation, self.dice)
            return [part.strip() for part in value.split(",")][:count] if value else []
        written = self.composer.write_list(field, count=count)
        if written is not None:
            return written
        return [passage.text for passage in self.composer.sentences(count=count)]

    def _objects(self, items: Schema, field: Field, count: int, depth: int) -> list[Any]:
        """Fill one object for each sentence that speaks of its fields."""
        if self.composer is None or self.passage is not None:
            return [self.fill(items, field, depth=depth + 1)]
        asked = self.composer.write_list(field, count=count) or []
        passages = [Passage(text=text) for text in asked] or self.composer.sentences(count=count)
        made: list[Any] = []
        for passage in passages:
            self.passage = passage
            made.append(self.fill(items, field, depth=depth + 1))
        self.passage = None
        return made

    def _another(self, items: Schema, field: Field, known: list[Any], depth: int) -> Any:
        """Return one more item for a list that is too short, different where that is possible."""
        self.invented += 1
        value = self.fill(items, field, depth=depth + 1)
        return schemas.different(value, items, known)

    def _option(self, options: list[Any], field: Field) -> Any:
        texts = [str(option) for option in options]
        stated = labelled_value(field, self.conversation.labels)
        if stated is not None and stated.lower() in [t.lower() for t in texts]:
            return options[[t.lower() for t in texts].index(stated.lower())]
        given = " ".join(p.text for p in self.conversation.task.given)
        local = self.passage.text if self.passage else given
        best = choose_label(texts, local or self.conversation.facts)
        if self.dice.lapses(f"field/{field.name}", weight=FIELD_LAPSE):
            best = (best + 1) % len(options)
        return options[best]

    def _options(self, options: list[Any], field: Field) -> list[Any]:
        spoken = set(words(self.text))
        chosen = [o for o in options if set(words(str(o).replace("_", " "))) & spoken]
        return chosen or [self._option(options, field)]

    def _boolean(self, schema: Schema, field: Field) -> bool:
        value = find_boolean(field, self.text)
        if value is None:
            self.invented += 1
            value = bool(schema.get("default", False))
        return not value if self.dice.lapses(f"field/{field.name}", weight=FIELD_LAPSE) else value

    def _number(self, schema: Schema, field: Field, *, whole: bool) -> int | float:
        value = self._stated_number(field)
        if value is None:
            value = schemas.default_number(schema, field, self.dice)
            self.invented += 1
        elif self.dice.lapses(f"field/{field.name}", weight=FIELD_LAPSE):
            value = float(muddled(f"{value:.10g}"))
        return schemas.fit_number(value, schema, whole=whole)

    def _stated_number(self, field: Field) -> float | None:
        if self.passage is None:
            labelled = labelled_value(field, self.conversation.labels)
            numbers = find_all_numbers(labelled) if labelled else []
            if numbers:
                return numbers[0]
        return find_number(field, self.text)

    def _string(self, schema: Schema, field: Field) -> str:
        value = self._stated_text(schema, field)
        if value is None:
            self.invented += 1
            value = str(schema.get("default") or self._made_up(field))
        elif len(value) < 60 and self.dice.lapses(f"field/{field.name}", weight=FIELD_LAPSE):
            value = muddled(value) if any(c.isdigit() for c in value) else UNKNOWN
        return schemas.fit_text(value, schema)

    def _stated_text(self, schema: Schema, field: Field) -> str | None:
        pattern = schemas.search_pattern(schema, self.text)
        if pattern is not None:
            return pattern
        labelled = labelled_value(field, self.conversation.labels) if not self.passage else None
        typed = find_typed(field, labelled or self.text)
        if typed or labelled:
            return typed or labelled
        if self.composer is not None:
            return self.composer.write(field, self.passage)
        return argument_text(field, self.conversation, self.dice)

    def _made_up(self, field: Field) -> str:
        if self.composer is None:
            return self.conversation.topic or field.name
        if field.speaks_of("name", "id", "date", "email", "phone", "city", "number"):
            return UNKNOWN
        found = self.composer.sentences(count=1)
        return found[0].text if found and self.passage is None else UNKNOWN


def fill_arguments(
    schema: Schema, conversation: Conversation, dice: Dice
) -> tuple[dict[str, Any], int]:
    """Return arguments for a tool, and how many of the required ones were made up."""
    filler = Filler(conversation, dice, root=schema)
    value = filler.fill({"type": "object", **schema}, Field(name=""))
    return (dict(value) if is_mapping(value) else {}), filler.invented


def fill_answer(schema: Schema, composer: Composer) -> Any:
    """Return a structured answer that fits `schema`."""
    filler = Filler(composer.conversation, composer.dice, root=schema, composer=composer)
    return filler.fill(schema, Field(name=str(schema.get("title") or "answer")))


def json_text(value: Any) -> str:
    """Write a value as JSON, keys in the order of the schema."""
    import orjson

    try:
        return orjson.dumps(to_json_value(value), option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()
    except TypeError:
        return canonical_bytes(to_json_value(value)).decode()
