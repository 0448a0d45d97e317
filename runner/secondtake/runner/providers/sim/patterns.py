"""Making a text that fits a regular expression, for the `pattern` of a JSON Schema.

Covers what schemas use: literals, escapes, classes, groups, alternation, counts and anchors.
Look-around and back references are not covered; such a pattern gives None.
"""

import re
from dataclasses import dataclass
from typing import Final

CLASSES: Final = {"d": "1", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}
LOOPS_MAX: Final = 1000


def example_of(pattern: str) -> str | None:
    """Return a text in which `pattern` is found; None when none could be made."""
    try:
        compiled = re.compile(pattern)
        text = _Maker(pattern).alternatives()
    except (re.error, ValueError, IndexError, RecursionError):
        return None
    return text if compiled.search(text) else None


@dataclass
class _Maker:
    """A recursive descent through the pattern; `at` is where it reads."""

    pattern: str
    at: int = 0

    def alternatives(self) -> str:
        """Read `a|b|c` and return the text of the first."""
        first = self.sequence()
        while self.peek() == "|":
            self.at += 1
            self.sequence()
        return first

    def sequence(self) -> str:
        """Read pieces up to `|`, `)` or the end."""
        made: list[str] = []
        while self.peek() not in ("", "|", ")"):
            piece = self.piece()
            made.append(piece * self.count())
        return "".join(made)

    def piece(self) -> str:
        """Read one character, class or group."""
        char = self.take()
        if char in "^$":
            return ""
        if char == "(":
            return self.group()
        if char == "[":
            return self.char_class()
        if char == "\\":
            return self.escape()
        return "a" if char == "." else char

    def group(self) -> str:
        """Read a group whose `(` was taken."""
        if self.peek() == "?":
            named = re.match(r"\?(?::|P<\w+>)", self.pattern[self.at :])
            if not named:
                raise ValueError("look-around")
            self.at += named.end()
        made = self.alternatives()
        if self.take() != ")":
            raise ValueError("open group")
        return made

    def char_class(self) -> str:
        """Read a class whose `[` was taken and return one member."""
        start = self.at
        self.at += 1 if self.peek() == "^" else 0
        self.at += 1 if self.peek() == "]" else 0
        while self.peek() != "]":
            self.at += 2 if self.peek() == "\\" else 1
            if self.at >= len(self.pattern):
                raise ValueError("open class")
        self.at += 1
        member = re.compile(f"[{self.pattern[start : self.at]}")
        candidates = [chr(code) for code in (*range(97, 123), *range(48, 58), *range(32, 127))]
        capitals = [chr(code) for code in range(65, 91)]
        return next(c for c in (*capitals, *candidates, "é", "\n") if member.match(c))

    def escape(self) -> str:
        """Read an escape whose backslash was taken."""
        char = self.take()
        if char in "bBAZ":
            return ""
        if char.isdigit():
            raise ValueError("back reference")
        return CLASSES.get(char) or ESCAPES.get(char) or char

    def count(self) -> int:
        """Read a count after a piece and return the least that it allows; 1 for none."""
        match = re.match(r"([*+?]|\{(\d+)(?:,\d*)?\})[?+]?", self.pattern[self.at :])
        if not match:
            return 1
        self.at += match.end()
        if match.group(2):
            return min(int(match.group(2)), LOOPS_MAX)
        return 0 if match.group(1) in "*?" else 1

    def peek(self) -> str:
        """Return the next character; "" at the end."""
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        """Return the next character and go past it."""
        char = self.pattern[self.at]
        self.at += 1
        return char
