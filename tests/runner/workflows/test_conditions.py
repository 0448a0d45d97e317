"""Conditions: what they can say, and that nothing else can be reached through them."""

import ast
import contextlib
import keyword
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secondtake.runner.workflows.condition_parts import FUNCTIONS
from secondtake.runner.workflows.conditions import (
    CONSTANTS,
    ConditionError,
    holds,
    parse_condition,
)

VALUES: dict[str, Any] = {
    "score": 9,
    "category": "billing",
    "approved": False,
    "missing": None,
    "notes": ["a", "b", "b"],
    "invoice": {"total": 2.5, "lines": [{"hours": 38}], "_hidden": 1},
    "visits": {"draft": 3, "fact-check": 1},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("score < 8 and visits.draft < 3", False),
        ("score >= 8 or not approved", True),
        ("category == 'billing'", True),
        ('category in ["technical", "billing"]', True),
        ("missing is null and missing == None", True),
        ("approved is false or approved == true", True),
        ("invoice.total * 2 == 5", True),
        ("invoice.lines[0].hours // 10 == 3 and invoice['total'] % 2 == 0.5", True),
        ("visits['fact-check'] == 1", True),
        ("len(notes) > 2 and lower('A') == notes[0] and upper(category) == 'BILLING'", True),
        ("any(note == 'c' for note in notes)", False),
        ("all(len(note) == 1 for note in notes if note != 'a')", True),
        ("sum([score, 1]) == 10 and max(score, 3) == 9 and round(2.6) == 3 and abs(-1) == 1", True),
        ("startswith(category, 'bill') and not endswith(category, 'bill')", True),
        ("'yes' if score > 5 else ''", True),
        ("1 < score < 9", False),
        ("-score < +0", True),
        ("score > 5\n  and\tscore < 10", True),
        ("category", True),
        ("missing", False),
    ],
)
def test_a_condition_says_what_it_looks_like(text: str, expected: bool) -> None:
    assert holds(parse_condition(text), VALUES) is expected


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("score <", 7, "not an expression"),
        ("(((((", 4, "not an expression"),
        ("score.__class__", 0, "`.__class__` is not allowed"),
        ("invoice._hidden", 0, "`._hidden` is not allowed"),
        ("score < 3 and category.upper()", 14, "only these functions can be called"),
        ("lenn(notes)", 0, "no function `lenn`; did you mean `len`?"),
        ("eval('1')", 0, "no function `eval`"),
        ("len(notes, key=1)", 0, "`len` takes plain values only"),
        ("min(*notes)", 0, "`min` takes plain values only"),
        ("score ** 9", 0, "`**` is not allowed"),
        ("f'{score}'", 0, "an f-text is not allowed"),
        ("notes[0:1]", 6, "a slice is not allowed"),
        ("lambda: 1", 0, "`lambda` is not allowed"),
        ("{1: 2}", 0, "`Dict` is not allowed"),
        ("(x := 3)", 1, "`:=` is not allowed"),
        ("b'a' == 1", 0, "only texts, numbers, true, false and null"),
        ("category is 'billing'", 0, "write =="),
        ("[a for a, b in notes]", 0, "write `for NAME in LIST`"),
        (r"category == '\x41'", 13, "`\\` is not allowed"),
        ("not " * 60 + "score", 0, "nested too deep"),
        ("(" * 400 + "score" + ")" * 400, 0, ""),
        ("1 + " * 400 + "1", 0, "longer than 1000 characters"),
        ("import os", 0, "not an expression"),
        ("", 0, "not an expression"),
    ],
)
def test_what_is_not_allowed_is_refused_with_its_place(
    text: str, offset: int, expected: str
) -> None:
    with pytest.raises(ConditionError) as refused:
        parse_condition(text)
    assert expected in refused.value.message
    if offset:
        assert refused.value.offset == offset


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("missing < 8", "`missing < 8` cannot be evaluated (missing = null)"),
        ("category + 'x'", "'billing' is not a number"),
        ("invoice.toal", "the object has no `toal`"),
        ("score.total", "9 is not an object, it has no `total`"),
        ("notes[7]", "there is no list index out of range"),
        ("score / 0", "division by zero"),
        ("visits.draft > category", "(category = 'billing', visits.draft = 3)"),
        ("round(1.5, 99)", "more than 20 digits"),
        ("sum(category)", "'b' is not a number"),
    ],
)
def test_what_cannot_be_evaluated_names_the_values(text: str, expected: str) -> None:
    with pytest.raises(ConditionError) as failed:
        holds(parse_condition(text), VALUES)
    assert expected in failed.value.message


def test_the_names_that_are_read_are_known_beforehand() -> None:
    text = "score < 8 and any(n == score for n in notes) and visits.draft > visits['fact-check']"
    condition = parse_condition(text)
    assert set(condition.names) == {"score", "notes", "visits"}
    assert condition.names["notes"] == text.index("notes")
    assert condition.visited == {"draft": text.index("draft"), "fact-check": text.index("fact")}


LARGE: dict[str, Any] = {"big": list(range(100_000)), "text": "ab" * 500_000, "x": 3}


@pytest.mark.parametrize(
    "text",
    [
        "all(all(a == a for a in big) for b in big)",
        "any(any(text == 1 for a in big) for b in big)",
        "len([[c for c in big] for b in big]) < 0",
        "any('" + "ab" * 200 + "c' in text for b in big)",
        "all(sum(big) > 0 for b in big)",
        "x * x * x * x * x * x < 0",
        "9" * 900 + " > x",
    ],
)
def test_a_hostile_condition_ends(text: str) -> None:
    started_s = time.monotonic()
    with contextlib.suppress(ConditionError):
        holds(parse_condition(text), LARGE)
    assert time.monotonic() - started_s < 20, "it would have taken hours"


ESCAPES = [
    "().__class__.__bases__[0].__subclasses__()",
    "''.__class__.__mro__[1]",
    "score.__init__.__globals__",
    "notes.__class__",
    "(lambda: 0).__code__",
    "__import__('os').system('true')",
    "getattr(score, 'real')",
    "'{0.__class__}'.format(score)",
    "f'{score.__class__}'",
    "'%s' % score",
    "[x for x in ().__class__.__base__.__subclasses__()]",
    "len.__self__",
    "len",
    "[len][0]('abc')",
    "(len if score else len)(notes)",
    "invoice.keys()",
    "invoice.keys",
    "invoice['keys']",
    "exec('import os')",
    "open('/etc/passwd')",
    "globals()",
    "vars()",
    "type(score)",
    "any.__call__(notes)",
    "notes.append(1)",
    "score.real",
    "category.upper",
    "[(yield) for x in notes]",
    "await score",
    "visits.clear()",
    "visits.items",
    "None.__class__",
    "...",
]
PIECES = st.sampled_from(
    ["score", "notes", "invoice", "visits", "category", ".", "__class__", "__globals__", "real",
     "upper", "keys", "items", "(", ")", "[", "]", "0", "'a'", "len", "any", "min", "eval", "lambda",
     ":", "for", "in", "if", "else", "x", "==", "<", "and", "not", "*", "**", "+", "%", ",", "{", "}",
     "f'{", "}'", "import", "os", " ", "is", "null", "await", "yield", ":=", "@", "__import__"]
)  # fmt: skip


@given(st.lists(PIECES, min_size=1, max_size=14).map(" ".join) | st.text(max_size=40))
def test_no_attribute_import_or_call_is_reachable(text: str) -> None:
    check_harmless(text)


@pytest.mark.parametrize("text", ESCAPES)
def test_no_known_escape_works(text: str) -> None:
    check_harmless(text)


class Trap:
    """Reports any attribute that is looked at, and any call."""

    touched: list[str]

    def __init__(self) -> None:
        object.__setattr__(self, "touched", [])

    def __getattribute__(self, name: str) -> Any:
        if name in ("touched", "__class__"):
            return object.__getattribute__(self, name)
        self.touched.append(name)
        raise AttributeError(name)

    def __call__(self, *_: Any, **__: Any) -> None:
        self.touched.append("()")


def check_harmless(text: str) -> None:
    """A text is refused, or is an expression of allowed parts that touches nothing but values."""
    traps = {name: Trap() for name in ("real", "upper", "os", "x")}
    values = {**VALUES, **traps}
    before = repr(VALUES)
    try:
        condition = parse_condition(text)
        result = holds(condition, values)
    except ConditionError:
        result = False
    else:
        calls = [node for node in ast.walk(condition.tree) if isinstance(node, ast.Call)]
        for call in calls:
            assert isinstance(call.func, ast.Name)
            assert call.func.id in FUNCTIONS
        for node in ast.walk(condition.tree):
            assert not (isinstance(node, ast.Attribute) and node.attr.startswith("_"))
    assert isinstance(result, bool)
    assert repr(VALUES) == before
    assert not any(trap.touched for trap in traps.values())
    assert set(CONSTANTS.values()) <= {True, False, None}


@example("invoice.keys")
@example("thing.upper.real")
@given(st.from_regex(r"\A[a-z]{1,8}\.[a-z_]{1,12}\Z"))
def test_a_dot_reads_keys_of_objects_and_nothing_else(text: str) -> None:
    root, key = text.split(".")[:2]
    for whole in ("a text", 1, [1], {"other": 1}):
        with contextlib.suppress(ConditionError):
            assert not holds(parse_condition(text), {root: whole}), "an attribute was read"
    if (
        key.startswith("_")
        or root in CONSTANTS
        or keyword.iskeyword(root)
        or keyword.iskeyword(key)
    ):
        return
    assert holds(parse_condition(f"{root}.{key}"), {root: {key: 1}})
