"""Conditions of edges: `score < 8 and visits.draft < 3`.

Python's grammar for expressions, of which only the parts below are let through; they are then
evaluated by `simpleeval` on JSON values. Three things are cut out of what it offers: a dot looks
a key of an object up and never touches an attribute, only the functions listed here can be
called, and arithmetic is for numbers. Length, depth, steps and time are bounded.
"""

import ast
import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from secondtake.runner.errors import SecondTakeError
from secondtake.runner.narrow import is_object
from secondtake.runner.workflows.condition_parts import FUNCTIONS, OPERATORS, shown
from secondtake.runner.workflows.schema import VISITS

LENGTH_MAX: Final = 1000
DEPTH_MAX: Final = 40
STEPS_MAX: Final = 20_000
SECONDS_MAX: Final = 1.0

CONSTANTS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None, "none": None}
"""As YAML and JSON write them; Python's own are words of the grammar already."""
JSON_TYPES: Final = (type(None), bool, int, float, str, list, dict, tuple)


class ConditionError(SecondTakeError):
    """A condition is not one, or cannot be evaluated; `offset` counts characters from 0."""

    def __init__(self, message: str, *, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition that was parsed and lets nothing through but what is allowed."""

    text: str
    tree: ast.expr
    names: Mapping[str, int]
    """Inputs and state keys that it reads, each with the offset of its first use."""
    visited: Mapping[str, int]
    """Nodes whose `visits` it reads, each with the offset of its first use."""


@cache
def parse_condition(text: str) -> Condition:
    """Parse a condition.

    Raises:
        ConditionError: it is not one; the text says what is wrong, the cure and where.
    """
    if len(text) > LENGTH_MAX:
        raise ConditionError(f"longer than {LENGTH_MAX} characters; let a node compute it")
    if "\\" in text:
        raise ConditionError(
            "`\\` is not allowed; compare with plain texts", offset=text.find("\\")
        )
    # One line, so that offsets stay those of the text.
    flat = text.replace("\n", " ").replace("\r", " ").replace("\t", " ").rstrip()
    indent = len(flat) - len(flat.lstrip())
    try:
        tree = ast.parse(flat[indent:], mode="eval").body
    except SyntaxError as error:
        # Without an offset the text ends too early.
        offset = indent + error.offset - 1 if error.offset else len(flat)
        message = (error.msg or "invalid syntax").rstrip(".")
        raise ConditionError(f"not an expression: {message}", offset=offset) from None
    except (ValueError, RecursionError, MemoryError):
        raise ConditionError("not an expression: it is nested too deep") from None
    found = _Reader(flat, indent)
    found.read(tree, frozenset(), depth=0)
    return Condition(text=text, tree=tree, names=found.names, visited=found.visited)


class _Reader:
    """Goes through a tree, refuses what is not allowed and notes what is read."""

    def __init__(self, text: str, indent: int) -> None:
        self._encoded = text[indent:].encode()
        self._indent = indent
        self.names: dict[str, int] = {}
        self.visited: dict[str, int] = {}

    def read(self, node: ast.AST, bound: frozenset[str], *, depth: int) -> None:
        if depth > DEPTH_MAX:
            raise ConditionError("nested too deep; let a node compute it")
        problem = _problem(node)
        if problem:
            raise ConditionError(problem, offset=self._offset(node))
        if isinstance(node, ast.Name) and node.id not in bound and node.id not in CONSTANTS:
            self.names.setdefault(node.id, self._offset(node))
        self._note_visit(node)
        if isinstance(node, ast.GeneratorExp | ast.ListComp):
            targets = {target.id for target in map(_target, node.generators) if target}
            bound = bound | targets
        for child in _parts(node):
            self.read(child, bound, depth=depth + 1)

    def _note_visit(self, node: ast.AST) -> None:
        if not isinstance(node, ast.Attribute | ast.Subscript):
            return
        if not (isinstance(node.value, ast.Name) and node.value.id == VISITS):
            return
        if isinstance(node, ast.Attribute):
            self.visited.setdefault(node.attr, self._offset(node) + len(VISITS) + 1)
        elif isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            self.visited.setdefault(node.slice.value, self._offset(node.slice) + 1)

    def _offset(self, node: ast.AST) -> int:
        before = self._encoded[: getattr(node, "col_offset", 0)]
        return self._indent + len(before.decode(errors="replace"))


def _target(generator: ast.comprehension) -> ast.Name | None:
    return generator.target if isinstance(generator.target, ast.Name) else None


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts that are values; a called name is a function, no value."""
    if isinstance(node, ast.Call):
        yield from node.args
    else:
        yield from ast.iter_child_nodes(node)


def _problem(node: ast.AST) -> str | None:
    """Return why a part of a condition is not allowed, None when it is."""
    if isinstance(node, ast.Call):
        return _call_problem(node)
    if isinstance(node, ast.Constant) and not isinstance(
        node.value, str | int | float | bool | None
    ):
        return "only texts, numbers, true, false and null are values here"
    if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
        return f"`.{node.attr}` is not allowed; only keys of objects are"
    if isinstance(node, ast.comprehension) and (node.is_async or _target(node) is None):
        return "write `for NAME in LIST`"
    if isinstance(node, ast.Compare) and not all(map(_is_sound, node.ops, node.comparators)):
        return "`is` is for null, true and false; write =="
    if not isinstance(node, ALLOWED):
        return f"{_called(node)} is not allowed in a condition; let a node compute it"
    return None


def _is_sound(comparison: ast.cmpop, right: ast.expr) -> bool:
    """Refuse identity of texts and numbers: it depends on how Python stores them."""
    if not isinstance(comparison, ast.Is | ast.IsNot):
        return True
    named = isinstance(right, ast.Name) and right.id in CONSTANTS
    return named or (isinstance(right, ast.Constant) and right.value in (None, True, False))


def _call_problem(node: ast.Call) -> str | None:
    names = ", ".join(FUNCTIONS)
    if not isinstance(node.func, ast.Name):
        return f"only these functions can be called: {names}; write lower(x), not x.lower()"
    if node.func.id not in FUNCTIONS:
        from secondtake.runner.workflows.explain import did_you_mean

        return f"no function `{node.func.id}`; {did_you_mean(node.func.id, FUNCTIONS)}"
    if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
        return f"`{node.func.id}` takes plain values only; write {node.func.id}(x)"
    return None


def _called(node: ast.AST) -> str:
    names = {"NamedExpr": "`:=`", "JoinedStr": "an f-text", "Slice": "a slice", "Pow": "`**`",
             "Lambda": "`lambda`", "Starred": "`*`", "Await": "`await`"}  # fmt: skip
    return names.get(type(node).__name__, f"`{type(node).__name__}`")


ALLOWED: Final = (
    *OPERATORS, ast.Constant, ast.Name, ast.Load, ast.Store, ast.BoolOp, ast.And, ast.Or,
    ast.UnaryOp, ast.BinOp, ast.Compare, ast.Attribute, ast.Subscript, ast.IfExp, ast.List,
    ast.Tuple, ast.Call, ast.GeneratorExp, ast.ListComp, ast.comprehension,
)  # fmt: skip


def holds(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Say whether a condition holds.

    Raises:
        ConditionError: it cannot be evaluated with these values; the text names them.
    """
    evaluator = _evaluator(values)
    try:
        return bool(evaluator.eval(condition.text, previously_parsed=condition.tree))
    except ConditionError as error:
        text = error.message
    except Exception as error:  # noqa: BLE001 - whatever a value does, it is the condition's fault
        text = str(error) or type(error).__name__
        if isinstance(error, LookupError):
            text = f"there is no {error}"
    given = told_values(condition, values)
    raise ConditionError(f"`{condition.text.strip()}` cannot be evaluated{given}: {text}")


def told_values(condition: Condition, values: Mapping[str, Any]) -> str:
    """Return what a condition reads, ` (score = 9, visits.draft = 3)`; empty when nothing."""
    told = [f"{name} = {shown(values.get(name))}" for name in condition.names if name != VISITS]
    counts = values.get(VISITS, {})
    told += [f"{VISITS}.{node} = {shown(counts.get(node))}" for node in condition.visited]
    return f" ({', '.join(told)})" if told else ""


def _evaluator(values: Mapping[str, Any]) -> Any:
    """Return a `simpleeval` evaluator that knows nothing but what this module allows."""
    simpleeval: Any = importlib.import_module("simpleeval")
    evaluator: Any = simpleeval.EvalWithCompoundTypes(
        operators=dict(OPERATORS), functions={"len": len}, names={**CONSTANTS, **values}
    )
    evaluator.functions = dict(FUNCTIONS)  # the class adds `list`, `dict` and others to its own
    every: dict[Any, Callable[[Any], Any]] = evaluator.nodes
    handlers = {kind: handle for kind, handle in every.items() if kind in ALLOWED}
    handlers[ast.Attribute] = lambda node: _key(evaluator, node)
    evaluator.nodes = _counted(handlers)
    evaluator._check_disallowed_items = _only_json
    return evaluator


def _counted(
    handlers: Mapping[Any, Callable[[Any], Any]],
) -> dict[Any, Callable[[Any], Any]]:
    until_s = time.monotonic() + SECONDS_MAX
    steps = 0

    def count(handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def step(node: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps > STEPS_MAX or time.monotonic() > until_s:
                raise ConditionError("it takes too long; let a node compute it")
            return handle(node)

        return step

    return {kind: count(handle) for kind, handle in handlers.items()}


def _key(evaluator: Any, node: ast.Attribute) -> Any:
    """Return the key of an object that a dot names; Python's attributes are never looked at."""
    whole = evaluator._eval(node.value)
    if not is_object(whole):
        raise ConditionError(f"{shown(whole)} is not an object, it has no `{node.attr}`")
    if node.attr not in whole:
        raise ConditionError(f"the object has no `{node.attr}`")
    return whole[node.attr]


def _only_json(value: Any) -> None:
    """Refuse all else, should it ever come out of a step: a function, a module, a class."""
    if type(value) not in JSON_TYPES:
        raise ConditionError(f"a {type(value).__name__} is no value of a condition")
