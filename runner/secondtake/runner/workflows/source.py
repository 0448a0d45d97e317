"""Reading a workflow file: YAML 1.2 to plain values, each with its place in the file.

The text is composed to YAML nodes by ruamel.yaml and turned into values here, so that nothing but
the YAML core types can come out, places are exact, and every problem of a file is found at once.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from secondtake.runner.errors import UsageError, WorkflowError
from secondtake.runner.narrow import is_object

MAX_BYTES: Final = 1_000_000
MAX_VALUES: Final = 50_000
"""Aliases included: a few lines of nested aliases would otherwise become billions of values."""
MAX_DEPTH: Final = 60

TAG: Final = "tag:yaml.org,2002:"
NUMBERS: Final = {"inf": math.inf, "nan": math.nan}

Keys = tuple[str | int, ...]
"""Where a value is: `("nodes", "plan", "prompt")`."""


@dataclass(frozen=True, order=True)
class Place:
    """A place in a file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong at a place."""

    place: Place
    text: str
    """What is wrong; how to mend it."""
    keys: Keys = field(default=(), compare=False)


@dataclass(kw_only=True)
class Source:
    """A workflow file that was read."""

    name: str
    """The file as the user named it; problems begin with it."""
    text: str
    data: Any = None
    key_places: dict[Keys, Place] = field(default_factory=dict[Keys, Place])
    value_places: dict[Keys, Place] = field(default_factory=dict[Keys, Place])
    blocks: set[Keys] = field(default_factory=set[Keys])
    """Where texts are written as blocks (`|`, `>`), whose lines are lines of the file."""
    problems: list[Problem] = field(default_factory=list[Problem])
    origins: dict[Keys, str] = field(default_factory=dict[Keys, str])
    """What was set from outside the file, and by what: `--set nodes.plan.model=...`."""

    def place(self, keys: Keys, *, of_key: bool = False) -> Place:
        """Return where the value at `keys` is, or the nearest thing that holds it."""
        if of_key and keys in self.key_places:
            return self.key_places[keys]
        while keys and keys not in self.value_places:
            keys = keys[:-1]
        return self.value_places.get(keys, Place(1, 1))

    def report(self, keys: Keys, text: str, *, of_key: bool = False) -> None:
        """Note a problem with the value at `keys`, or with its key."""
        self.problems.append(Problem(self.place(keys, of_key=of_key), text, keys))

    def report_in_text(self, keys: Keys, text: str, *, line: int, word: str = "") -> None:
        """Note a problem in a text, at `word` in its `line` (from 1)."""
        place = self.place(keys)
        if keys in self.blocks:
            place = Place(place.line + line, 1)
        lines = self.text.splitlines()
        found = lines[place.line - 1].find(word) if word and place.line <= len(lines) else -1
        if found >= 0:
            place = Place(place.line, found + 1)
        self.problems.append(Problem(place, text, keys))

    def report_at(self, keys: Keys, text: str, *, offset: int) -> None:
        """Note a problem in a text that begins so many characters into it."""
        place = self.place(keys)
        lines = self.text.splitlines()
        if keys in self.blocks:
            place = _place_in_block(lines, place.line, offset)
        elif place.line <= len(lines):
            written = lines[place.line - 1]
            quoted = written[place.column - 1 : place.column] in ("'", '"')
            column = place.column + quoted + offset
            place = Place(place.line, column) if column <= len(written) + 1 else place
        self.problems.append(Problem(place, text, keys))

    def raise_problems(self) -> None:
        """Raise what was found.

        Raises:
            WorkflowError: there is at least one problem; each once, in the order of the file.
        """
        if self.problems:
            raise WorkflowError([self._line(p) for p in sorted(set(self.problems))])

    def _line(self, problem: Problem) -> str:
        for length in range(len(problem.keys), 0, -1):
            if origin := self.origins.get(problem.keys[:length]):
                return f"{origin}: {problem.text}"
        return f"{self.name}:{problem.place.line}:{problem.place.column}: {problem.text}"


def _place_in_block(lines: list[str], before: int, offset: int) -> Place:
    """Return the place of a character of a block that begins after the line `before`.

    A line's end counts one character, whether it was kept (`|`) or folded to a space (`>`).
    """
    line = before
    for line in range(before, len(lines)):
        written = lines[line]
        indent = len(written) - len(written.lstrip())
        length = len(written.strip())
        if offset <= length:
            return Place(line + 1, indent + offset + 1)
        offset -= length + 1
    return Place(min(line + 1, max(len(lines), 1)), 1)


def read_source(path: Path) -> Source:
    """Read a workflow file.

    Raises:
        WorkflowError: it cannot be read, is not UTF-8, not YAML, or not a mapping.
    """
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise WorkflowError([f"{path}:1:1: this is a folder; name a .yaml file in it"]) from None
    except OSError as error:
        text = f"{path}:1:1: cannot be read ({error.strerror}); check the name and its rights"
        raise WorkflowError([text]) from None
    if len(data) > MAX_BYTES:
        raise WorkflowError([f"{path}:1:1: larger than {MAX_BYTES} bytes; split the workflow"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        problem = f"{path}:{line}:{column}: not UTF-8; save the file as UTF-8"
        raise WorkflowError([problem]) from None
    return parse_source(text, name=str(path))


def parse_source(text: str, *, name: str) -> Source:
    """Parse the text of a workflow.

    Raises:
        WorkflowError: it is not YAML, or not a mapping.
    """
    source = Source(name=name, text=text)
    root = _compose(source)
    if root is None:
        source.report((), "the file is empty; begin with `name:`, `nodes:` and `edges:`")
        source.raise_problems()
    source.data = _Builder(source).build(root, ())
    if not is_object(source.data):
        source.report((), "not a mapping; begin with `name:`, `nodes:` and `edges:`")
        source.raise_problems()
    return source


def parse_value(text: str, *, flag: str) -> Any:
    """Return a YAML value.

    Raises:
        UsageError: it is not YAML.
    """
    if not text.strip():
        return ""
    try:
        return parse_source(f"value: {text}", name=flag).data["value"]
    except WorkflowError:
        raise UsageError(f"{flag}: {text!r} is not a YAML value; put it in quotes") from None


def _compose(source: Source) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml: Any = YAML(typ="safe", pure=True)
    try:
        return yaml.compose(source.text)
    except MarkedYAMLError as error:
        marked: Any = error
        mark = marked.problem_mark or marked.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        what = " ".join(str(part) for part in (marked.context, marked.problem) if part)
        source.problems.append(Problem(place, f"not YAML: {what}; {_yaml_cure(what)}"))
    except YAMLError as error:
        place = _place_of_character(source.text, getattr(error, "position", None))
        cure = "remove the control character"
        source.problems.append(Problem(place, f"not YAML: a character is not allowed; {cure}"))
    except RecursionError:
        source.problems.append(Problem(Place(1, 1), "nested too deep; make it flatter"))
    source.raise_problems()
    return None


def _place_of_character(text: str, position: Any) -> Place:
    if not isinstance(position, int):
        return Place(1, 1)
    before = text[:position]
    return Place(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _yaml_cure(what: str) -> str:
    cures = {
        r"'\t'": "indent with spaces, not with tabs",
        "mapping values are not allowed": "put a text that contains `: ` in quotes",
        "another document": "keep one workflow in a file",
        "quoted scalar": "close the quotes",
        "expected ','": "close the bracket, or put the text in quotes",
        "undefined alias": "define the anchor before it is used",
        "block end": "check the indentation: it must be the same for all keys of a mapping",
    }
    fitting = (cure for sign, cure in cures.items() if sign in what)
    return next(fitting, "check indentation and quotes here")


class _Builder:
    """Turns YAML nodes into plain values and notes their places."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._count = 0
        self._open: list[int] = []

    def build(self, node: Any, keys: Keys) -> Any:
        source = self._source
        source.value_places[keys] = _place(node)
        self._count += 1
        if self._count > MAX_VALUES or len(keys) > MAX_DEPTH:
            source.report(keys, "too many or too deeply nested values; make the file smaller")
            source.raise_problems()
        if id(node) in self._open:
            source.report(keys, "an alias that contains itself; write the value out")
            source.raise_problems()
        self._open.append(id(node))
        try:
            return self._build(node, keys)
        finally:
            self._open.pop()

    def _build(self, node: Any, keys: Keys) -> Any:
        kind = type(node).__name__
        if kind == "ScalarNode":
            return self._scalar(node, keys)
        if str(node.tag) not in (f"{TAG}map", f"{TAG}seq"):
            self._source.report(keys, f"the tag {node.tag} is not allowed; remove it")
            return None
        if kind == "SequenceNode":
            return [self.build(item, (*keys, index)) for index, item in enumerate(node.value)]
        values: dict[str, Any] = {}
        for key, value in self._pairs(node, keys):
            values[key] = self.build(value, (*keys, key))
        return values

    def _pairs(self, node: Any, keys: Keys) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            if type(key_node).__name__ != "ScalarNode":
                place = _place(key_node)
                text = "a key must be a word; put a text that begins with `{{` in quotes"
                self._source.problems.append(Problem(place, text, keys))
                continue
            key = str(key_node.value)
            if str(key_node.tag) == f"{TAG}merge":
                text = "merge keys (`<<`) are not part of YAML 1.2; write the keys out"
                self._source.problems.append(Problem(_place(key_node), text, keys))
            elif key in seen:
                text = f"`{key}` is there twice; remove or rename one"
                self._source.problems.append(Problem(_place(key_node), text, (*keys, key)))
            else:
                seen.add(key)
                self._source.key_places[(*keys, key)] = _place(key_node)
                yield key, value_node

    def _scalar(self, node: Any, keys: Keys) -> Any:
        tag = str(node.tag).removeprefix(TAG)
        if node.style in ("|", ">"):
            self._source.blocks.add(keys)
        text = str(node.value)
        if tag in ("str", "timestamp", "value"):
            return text
        try:
            value = SCALARS[tag](text)
        except KeyError:
            self._source.report(keys, f"the tag {node.tag} is not allowed; remove it")
            return None
        except ValueError:
            return text
        if isinstance(value, float) and not math.isfinite(value):
            self._source.report(keys, f"{text} is not a finite number; write a number")
            return None
        return value


def _place(node: Any) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _integer(text: str) -> int:
    return int(text.replace("_", ""), 0) if not text.lstrip("+-").isdigit() else int(text)


def _float(text: str) -> float:
    plain = text.replace("_", "").lower()
    for sign, number in NUMBERS.items():
        if plain.endswith(f".{sign}"):
            return number
    return float(plain)


def _boolean(text: str) -> bool:
    return text.lower() in ("true", "yes", "on")


def _null(_text: str) -> None:
    return None


SCALARS: Final[Mapping[str, Callable[[str], Any]]] = {
    "bool": _boolean,
    "float": _float,
    "int": _integer,
    "null": _null,
}
