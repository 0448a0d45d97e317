"""What conditions compute with: operators for numbers, comparisons, and a few functions. Pure."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from secondtake.runner.narrow import is_list, is_object

DIGITS_MAX: Final = 20
SHOWN_MAX: Final = 60


def shown(value: Any) -> str:
    """Return a value as an error tells it."""
    if is_object(value):
        return f"an object of {len(value)} keys"
    if is_list(value):
        return f"a list of {len(value)}"
    text = "null" if value is None else repr(value)
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{shown(value)} is not a text")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{shown(value)} is not a number")
    return value


def _lower(text: Any) -> str:
    return _text(text).lower()


def _upper(text: Any) -> str:
    return _text(text).upper()


def _startswith(text: Any, part: Any) -> bool:
    return _text(text).startswith(_text(part))


def _endswith(text: Any, part: Any) -> bool:
    return _text(text).endswith(_text(part))


def _sum(numbers: Any) -> Any:
    return sum(map(_number, numbers))


def _abs(number: Any) -> Any:
    return abs(_number(number))


def _round(number: Any, digits: Any = 0) -> Any:
    if abs(_number(digits)) > DIGITS_MAX:
        raise ValueError(f"round() to more than {DIGITS_MAX} digits")
    return round(_number(number), digits)


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "len": len,
    "lower": _lower,
    "upper": _upper,
    "startswith": _startswith,
    "endswith": _endswith,
    "any": any,
    "all": all,
    "min": min,
    "max": max,
    "sum": _sum,
    "abs": _abs,
    "round": _round,
}


def _add(left: Any, right: Any) -> Any:
    return _number(left) + _number(right)


def _subtract(left: Any, right: Any) -> Any:
    return _number(left) - _number(right)


def _multiply(left: Any, right: Any) -> Any:
    return _number(left) * _number(right)


def _divide(left: Any, right: Any) -> Any:
    return _number(left) / _number(right)


def _divide_down(left: Any, right: Any) -> Any:
    return _number(left) // _number(right)


def _remainder(left: Any, right: Any) -> Any:
    return _number(left) % _number(right)


def _negative(value: Any) -> Any:
    return -_number(value)


def _is_in(item: Any, whole: Any) -> bool:
    return item in whole


def _is_not_in(item: Any, whole: Any) -> bool:
    return item not in whole


OPERATORS: Final[Mapping[type[ast.AST], Callable[..., Any]]] = {
    ast.Add: _add,
    ast.Sub: _subtract,
    ast.Mult: _multiply,
    ast.Div: _divide,
    ast.FloorDiv: _divide_down,
    ast.Mod: _remainder,
    ast.USub: _negative,
    ast.UAdd: _number,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: _is_in,
    ast.NotIn: _is_not_in,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
