"""Finding the value of a named field in a text: numbers, dates, names, identifiers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from secondtake.runner.providers.sim.lexicon import CONCEPTS, MEASURES, MONTHS, NEGATIONS
from secondtake.runner.providers.sim.prompt import find_paths
from secondtake.runner.providers.sim.text import sentences, stem, stems, words

EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,9}")
URL: Final = re.compile(r"https?://[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]")
PHONE: Final = re.compile(r"(?<![\w-])\+?\d[\d ()-]{6,}\d(?![\w-])")
ISO_DATE: Final = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
NAMED_DATE: Final = re.compile(
    rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)?\s+)?({'|'.join(MONTHS)})"
    r"(?:\s+(\d{1,2})(?:st|nd|rd|th)?)?,?\s+(\d{4})\b",
    re.IGNORECASE,
)
TIME: Final = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?\b")
UUID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
IDENTIFIER: Final = re.compile(
    r"(?:#\s?|\b(?=[\w-]{0,24}\d)(?:[A-Z]{1,6}[-_]?(?=\d)|[A-Z0-9]+[-_](?=[A-Z0-9])))[A-Z0-9]"
    r"[A-Z0-9_-]*\b"
)
CODE: Final = re.compile(r"\b(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-Z0-9]{5,8}\b|\b\d{4,}\b")
PERSON: Final = re.compile(
    r"\b(?:(?:Dr|Mr|Mrs|Ms|Prof)\.?\s+)?[A-Z][a-zà-ÿ]+(?:[ -][A-Z]\.)?(?:[ -][A-Z][a-zà-ÿ]+){1,2}\b"
)
GIVEN_NAME: Final = re.compile(
    r"\b(?:[Mm]y name is|[Nn]amed|[Cc]alled|I am|I'm|Dear|[Rr]egards,?|[Ss]igned)\s+([A-Z][a-zà-ÿ]+"
    r"(?:\s[A-Z][a-zà-ÿ]+)?)"
)
COMPANY: Final = re.compile(
    r"\b[A-Z][\w&]{0,30}(?: [A-Z][\w&]{0,30}){0,5} (?:Inc|Ltd|LLC|GmbH|Corp|Corporation|Company|AG|SA|plc|PLC|"
    r"Group|Bank|Labs|University|Institute)\b\.?"
)
PLACE: Final = re.compile(
    r"\b(?:in|at|from|to|near|for|of)\s+([A-Z][a-zà-ÿ]+(?:[ -](?:[A-Z][a-zà-ÿ]+|de|am|upon))*)"
)
NUMBER: Final = re.compile(
    r"(?<![\w.#-])([$€£]\s?)?(-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?)(?![\w]*-\w|\.\d)"
    r"\s?(%|percent|[A-Za-z€£$/°]+)?"
)
MASKS: Final = (EMAIL, URL, UUID, ISO_DATE, NAMED_DATE, TIME, IDENTIFIER)
MONEY_STEMS: Final = frozenset(
    stem(w)
    for w in [
        "price",
        "amount",
        "cost",
        "total",
        "usd",
        "eur",
        "fee",
        "value",
        "budget",
        "salary",
        "money",
        "paid",
    ]
)
SHARE_STEMS: Final = frozenset(stem(w) for w in ["percent", "percentage", "rate", "share", "ratio"])
COUNT_STEMS: Final = frozenset(
    stem(w) for w in ["count", "quantity", "number", "qty", "num", "items"]
)
MONEY_UNITS: Final = frozenset({"usd", "eur", "dollars", "dollar", "euros", "euro", "pounds"})


@dataclass(frozen=True, kw_only=True)
class Field:
    """A thing to be filled in, as its schema names it."""

    name: str
    description: str = ""
    format: str = ""

    @property
    def name_words(self) -> list[str]:
        """The words of its name: `orderNumber` and `order_number` are order, number."""
        return words(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_-]", " ", self.name))

    @property
    def name_stems(self) -> set[str]:
        """The stems of its name."""
        return {stem(word) for word in self.name_words}

    @property
    def all_stems(self) -> set[str]:
        """The stems of its name and its description."""
        said = " ".join(MEASURES.get(word, "") for word in self.name_words)
        return self.name_stems | set(stems(self.description)) | set(stems(said))

    def speaks_of(self, *options: str) -> bool:
        """Whether its name or format says one of `options`."""
        return bool({stem(option) for option in options} & (self.name_stems | {self.format}))


def labelled_value(field: Field, labels: dict[str, str]) -> str | None:
    """Return the value of the label that names the field."""
    best: tuple[float, str] | None = None
    for label, value in labels.items():
        label_stems = {stem(word) for word in words(label)}
        if not value:
            continue
        if set(words(label)) <= set(words(field.description)):
            best = best or (0.5, value)
        shared = len(label_stems & field.name_stems)
        fit = shared / len(label_stems | field.name_stems)
        if fit >= 0.5 and (best is None or fit > best[0]):
            best = (fit, value)
    return best[1] if best else None


def find_dates(text: str) -> list[str]:
    """Return the dates in `text` as `YYYY-MM-DD`, in their order."""
    found = [(m.start(), m.group()) for m in ISO_DATE.finditer(text)]
    for match in NAMED_DATE.finditer(text):
        day = int(match.group(1) or match.group(3) or 1)
        month = MONTHS[match.group(2).lower()]
        found.append((match.start(), f"{match.group(4)}-{month:02d}-{day:02d}"))
    valid = (date for _, date in sorted(found) if _is_date(date))
    return list(dict.fromkeys(valid))


def find_number(field: Field, text: str) -> float | None:
    """Return the number in `text` that the field names; None when none fits."""
    best: tuple[float, float] | None = None
    for sentence in sentences(text):
        masked = _masked(sentence)
        for match in NUMBER.finditer(masked):
            score = _number_score(field, sentence, match)
            if score > 0 and (best is None or score > best[0]):
                best = (score, float(match.group(2).replace(",", "")))
    return best[1] if best else None


def find_all_numbers(text: str) -> list[float]:
    """Return the numbers of `text` that are no part of a date, a time or an identifier."""
    return [float(m.group(2).replace(",", "")) for m in NUMBER.finditer(_masked(text))]


def find_typed(field: Field, text: str) -> str | None:
    """Return the value of a field whose name or format says what kind of text it is."""
    for finder in (_contact, _moment, _identifier, _place_or_name):
        value = finder(field, text)
        if value:
            return value
    return None


def find_boolean(field: Field, text: str) -> bool | None:
    """Return whether `text` affirms what the field names; None when it is silent."""
    wanted = field.name_stems - {"is", "has", "ha", "need", "should", "can", "wa", "are"}
    for sentence in sentences(text):
        tokens = words(sentence)
        if wanted & {stem(token) for token in tokens}:
            return not NEGATIONS & set(tokens)
    return None


def choose_label(options: Sequence[str], text: str, hints: dict[str, str] | None = None) -> int:
    """Return the index of the label that `text` fits best.

    Counts the words that the text shares with the label, with its hint, and with the words
    that speak of the same thing; the first label wins a tie.
    """
    bag = [stem(word) for word in words(text)]
    scores: list[float] = []
    for option in options:
        own = {stem(word) for word in words(option.replace("_", " "))}
        score = 3.0 * sum(token in own for token in bag)
        score += 1.0 * len(set(stems((hints or {}).get(option, ""))) & set(bag))
        for concept in CONCEPTS:
            members = {stem(word) for word in concept}
            if own & members:
                score += 1.0 * sum(token in members for token in bag)
        scores.append(score)
    return scores.index(max(scores))


def _number_score(field: Field, sentence: str, match: re.Match[str]) -> float:
    symbol, unit = match.group(1), (match.group(3) or "").lower()
    near = words(sentence[max(0, match.start() - 60) : match.start()])
    after = words(sentence[match.end() : match.end() + 30])
    score = 0.0
    for distance, token in enumerate(reversed(near)):
        if stem(token) in field.all_stems:
            score += (2.0 if stem(token) in field.name_stems else 1.0) / (1 + distance / 4)
    for distance, token in enumerate([unit, *after]):
        if token and stem(token) in field.all_stems:
            score += 2.0 / (1 + distance)
    money = bool(symbol) or unit in MONEY_UNITS
    if MONEY_STEMS & field.name_stems:
        score += 1.5 if money else 0.0
    if SHARE_STEMS & field.name_stems:
        score += 1.5 if unit in {"%", "percent"} else -0.5
    if COUNT_STEMS & field.name_stems:
        counted = unit.isalpha() and not money and "." not in match.group(2)
        score += 0.8 if counted else -1.0
    if "year" in field.name_stems:
        score += 1.5 if re.fullmatch(r"(?:1[5-9]|20)\d\d", match.group(2)) else -1.0
    if "age" in field.name_stems:
        score += 2.0 if unit.startswith("year") else 0.0
    return score


def _contact(field: Field, text: str) -> str | None:
    if field.speaks_of("email", "mail"):
        return _first(EMAIL, text)
    if field.speaks_of("url", "uri", "link", "website"):
        return _first(URL, text)
    if field.speaks_of("phone", "telephone", "mobile"):
        return _first(PHONE, text)
    if field.speaks_of("path", "file", "filename", "filepath"):
        paths = find_paths(text)
        return paths[0] if paths else None
    return None


def _moment(field: Field, text: str) -> str | None:
    if field.speaks_of("date", "day", "deadline", "due", "birthday", "when", "since", "until"):
        dates = find_dates(text)
        return _nearest(field, text, dates) if dates else None
    if field.speaks_of("date-time"):
        dates = find_dates(text)
        return f"{dates[0]}T00:00:00Z" if dates else None
    if field.speaks_of("time"):
        match = TIME.search(text)
        return f"{int(match.group(1)):02d}:{match.group(2)}" if match else None
    return None


def _identifier(field: Field, text: str) -> str | None:
    if field.speaks_of("uuid"):
        return _first(UUID, text)
    if not field.speaks_of("id", "number", "code", "reference", "ref", "key", "sku", "no"):
        return None
    wanted = field.name_stems - {"id", "number", "code", "ref", "no"}
    for sentence in sentences(NAMED_DATE.sub(" ", ISO_DATE.sub(" ", EMAIL.sub(" ", text)))):
        if wanted and not wanted & {stem(word) for word in words(sentence.replace("_", " "))}:
            continue
        value = _first(IDENTIFIER, sentence) or _first(CODE, sentence)
        if value:
            return value.lstrip("# ")
    return None


def _place_or_name(field: Field, text: str) -> str | None:
    if field.speaks_of("origin", "departure", "from"):
        return _group(re.compile(r"\bfrom\s+([A-Z][\w-]+(?: [A-Z][\w-]+)*)"), text)
    if field.speaks_of("destination", "arrival", "to"):
        return _group(re.compile(r"\bto\s+([A-Z][\w-]+(?: [A-Z][\w-]+)*)"), text)
    if field.speaks_of("city", "location", "place", "country", "town", "region", "where"):
        return _group(PLACE, text)
    if field.speaks_of(
        "company",
        "organisation",
        "organization",
        "employer",
        "vendor",
        "seller",
        "supplier",
        "issuer",
    ):
        return _first(COMPANY, text)
    person = ("name", "person", "author", "customer", "user", "contact", "sender", "recipient")
    if field.speaks_of(*person) and not field.speaks_of("file", "tool", "product", "model"):
        return _group(GIVEN_NAME, text) or _first(PERSON, text)
    if field.speaks_of("currency"):
        return next((c for s, c in (("$", "USD"), ("€", "EUR"), ("£", "GBP")) if s in text), None)
    return None


def _nearest(field: Field, text: str, dates: list[str]) -> str:
    wanted = field.all_stems - {"date", "day"}
    for sentence in sentences(text):
        inside = find_dates(sentence)
        if inside and wanted & {stem(word) for word in words(sentence)}:
            return inside[0]
    return dates[0]


def _is_date(text: str) -> bool:
    year, month, day = (int(part) for part in text.split("-"))
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return year > 0 and 1 <= month <= 12 and 1 <= day <= days[month - 1]


def _masked(text: str) -> str:
    for pattern in MASKS:
        text = pattern.sub(lambda match: "_" * len(match.group()), text)
    return text


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match.group().strip() if match else None


def _group(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match.group(1).strip() if match else None


def as_number(value: Any) -> float | None:
    """Return the first number of a text; None when it has none."""
    match = NUMBER.search(str(value))
    return float(match.group(2).replace(",", "")) if match else None
