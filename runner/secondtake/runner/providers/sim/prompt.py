"""Taking a prompt apart: what is asked, what is given, what carries a label."""

import re
from dataclasses import dataclass, field
from typing import Final

from secondtake.runner.providers.sim.lexicon import IMPERATIVES, word_set
from secondtake.runner.providers.sim.text import BULLET, logical_lines, sentences, stem, words

LABEL: Final = re.compile(
    r"^\s*(?:[-*•]\s+|#{1,6}\s*)?(?:\*\*|__)?([^\W\d_][\w '/()%-]{0,40}?)(?:\*\*|__)?\s*:(?:\*\*)?"
    r"(?:\s+(.*))?$"
)
INLINE_LABEL: Final = re.compile(
    r"(?<=[.!?:;])[ \t]+(?=[A-Z][a-z]{2,15}(?: [a-z]{2,10})?:(?:\s|$))"
)
TAG: Final = re.compile(r"^\s*<(/?)([A-Za-z][\w-]*)(?:\s+[^<>]*)?>\s*$")
FENCE: Final = re.compile(r"^\s*(?:```|~~~|-{3,}|={3,})")
HEADING: Final = re.compile(r"^\s*#{1,6}\s+(.*)$|^\s*\[([\w./ -]+\.\w{1,5})\]\s*$")
PATH: Final = re.compile(
    r"(?<![\w@:/.-])(?:\.{0,2}/)?(?:[\w-]+/)*[\w-]+(?:\.[\w-]+)*\.[A-Za-z][A-Za-z0-9]{0,4}\b(?!\.\w|/|@)"
)
FILE_KINDS: Final = word_set(
    "md txt rst csv tsv json jsonl yaml yml toml ini cfg log py js ts html htm xml pdf doc docx "
    "xls xlsx sql sh c h cpp java go rs rb parquet ndjson tex"
)
TOPIC_LABELS: Final = ("topic", "subject", "theme", "title", "about", "question", "query")
QUESTION_LABELS: Final = frozenset({"question", "task", "query", "goal", "request", "instruction"})
GIVEN_LABELS: Final = word_set("""context text document documents notes input message passage review ticket email data
    sources source article report draft transcript findings facts excerpt excerpts content
    results evidence background material answers""")
SECOND_PERSON: Final = frozenset({"you", "your", "must", "please"})


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A sentence that was given, and where it stands."""

    text: str
    source: str | None = None
    """The file or document it comes from; None when the prompt does not say."""
    heading: str = ""
    """The headings that it stands under; they tell what it is about."""


@dataclass(kw_only=True)
class Prompt:
    """One message, taken apart."""

    text: str = ""
    asked: list[str] = field(default_factory=list[str])
    """Sentences that ask for something."""
    given: list[Passage] = field(default_factory=list[Passage])
    """Sentences that give something."""
    labels: dict[str, str] = field(default_factory=dict[str, str])
    """Lines of the form `Label: value`, keys in lower case."""

    @property
    def question(self) -> str:
        """All that is asked, as one text."""
        return " ".join(self.asked)


def read_prompt(text: str) -> Prompt:
    """Sort the sentences of a prompt into what is asked and what is given."""
    prompt = Prompt(text=text)
    reader = _Reader(prompt)
    for line in logical_lines(INLINE_LABEL.sub("\n", text)):
        reader.take(line)
    return prompt


def find_paths(text: str) -> list[str]:
    """Return the file names in `text`, each once, in their order."""
    found = dict.fromkeys(PATH.findall(text))
    return [path for path in found if path.rsplit(".", 1)[-1].lower() in FILE_KINDS]


def is_request(sentence: str) -> bool:
    """Return True for a question, a command, or a rule of conduct for the model."""
    if sentence.endswith("?"):
        return True
    tokens = words(sentence)
    if not tokens:
        return False
    polite = tokens[0] in {"please", "then", "now", "first", "finally"}
    if tokens[0] in IMPERATIVES or (polite and IMPERATIVES & set(tokens[1:2])):
        return True
    return bool(SECOND_PERSON & set(tokens[:6])) and not tokens[0].startswith("thank")


class _Reader:
    """Goes through a prompt line by line, remembering the heading it is under."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self.source: str | None = None
        self.heading = ""
        self.inside = False
        self.after_blank = True

    def take(self, line: str) -> None:
        """Read the next line."""
        if not line.strip():
            self.after_blank = True
            return
        tag = TAG.match(line)
        if tag:
            self.inside = not tag.group(1)
        elif FENCE.match(line):
            self.inside = not self.inside if "`" in line or "~" in line else self.inside
        elif not self._take_heading(line) and not self._take_label(line):
            self._take_prose(line)
        self.after_blank = False

    def _take_heading(self, line: str) -> bool:
        heading = HEADING.match(line)
        if not heading:
            return False
        title = (heading.group(1) or heading.group(2)).strip().rstrip(":")
        paths = find_paths(title)
        self.heading = title
        self.source = paths[0] if paths else self.source
        self.inside = self.inside or bool(paths) or _is_given(title.lower())
        return True

    def _take_label(self, line: str) -> bool:
        match = LABEL.match(line)
        if not match or len(match.group(1).split()) > 5:
            return False
        label, value = match.group(1).strip().lower(), (match.group(2) or "").strip()
        if not value:
            self.inside = _is_given(label) or not self.after_blank or self.inside
            return True
        self.prompt.labels.setdefault(label, value)
        if label in {"source", "file", "document", "path"} and find_paths(value):
            self.source = find_paths(value)[0]
        if label in QUESTION_LABELS:
            self.prompt.asked.extend(sentences(value))
        elif _is_given(label):
            self._give(value)
        elif label not in TOPIC_LABELS and not is_request(value):
            self._give(f"{match.group(1).strip()}: {value}")
        return True

    def _take_prose(self, line: str) -> None:
        bullet = bool(BULLET.match(line))
        for sentence in sentences(line):
            request = is_request(sentence)
            if request and self.inside and (not self.after_blank or bullet):
                request = False
            if request:
                self.inside = False
                self.prompt.asked.append(sentence)
            else:
                self._give(sentence)

    def _give(self, text: str) -> None:
        for sentence in sentences(text):
            cited = find_paths(sentence)
            source = cited[0] if cited and not self.source else self.source
            passage = Passage(text=sentence, source=source, heading=self.heading)
            self.prompt.given.append(passage)


def _is_given(label: str) -> bool:
    return bool({stem(word) for word in words(label)} & {stem(word) for word in GIVEN_LABELS})
