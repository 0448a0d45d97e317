"""From a typed Python function to a tool schema, and from a model's arguments to a call.

The description is the docstring's first paragraph, those of the parameters come from its
`Args:` section. Arguments are checked by pydantic in its lax mode, so `"5"` is accepted where
an integer is wanted: models write numbers as text.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from secondtake.runner.errors import ToolError, UsageError

ARGUMENT_LINE: Final = re.compile(r"^\s+(?P<name>\*{0,2}\w+)\s*(\([^)]*\))?:\s*(?P<text>.*)$")
SECTION: Final = re.compile(r"^(Args|Arguments|Returns|Raises|Yields|Examples?|Note):\s*$")


class ArgumentSchema:
    """What a function takes: a JSON Schema for models and a check for what they send."""

    def __init__(self, function: Callable[..., Any], *, name: str) -> None:
        """Read the signature of `function`.

        Raises:
            UsageError: a parameter has no type, or is positional-only or variadic.
        """
        self._function = function
        self._name = name
        self.description, self._argument_texts = parse_docstring(inspect.getdoc(function) or "")
        self._fields = self._read_fields()

    def _read_fields(self) -> dict[str, Any]:
        hints = get_type_hints(self._function, include_extras=True)
        fields: dict[str, Any] = {}
        for parameter in inspect.signature(self._function).parameters.values():
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise UsageError(
                    f"Tool `{self._name}`: parameter `{parameter}` cannot be given by name; "
                    "give the function named parameters only."
                )
            if parameter.name not in hints:
                raise UsageError(
                    f"Tool `{self._name}`: parameter `{parameter.name}` has no type; annotate it."
                )
            default = ... if parameter.default is parameter.empty else parameter.default
            text = self._argument_texts.get(parameter.name)
            fields[parameter.name] = (hints[parameter.name], Field(default, description=text))
        return fields

    @cached_property
    def model(self) -> type[BaseModel]:
        """The pydantic model of the arguments."""
        config = ConfigDict(extra="forbid", protected_namespaces=())
        model: type[BaseModel] = create_model(self._name, __config__=config, **self._fields)
        return model

    @cached_property
    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments, as models are given it."""
        schema: dict[str, Any] = _without_titles(self.model.model_json_schema())
        schema.setdefault("properties", {})
        return schema

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments converted to the types of the signature.

        Raises:
            ToolError: they do not fit; the text tells a model what to send instead.
        """
        try:
            checked = self.model.model_validate(dict(arguments))
        except ValidationError as error:
            raise ToolError(self._explain(error)) from None
        return {name: getattr(checked, name) for name in self._fields}

    def _explain(self, error: ValidationError) -> str:
        texts = [self._explain_one(problem) for problem in error.errors(include_url=False)]
        wanted = ", ".join(
            name if field[1].is_required() else f"{name} (optional)"
            for name, field in self._fields.items()
        )
        return f"Bad arguments: {'; '.join(texts)}. `{self._name}` takes: {wanted or 'nothing'}."

    def _explain_one(self, problem: Mapping[str, Any]) -> str:
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "missing":
            return f"`{where}` is missing"
        if problem["type"] == "extra_forbidden":
            close = get_close_matches(where, self._fields, n=1)
            return f"there is no `{where}`" + (f", did you mean `{close[0]}`?" if close else "")
        return f"`{where}`: {problem['msg'][0].lower()}{problem['msg'][1:]}"


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a google-style docstring into its first paragraph and its `Args:` texts."""
    description = " ".join(text.split("\n\n", 1)[0].split())
    texts: dict[str, str] = {}
    section, name, indent = "", "", 0
    for line in text.splitlines():
        if found := SECTION.match(line):
            section, name = found[1], ""
            continue
        if section not in ("Args", "Arguments") or not line.strip():
            continue
        found = ARGUMENT_LINE.match(line)
        depth = len(line) - len(line.lstrip())
        if found and (not name or depth <= indent):
            name, indent = found["name"].lstrip("*"), depth
            texts[name] = found["text"].strip()
        elif name:
            texts[name] = f"{texts[name]} {line.strip()}"
    return description, texts


def _without_titles(schema: Any) -> Any:
    # pydantic repeats every name as a title, which costs tokens and says nothing new. A
    # property that is itself called `title` holds a mapping, a title holds a text.
    if isinstance(schema, Mapping):
        properties = cast(Mapping[str, Any], schema)
        return {
            key: _without_titles(value)
            for key, value in properties.items()
            if not (key == "title" and isinstance(value, str))
        }
    if isinstance(schema, list):
        return list(map(_without_titles, cast(Sequence[Any], schema)))
    return schema
