"""The tool `calculator`: arithmetic in an expression, parsed and never `eval`ed.

Only numbers, the operators of `OPERATORS`, the functions of `FUNCTIONS` and the names of `NAMES`
exist. Integers are held below `MAX_BITS` so that no short expression can use up time or memory.
"""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any, Final

from secondtake.runner.errors import ToolError

MAX_LENGTH: Final = 1000
MAX_BITS: Final = 10_000
MAX_FACTORIAL: Final = 1000
SIGNIFICANT_DIGITS: Final = 15
"""A double has 15 to 17; at 15, 0.1 + 0.2 reads 0.3."""

ALLOWED_NODES: Final = (
    ast.Expression, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Load,
    ast.operator, ast.unaryop,
)  # fmt: skip


def calculator(expression: str) -> int | float:
    """Compute an arithmetic expression.

    Args:
        expression: Numbers, + - * / // % **, parentheses, the functions abs ceil exp factorial
            floor log log10 log2 max min round sqrt sin cos tan, and pi, e. Example: (3 + 4) * 2 ** 5
    """
    import simpleeval  # type: ignore[import-untyped]

    _check(expression)
    evaluator: Any = simpleeval.SimpleEval(operators=OPERATORS, functions=FUNCTIONS, names=NAMES)
    try:
        value = evaluator.eval(expression.strip())
    except ToolError:
        raise
    except ZeroDivisionError:
        raise ToolError("Division by zero.") from None
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise ToolError(f"Cannot compute {expression!r}: {error}.") from None
    except simpleeval.InvalidExpression as error:
        raise ToolError(f"Cannot compute {expression!r}: {error} {HINT}") from None
    return _finished(value)


def _check(expression: str) -> None:
    """Refuse whatever is not plain arithmetic, before anything is evaluated."""
    if len(expression) > MAX_LENGTH:
        raise ToolError(f"The expression is longer than {MAX_LENGTH} characters; split it.")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ToolError(f"{expression!r} is not an arithmetic expression. {HINT}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.BitXor):
            raise ToolError("Write a power as ** and not as ^, for example 2 ** 10.")
        plain = isinstance(node, ALLOWED_NODES)
        number = not isinstance(node, ast.Constant) or type(node.value) in (int, float)
        if not (plain and number):
            raise ToolError(f"{expression!r} is not plain arithmetic. {HINT}")
        if isinstance(node, ast.Name) and node.id not in (*NAMES, *FUNCTIONS):
            raise ToolError(f"There is no {node.id!r} here. {HINT}")


def _finished(value: Any) -> int | float:
    if isinstance(value, int) and not isinstance(value, bool):
        _bounded(value)
        return value
    if not isinstance(value, float):
        raise ToolError(f"The result is not a real number. {HINT}")
    if not math.isfinite(value):
        raise ToolError("The result is too large or not a number.")
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ToolError(f"A whole number has more than {MAX_BITS} bits; use smaller numbers.")
    return value


def _power(base: Any, exponent: Any) -> Any:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and abs(exponent) * base.bit_length() > MAX_BITS:
        raise ToolError(f"{base} ** {exponent} is too large; write a number as 2.0 instead.")
    return base**exponent


def _divide(left: Any, right: Any) -> Any:
    return left / right


def _divide_whole(left: Any, right: Any) -> Any:
    return left // right


def _multiply(left: Any, right: Any) -> Any:
    return _bounded(left * right)


def _factorial(number: int) -> int:
    if number > MAX_FACTORIAL:
        raise ToolError(f"factorial takes numbers up to {MAX_FACTORIAL}.")
    return math.factorial(number)


HINT: Final = "Use numbers, + - * / // % ** ( ) and functions such as sqrt, round, max."
NAMES: Final[dict[str, Any]] = {"pi": math.pi, "e": math.e}
OPERATORS: Final[dict[type[ast.AST], Callable[..., Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _multiply,
    ast.Div: _divide,
    ast.FloorDiv: _divide_whole,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "abs": abs, "ceil": math.ceil, "cos": math.cos, "exp": math.exp, "factorial": _factorial,
    "floor": math.floor, "log": math.log, "log10": math.log10, "log2": math.log2, "max": max,
    "min": min, "round": round, "sin": math.sin, "sqrt": math.sqrt, "tan": math.tan,
}  # fmt: skip
