"""Finding sums in a text, and doing them.

Expressions come out in the notation of a calculator: `+ - * / ** ( )` and plain decimals.
"""

import ast
import operator
import re
from collections.abc import Callable
from decimal import Decimal, DivisionByZero, InvalidOperation, localcontext
from typing import Final

DIGITS: Final = r"\d[\d,]{0,18}(?:\.\d{1,18})?"
NUMBER: Final = rf"(?<![\d,.])[$€£]?({DIGITS})"
UNIT: Final = r"(?:\s*(?:euros?|dollars?|pounds?|usd|eur|kwh|kg|km|days?|hours?|units?|items?))?"
GAP: Final = r"\s{0,3}"
INFIX: Final = re.compile(
    rf"(?<![\w.,])\({{0,9}}{GAP}-?{DIGITS}{GAP}\){{0,9}}"
    rf"(?:{GAP}(?:\*\*|//|[-+*/x×÷^]){GAP}\({{0,9}}{GAP}-?{DIGITS}{GAP}\){{0,9}}){{1,40}}(?!\w)"  # noqa: RUF001
)
DATE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b\d{2,4}-\d{3,}\b")
PHRASES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern.replace("NUM", NUMBER).replace("UNIT", UNIT), re.IGNORECASE), form)
    for pattern, form in (
        (r"NUM\s*(?:%|percent)UNIT of NUM", "{1} * {0} / 100"),
        (r"(?:sum of|add) NUM UNIT(?:and|to) NUM", "{0} + {1}"),
        (r"(?:sum of|add) NUMUNIT (?:and|to) NUM", "{0} + {1}"),
        (r"difference between NUMUNIT and NUM", "{0} - {1}"),
        (r"subtract NUMUNIT from NUM", "{1} - {0}"),
        (r"(?:product of|multiply) NUMUNIT (?:and|by|with) NUM", "{0} * {1}"),
        (r"divide NUMUNIT by NUM", "{0} / {1}"),
        (r"average of NUMUNIT and NUM", "({0} + {1}) / 2"),
        (r"square root of NUM", "{0} ** 0.5"),
        (r"square of NUM", "{0} ** 2"),
        (r"half of NUM", "{0} / 2"),
        (r"NUMUNIT plus NUM(?!\d|[.,]\d|\s*(?:%|percent))", "{0} + {1}"),
        (r"NUMUNIT (?:minus|less) NUM(?!\d|[.,]\d|\s*(?:%|percent))", "{0} - {1}"),
        (r"NUMUNIT (?:times|multiplied by) NUM", "{0} * {1}"),
        (r"NUMUNIT (?:divided by|over) NUM", "{0} / {1}"),
        (r"NUMUNIT plus NUM\s*(?:%|percent)(?! of)", "{0} * (1 + {1} / 100)"),
        (r"NUMUNIT (?:minus|less) NUM\s*(?:%|percent)(?! of)", "{0} * (1 - {1} / 100)"),
        (r"NUM squared", "{0} ** 2"),
        (
            r"NUM (?:[a-z]+ ){1,4}(?:at|for|costs?|priced at) NUMUNIT (?:each|apiece|per \w+)",
            "{0} * {1}",
        ),
    )
)
LIST: Final = re.compile(
    rf"\b(sum|total|average|mean|product)\s{{1,3}}of\s{{1,3}}((?:[$€£]?{DIGITS}(?:,\s{{1,3}}and\s{{1,3}}|,\s{{1,3}}|"
    rf"\s{{1,3}}and\s{{1,3}})){{1,40}}[$€£]?{DIGITS})",
    re.IGNORECASE,
)
OPERATIONS: Final[dict[type[ast.AST], Callable[[Decimal, Decimal], Decimal]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right,
    ast.FloorDiv: lambda left, right: left // right,
    ast.Pow: lambda left, right: left**right,
}
CHANGE: Final = re.compile(
    r"\s{0,3},?\s{0,3}(plus|minus|less)\s{1,3}(\d{1,9}(?:\.\d{1,9})?)\s{0,3}(?:%|percent)(?! of\b)",
    re.IGNORECASE,
)
"""What may follow a sum: `plus 19 percent VAT`."""
PROBLEM_MOST: Final = 20_000
"""How many characters are searched for sums."""
SYMBOLS: Final = str.maketrans({"x": "*", "×": "*", "÷": "/", "^": " ** "})  # noqa: RUF001


def find_expressions(text: str) -> list[str]:
    """Return the sums that `text` asks for, each once, in their order."""
    masked = DATE.sub(lambda match: " " * len(match.group()), text[:PROBLEM_MOST])
    found: list[tuple[int, int, str]] = []
    for match in LIST.finditer(masked):
        found.append((match.start(), match.end(), _list_expression(*match.groups())))
    for pattern, form in PHRASES:
        for match in pattern.finditer(masked):
            numbers = [_plain(group) for group in match.groups()]
            found.append((match.start(), match.end(), form.format(*numbers)))
    for match in INFIX.finditer(masked):
        found.append((match.start(), match.end(), _infix(match.group())))
    found = [_with_change(masked, *item) for item in found]
    kept: list[tuple[int, int, str]] = []
    for start, end, expression in sorted(found, key=lambda f: (f[0] - f[1], f[0])):
        overlaps = any(start < e and s < end for s, e, _ in kept)
        if not overlaps and evaluate(expression) is not None:
            kept.append((start, end, expression))
    return list(dict.fromkeys(expression for _, _, expression in sorted(kept)))


def evaluate(expression: str) -> Decimal | None:
    """Return the value of an expression; None when it is none or has no value."""
    if len(expression) > 200:
        return None
    try:
        tree = ast.parse(expression, mode="eval").body
        with localcontext() as context:
            context.prec = 28
            return _value(tree)
    except (SyntaxError, ValueError, TypeError, InvalidOperation, DivisionByZero, OverflowError):
        return None


def number_text(value: Decimal) -> str:
    """Write a number as a person does: at most six decimals, no trailing zeros."""
    if value == value.to_integral_value():
        return str(int(value))
    return f"{value:.6f}".rstrip("0").rstrip(".")


def muddled(value: str) -> str:
    """Return `value` with its last two unequal neighbouring digits swapped, else one changed."""
    for i in reversed(range(len(value) - 1)):
        first, second = value[i], value[i + 1]
        leads = second == "0" and not value[i - 1 : i].isdigit()
        if first.isdigit() and second.isdigit() and first != second and not leads:
            return value[:i] + second + first + value[i + 2 :]
    return re.sub(r"\d", lambda m: str((int(m.group()) + 1) % 10), value, count=1)


def _value(node: ast.AST) -> Decimal:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Decimal(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) > 64:
            raise ValueError("power too large")
        return OPERATIONS[type(node.op)](left, right)
    raise ValueError("not a sum")


def _with_change(text: str, start: int, end: int, expression: str) -> tuple[int, int, str]:
    """Take in what follows a sum: `plus 19 percent VAT`."""
    change = CHANGE.match(text, end)
    if not change:
        return start, end, expression
    sign = "+" if change.group(1).lower() == "plus" else "-"
    return start, change.end(), f"({expression}) * (1 {sign} {change.group(2)} / 100)"


def _plain(number: str) -> str:
    return number.replace(",", "").rstrip(".")


def _list_expression(kind: str, numbers: str) -> str:
    parts = re.findall(r"\d[\d,]*(?:\.\d+)?", re.sub(r",\s", " ", numbers))
    values = [_plain(part) for part in parts]
    if kind.lower() == "product":
        return " * ".join(values)
    total = " + ".join(values)
    return f"({total}) / {len(values)}" if kind.lower() in {"average", "mean"} else total


def _infix(text: str) -> str:
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text).translate(SYMBOLS)
    spaced = re.sub(r"\s*(\*\*|//|[-+*/])\s*", r" \1 ", plain).strip()
    return re.sub(r"\s+", " ", re.sub(r"(^|[(*/+-] ?)- (?=\d)", r"\1-", spaced))
