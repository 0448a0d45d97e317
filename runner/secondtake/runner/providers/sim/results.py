"""Reading what tools returned: JSON, search hits, file contents, error texts."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from secondtake.runner.narrow import is_container, is_list, is_mapping
from secondtake.runner.providers.sim.prompt import Passage, find_paths, read_prompt
from secondtake.runner.providers.sim.text import logical_lines, sentences

HIT: Final = re.compile(r"^([\w./-]+\.\w{1,5}):(?:(\d+):)?\s?(.*)$")
NUMBER_ALONE: Final = re.compile(r"^\s*-?[$€£]?\d[\d.,e+-]*\s*$")
HEADING: Final = re.compile(r"^(#{1,6})\s+(.*)$")
ERROR: Final = re.compile(
    r"^\W*(?:error|traceback|exception|\w*error:|failed|refused|cannot|unknown|invalid|"
    r"no such|not found)\b",
    re.IGNORECASE,
)
SOURCE_KEYS: Final = ("path", "file", "filename", "source", "document", "url", "title")
TEXT_KEYS: Final = ("text", "content", "snippet", "line", "body", "quote", "excerpt", "passage")
WRAPPER_KEYS: Final = ("result", "results", "output", "data", "value", "matches", "hits", "items")


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """One finished tool call: what was asked for and what came back."""

    tool: str
    arguments: Mapping[str, Any]
    text: str

    @property
    def is_error(self) -> bool:
        """Whether the tool says that it failed."""
        value = parse_json(self.text)
        if is_mapping(value):
            mapping = value
            return bool(mapping.get("error")) or mapping.get("is_error") is True
        return bool(ERROR.match(self.text))

    @property
    def is_number(self) -> bool:
        """Whether it is nothing but a number, as a calculator returns it."""
        return bool(NUMBER_ALONE.match(self.text))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it to go on."""
        if self.is_error:
            return True
        value = parse_json(self.text)
        if value is None:
            return bool(re.match(r"^\W*(?:no |nothing|none|0 |null|$)", self.text, re.IGNORECASE))
        if is_mapping(value):
            inner = [v for k, v in value.items() if k in WRAPPER_KEYS]
            return bool(inner) and not any(_has_content(v) for v in inner)
        return not _has_content(value)

    @property
    def paths(self) -> list[str]:
        """The files that it names, in their order."""
        return find_paths(self.text.replace("\\n", "\n"))

    def passages(self) -> list[Passage]:
        """Return its sentences, each with the file it comes from where that is known."""
        if self.is_error or self.is_empty:
            return []
        value = parse_json(self.text)
        own = next((str(v) for k, v in self.arguments.items() if k in SOURCE_KEYS), None)
        if is_container(value):
            return list(_json_passages(value, source=own))
        return list(_text_passages(self.text, source=own))

    def labels(self) -> dict[str, str]:
        """Return the named values of a JSON result, and the `label: value` lines of a text."""
        value = parse_json(self.text)
        if not is_container(value):
            return read_prompt(self.text).labels
        found: dict[str, str] = {}
        for key, leaf in _leaves(value):
            found.setdefault(key.replace("_", " ").lower(), leaf)
        return found


def parse_json(text: str) -> Any:
    """Return the JSON value that `text` is; None when it is none."""
    bare = text.strip()
    if not bare or bare[0] not in '{["-0123456789tfn':
        return None
    try:
        return json.loads(bare)
    except (ValueError, RecursionError):
        return None


def _has_content(value: Any) -> bool:
    return value is not None and value not in ("", [], {})


def _text_passages(text: str, *, source: str | None) -> Iterator[Passage]:
    headings: list[str] = []
    for line in logical_lines(text):
        heading = HEADING.match(line)
        if heading:
            headings = [*headings[: len(heading.group(1)) - 1], heading.group(2)]
            continue
        hit = HIT.match(line.strip())
        named = hit.group(1) if hit and find_paths(hit.group(1)) else None
        for sentence in sentences(hit.group(3) if hit and named else line):
            if find_paths(sentence) != [sentence]:
                about = " ".join(headings)
                yield Passage(text=sentence, source=named or source, heading=about)


def _json_passages(value: Any, *, source: str | None) -> Iterator[Passage]:
    if is_mapping(value):
        yield from _mapping_passages(value, source=source)
    elif is_list(value):
        for item in value:
            yield from _json_passages(item, source=source)
    elif isinstance(value, str):
        yield from _text_passages(value, source=source)
    elif value is not None:
        yield Passage(text=str(value), source=source)


def _mapping_passages(value: Mapping[str, Any], *, source: str | None) -> Iterator[Passage]:
    named = next((v for k in SOURCE_KEYS if isinstance(v := value.get(k), str)), source)
    texts = [v for k in TEXT_KEYS if isinstance(v := value.get(k), str)]
    nested = [v for v in value.values() if is_container(v)]
    for text in texts:
        yield from _text_passages(text, source=named)
    for inner in nested:
        yield from _json_passages(inner, source=named)
    if not texts:
        scalars = [
            f"{k.replace('_', ' ')}: {scalar_text(v)}"
            for k, v in value.items()
            if not is_container(v) and v is not None
        ]
        if scalars:
            yield Passage(text="; ".join(scalars), source=named)


def scalar_text(value: Any) -> str:
    """Return a JSON scalar as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _leaves(value: Any, key: str = "value") -> Iterator[tuple[str, str]]:
    if is_mapping(value):
        for name, inner in value.items():
            yield from _leaves(inner, str(name))
    elif is_list(value):
        for inner in value:
            yield from _leaves(inner, key)
    elif value is not None:
        yield key, scalar_text(value)
