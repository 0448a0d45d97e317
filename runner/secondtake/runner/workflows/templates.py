"""Prompt templates: Jinja2 in its immutable sandbox, where a name that is unknown is an error."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from secondtake.runner.errors import SecondTakeError
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.workflows.schema import VISITS
from secondtake.runner.workflows.source import Keys

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment


class TemplateError(SecondTakeError):
    """A template cannot be rendered with the values that there are."""


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What can be said of a template before it is rendered."""

    variables: Mapping[str, int]
    """Names that it needs, each with the line (from 1) where it is used first."""
    guarded: frozenset[str] = frozenset()
    """Names that it asks about (`is defined`, `default`), which may be unset."""
    visited: Mapping[str, int] = field(default_factory=dict[str, int])
    """Nodes whose `visits` it reads, each with the line where it does so first."""
    error: str | None = None
    error_line: int = 1


@cache
def _environment() -> "ImmutableSandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    # Jinja's own escapes < and & for HTML, which would put \\u003c into prompts.
    filters: Any = getattr(environment, "filters")  # noqa: B009 - its type is not known
    filters["tojson"] = _to_json
    return environment


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


@cache
def analyse(text: str) -> Analysis:
    """Return which names a template needs, or what is wrong with it."""
    from jinja2 import TemplateSyntaxError, meta, nodes

    environment = _environment()
    try:
        tree = environment.parse(text)
        environment.compile(tree)
        tree = environment.parse(text)
    except TemplateSyntaxError as error:
        message = (error.message or "syntax error").rstrip(".")
        return Analysis(variables={}, error=message, error_line=error.lineno)
    needed = meta.find_undeclared_variables(tree)
    lines: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.name in needed and name.ctx == "load":
            lines[name.name] = min(name.lineno, lines.get(name.name, name.lineno))
    visited = {name: line for name, line in sorted(_visited(tree), key=lambda pair: -pair[1])}
    return Analysis(variables=lines, guarded=frozenset(_guarded(tree)), visited=visited)


def _visited(tree: "nodes.Template") -> Iterator[tuple[str, int]]:
    from jinja2 import nodes

    reads: Iterator[Any] = tree.find_all((nodes.Getattr, nodes.Getitem))
    for read in reads:
        if not isinstance(read.node, nodes.Name) or read.node.name != VISITS:
            continue
        name: Any = read.attr if isinstance(read, nodes.Getattr) else read.arg
        name = name.value if isinstance(name, nodes.Const) else name
        if isinstance(name, str):
            yield name, read.lineno


def _guarded(tree: "nodes.Template") -> Iterator[str]:
    from jinja2 import nodes

    for test in tree.find_all(nodes.Test):
        if test.name in ("defined", "undefined") and isinstance(test.node, nodes.Name):
            yield test.node.name
    for used in tree.find_all(nodes.Filter):
        if used.name in ("default", "d") and isinstance(used.node, nodes.Name):
            yield used.node.name


def render(text: str, values: Mapping[str, Any]) -> str:
    """Fill in a template.

    Raises:
        TemplateError: a name has no value, or an expression fails.
    """
    return str(_guarded_call(lambda: _environment().from_string(text).render(values)))


def render_value(template: Any, values: Mapping[str, Any]) -> Any:
    """Fill in all texts of a JSON value; a text that is one `{{ expression }}` keeps its type.

    Raises:
        TemplateError: a name has no value, or an expression fails.
    """
    if is_object(template):
        return {key: render_value(item, values) for key, item in template.items()}
    if is_list(template):
        return [render_value(item, values) for item in template]
    if not isinstance(template, str):
        return template
    expression = _lone_expression(template)
    if expression is None:
        return render(template, values)
    compiled = _environment().compile_expression(expression, undefined_to_none=False)
    value = _guarded_call(lambda: compiled(**values))
    return _guarded_call(lambda: value if _is_defined(value) else str(value))


def is_lone_expression(text: str) -> bool:
    """Tell whether a text is one `{{ expression }}`, which keeps its type."""
    return _lone_expression(text) is not None


def texts_in(template: Any, keys: Keys) -> Iterator[tuple[Keys, str]]:
    """Yield every text of a JSON value with the keys that lead to it."""
    if isinstance(template, str):
        yield keys, template
    elif is_object(template):
        for key, item in template.items():
            yield from texts_in(item, (*keys, key))
    elif is_list(template):
        for index, item in enumerate(template):
            yield from texts_in(item, (*keys, index))


def _lone_expression(text: str) -> str | None:
    tokens = [t for t in _environment().lex(text.strip()) if t[1] != "whitespace"]
    kinds = [kind for _, kind, _ in tokens]
    lone = kinds[:1] == ["variable_begin"] and kinds.index("variable_end") == len(kinds) - 1
    return text.strip().strip("{}-+").strip() if lone and kinds.count("data") == 0 else None


def _is_defined(value: Any) -> bool:
    from jinja2 import Undefined

    return not isinstance(value, Undefined)


def _guarded_call(call: Any) -> Any:
    from jinja2 import TemplateError as JinjaError
    from jinja2 import UndefinedError

    try:
        return call()
    except UndefinedError as error:
        raise TemplateError(
            f"{error.message}; give it a default, or write it in an earlier node."
        ) from None
    except JinjaError as error:
        raise TemplateError(f"The template cannot be filled in: {error.message}.") from None
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise TemplateError(
            f"The template cannot be filled in: {type(error).__name__}: {error}."
        ) from None
