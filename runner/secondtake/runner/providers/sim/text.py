"""Reading text: sentences, words, stems, and which sentence speaks about a question."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from secondtake.runner.providers.sim.lexicon import NUMBER_WORDS, STOPWORDS

WORD: Final = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")  # noqa: RUF001 - a typographic apostrophe
SENTENCE_END: Final = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")
ABBREVIATION: Final = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|approx|ca|Dr|Mr|Mrs|Ms|Prof|No|St|Fig|Inc|Ltd|Co)|\b[A-Z])\.$"
)
BULLET: Final = re.compile(r"^\s*(?:[-*•]\s+|\d{1,2}[.)]\s+|#{1,6}\s+|>\s+)")
BREAK: Final = re.compile(
    r"^(?:[-*•>#|<`~=\[{]|\d{1,2}[.)]\s|(?:\*\*)?[A-Z][\w '/()%-]{0,40}:(?:\*\*)?(?:\s|$))"
)
"""What begins a line of its own even after a long line: a bullet, a heading, a label."""
WRAPPED_LEAST: Final = 60
"""A line this long may go on in the next one."""
SUFFIXES: Final = (
    ("ational", "ate"), ("ization", "ize"), ("isation", "ize"), ("fulness", "ful"),
    ("iveness", "ive"), ("ances", ""), ("ance", ""), ("ments", "ment"), ("ingly", ""), ("edly", ""), ("ies", "y"),
    ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", ""), ("ly", ""), ("s", ""), ("e", ""),
)  # fmt: skip


def words(text: str) -> list[str]:
    """Return the words of `text` in lower case."""
    return [match.lower() for match in WORD.findall(text)]


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return what a word shares with its plural and its other forms, roughly."""
    if len(word) < 4 or not word.isalpha() or word.endswith("ss"):
        return word
    for ending, replacement in SUFFIXES:
        if word.endswith(ending) and len(word) - len(ending) + len(replacement) >= 3:
            root = word[: -len(ending)] + replacement
            doubled = len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz"
            return root[:-1] if doubled else root
    return word


def stems(text: str) -> list[str]:
    """Return the stems of the words of `text` that carry meaning, in their order."""
    return [stem(word) for word in words(text) if word not in STOPWORDS]


def keywords(text: str) -> list[str]:
    """Return the words of `text` that carry meaning, each once, as they are written there."""
    found: dict[str, str] = {}
    for match in WORD.findall(text):
        if match.lower() not in STOPWORDS and len(match) > 1:
            found.setdefault(stem(match.lower()), match)
    return list(found.values())


def logical_lines(text: str) -> list[str]:
    """Join the lines of a wrapped paragraph, and write each table row as a line of its own.

    Blank lines, headings, bullets and labels stay where they are. A row of a table with the
    header `item | price` reads `lamp: price 4`.
    """
    lines: list[str] = []
    header: list[str] = []
    wrapped = False
    for line in text.splitlines():
        bare = line.strip()
        row = [cell.strip() for cell in bare.strip("|").split("|")] if bare[:1] == "|" else []
        if row:
            if not header:
                header = row
            elif any(re.search(r"\w", cell) for cell in row):
                lines.append(_row_text(header, row))
            wrapped = False
            continue
        header = []
        if wrapped and bare and not BREAK.match(bare):
            lines[-1] = f"{lines[-1]} {bare}"
        else:
            lines.append(line)
        wrapped = len(bare) >= WRAPPED_LEAST
    return lines


def _row_text(header: list[str], row: list[str]) -> str:
    named = [f"{name} {cell}" for name, cell in zip(header[1:], row[1:], strict=False) if cell]
    return f"{row[0]}: {', '.join(named)}" if named else row[0]


def sentences(text: str) -> list[str]:
    """Split prose, bullets and lines into sentences without their markers."""
    result: list[str] = []
    for line in logical_lines(text):
        bare = BULLET.sub("", line).strip()
        start = 0
        for end in SENTENCE_END.finditer(bare):
            piece = bare[start : end.start()].strip()
            if ABBREVIATION.search(piece):
                continue
            result.append(piece)
            start = end.end()
        result.append(bare[start:].strip())
    return [sentence for sentence in result if any(c.isalnum() for c in sentence)]


def relevance(question: str, candidates: Sequence[str]) -> list[float]:
    """Score each candidate by the words that it shares with `question`.

    A word counts for its rarity among the candidates (inverse document frequency,
    `log(1 + N / df)`); long candidates are damped by the root of their length.
    """
    wanted = set(stems(question))
    bags = [Counter(stems(candidate)) for candidate in candidates]
    frequency = Counter(stem_ for bag in bags for stem_ in bag)
    scores: list[float] = []
    for bag in bags:
        hit = sum(math.log(1 + len(bags) / frequency[s]) for s in sorted(wanted & set(bag)))
        scores.append(hit / math.sqrt(10 + sum(bag.values())))
    return scores


def ranked(question: str, candidates: Sequence[str]) -> list[int]:
    """Return the indexes of the candidates that share a word with `question`, best first."""
    scores = relevance(question, candidates)
    order = sorted(range(len(candidates)), key=lambda i: (-round(scores[i], 9), i))
    return [i for i in order if scores[i] > 0]


def number_of(word: str) -> int | None:
    """Return the value of `3` or `three`; None when it is no small number."""
    if word.isascii() and word.isdigit() and len(word) < 4:
        return int(word)
    return NUMBER_WORDS.get(word.lower())


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, cut between words and marked by `...`."""
    if len(text) <= limit:
        return text
    cut = text[: max(limit - 3, 0)].rsplit(" ", 1)[0].rstrip(" ,;:.")
    return f"{cut}..."[:limit]


def capitalised(text: str) -> str:
    """Return `text` with its first letter in upper case."""
    return text[:1].upper() + text[1:]
