"""What form an answer should have: how many, how long, as a list, a report, a label, JSON."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from secondtake.runner.narrow import is_list, is_mapping
from secondtake.runner.providers.sim.text import number_of, words

Form = Literal[
    "json", "classify", "order", "questions", "list", "report", "reply", "review", "summary",
    "answer",
]  # fmt: skip

SIZE: Final = re.compile(
    r"\b(\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\s+"
    r"(?:(?!sentences|words|questions)[\w-]+\s+){0,3}?"
    r"(sentences?|words?|questions?|sub-?questions?|points?|bullets?|items?|ideas?|steps?|"
    r"reasons?|keywords?|facts?|findings?|examples?|titles?|tips?|tasks?|lines?|topics?|queries|"
    r"quotes?|paragraphs?|themes?|risks?)\b",
    re.IGNORECASE,
)
OPTIONS: Final = re.compile(
    r"\b(?:as(?: either)?|into|one of|either|labels?|categor(?:y|ies)|options|class(?:es)?)"
    r"(?: of)?(?: the)?(?: following)?(?: (?:labels|categories|options|classes))?(?: are)?\s*:?\s*"
    r"[\[({]?((?:[\"'`]?[\w-]+(?: [\w-]+)?[\"'`]?\s*(?:,|/|\||\bor\b|,\s*or\b|\band\b)\s*)+"
    r"[\"'`]?[\w-]+[\"'`]?)",
    re.IGNORECASE,
)
SEPARATOR: Final = re.compile(r"\s{0,3}(?:,\s{0,3}(?:or|and)\b|,|/|\||\bor\b|\band\b)\s{0,3}")
CLASSIFY: Final = re.compile(
    r"\b(?:classify|categori[sz]e|label|which (?:category|class|label|department|team)|"
    r"what is the (?:sentiment|category|priority|intent)|decide whether|assign)\b",
    re.IGNORECASE,
)
ORDER: Final = re.compile(r"\b(?:sort|order|rank|arrange|put .* in order)\b", re.IGNORECASE)
REPORT: Final = re.compile(
    r"\b(?:write|compose|draft|prepare|produce|create|turn)\b.{0,60}\b(?:report|article|memo|brief|"
    r"briefing|essay|blog post|overview|document|note)\b",
    re.IGNORECASE,
)
REPLY: Final = re.compile(
    r"\b(?:write|compose|draft|send|answer|prepare)\b.{0,40}\b(?:reply|response|e-?mail|letter|answer to the "
    r"customer|message to)\b|\b(?:reply|respond) to (?:the|this) (?:customer|user|message|e-?mail|"
    r"client|ticket)\b",
    re.IGNORECASE,
)
REVIEW: Final = re.compile(
    r"\b(?:review|critique|criticise|criticize|assess|evaluate|judge|check|find (?:the )?"
    r"(?:gaps|weaknesses|problems)|feedback on)\b.{0,40}\b(?:draft|report|text|answer|article|"
    r"summary|essay|plan|notes)\b",
    re.IGNORECASE,
)
SUMMARY: Final = re.compile(
    r"\b(?:summari[sz]e|summary|tl;?dr|condense|shorten|key takeaways?)\b", re.IGNORECASE
)
LISTING: Final = re.compile(
    r"\b(?:list|name|give|suggest|propose|extract|bullet|bullets|bullet points|enumerate)\b",
    re.IGNORECASE,
)
SECTIONS: Final = re.compile(
    r"\b(?:headings?|sections?)\b[^.:\n]{0,30}?:?\s+((?:[\"'`*#]*[A-Z][\w ]{2,28}[\"'`*]*"
    r"(?:,\s*(?:and\s+)?|\s+and\s+))+[\"'`*#]*[A-Z][\w ]{2,28})"
)
KEYS: Final = re.compile(
    r"\b(?:keys?|fields?|properties|attributes|object with)\b[^`\"'\n:]{0,30}:?\s*"
    r"((?:[`\"']?[A-Za-z_]\w*[`\"']?(?:\s*\([^)]*\))?\s*(?:,\s*(?:and\s+)?|\s+and\s+))*"
    r"[`\"']?[A-Za-z_]\w*[`\"']?)"
)
JSON_ARRAY: Final = re.compile(
    r"\bJSON (?:array|list)\b|\b(?:array|list) .{0,20}JSON\b", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the prompt wants its answer to look like."""

    form: Form
    count: int | None = None
    """How many items."""
    sentence_limit: int | None = None
    word_limit: int | None = None
    options: tuple[str, ...] = ()
    """The labels to choose from."""
    sections: tuple[str, ...] = ()
    """The headings that a report should have."""
    schema: Any = None
    """For `json`: the schema that the prompt describes; None when it names no keys."""


def read_wishes(asked: str, whole: str) -> Wishes:
    """Read from what is asked; `whole` is the prompt with its examples."""
    sizes = [(number_of(m.group(1)), m.group(2).lower()) for m in SIZE.finditer(asked)]
    sections = SECTIONS.search(asked)
    options = tuple(read_options(asked))
    schema = described_schema(whole) if re.search(r"\bJSON\b", whole) else None
    return Wishes(
        form=_form(asked, whole, sizes=sizes, options=options),
        count=_size(sizes, but=("sentence", "word", "paragraph", "line")),
        sentence_limit=_size(sizes, only=("sentence", "line")),
        word_limit=_size(sizes, only=("word",)),
        options=options,
        sections=tuple(s.strip(" \"'`*#") for s in SEPARATOR.split(sections.group(1)))
        if sections
        else (),
        schema=schema,
    )


def read_options(asked: str) -> list[str]:
    """Return the labels in `as billing, technical or account`; an empty list when none are."""
    for match in OPTIONS.finditer(asked):
        options = [o.strip(" \"'`") for o in SEPARATOR.split(match.group(1)) if o.strip(" \"'`")]
        if len(options) > 1:
            return options
    slashed = re.search(r"\b(\w+(?:/\w+){1,6})\b", asked)
    return slashed.group(1).split("/") if slashed and CLASSIFY.search(asked) else []


def described_schema(text: str) -> dict[str, Any] | None:
    """Return the JSON Schema of an answer that a prompt describes in words or by example."""
    for match in re.finditer(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|\[[^\[\]]*\]", text):
        try:
            example = json.loads(match.group())
        except ValueError:
            continue
        if is_mapping(example) and example:
            return _schema_like(example)
    keys = KEYS.search(text)
    if keys:
        names = [re.sub(r"\W", "", re.sub(r"\(.*?\)", "", k)) for k in
                 re.split(r",\s*(?:and\s+)?|\s+and\s+", keys.group(1))]  # fmt: skip
        properties = {name: _named_schema(name) for name in names if name}
        return {"type": "object", "properties": properties, "required": list(properties)}
    if JSON_ARRAY.search(text):
        return {"type": "array", "items": {"type": "string"}}
    return None


def _form(
    asked: str, whole: str, *, sizes: list[tuple[int | None, str]], options: tuple[str, ...]
) -> Form:
    if re.search(r"\b(?:as|in|valid|only|return|a|with|reply with|answer with)\s+(?:a\s+)?JSON\b",
                 whole):  # fmt: skip
        return "json"
    if options and CLASSIFY.search(asked):
        return "classify"
    rules: tuple[tuple[re.Pattern[str], Form], ...] = (
        (REPLY, "reply"), (REVIEW, "review"), (REPORT, "report"),
    )  # fmt: skip
    for pattern, form in rules:
        if pattern.search(asked):
            return form
    if any(unit.rstrip("s").endswith("question") for _, unit in sizes):
        return "questions"
    if re.search(r"\bquestions\b", asked) and not asked.rstrip().endswith("?"):
        return "questions"
    if ORDER.search(asked) and not re.search(r"\b(?:in order to|order (?:number|id|#))", asked):
        return "order"
    if SUMMARY.search(asked):
        return "summary"
    return "list" if LISTING.search(asked) and _wants_list(asked, sizes) else "answer"


def _wants_list(asked: str, sizes: list[tuple[int | None, str]]) -> bool:
    counted = _size(sizes, but=("sentence", "word", "paragraph", "line")) is not None
    return counted or bool({"list", "bullets", "bullet", "enumerate"} & set(words(asked)))


def _size(
    sizes: list[tuple[int | None, str]], *, only: tuple[str, ...] = (), but: tuple[str, ...] = ()
) -> int | None:
    for value, unit in sizes:
        bare = unit.rstrip("s")
        if value and (bare in only if only else bare not in but):
            return min(value, 1000)
    return None


def _schema_like(example: Any) -> dict[str, Any]:
    if isinstance(example, bool):
        return {"type": "boolean"}
    if isinstance(example, int):
        return {"type": "integer"}
    if isinstance(example, float):
        return {"type": "number"}
    if is_list(example):
        return {"type": "array", "items": _schema_like(example[0]) if example else {}}  # pyright: ignore[reportUnknownArgumentType]
    if is_mapping(example):
        properties = {str(k): _schema_like(v) for k, v in example.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return {"type": "object", "properties": properties, "required": list(properties)}
    text = str(example)
    options = [o.strip() for o in text.split("|")]
    if len(options) > 1 and all(re.fullmatch(r"[\w -]+", o) for o in options):
        return {"type": "string", "enum": options}
    return {"type": "string", "description": text}


def _named_schema(name: str) -> dict[str, Any]:
    plural = re.search(r"(?:[^s]s|ies)$", name) and name not in {"status", "analysis", "basis"}
    if plural:
        return {"type": "array", "items": {"type": "string"}}
    if name in {"score", "confidence", "rating", "amount", "price", "total", "count", "quantity"}:
        return {"type": "number"}
    return {"type": "string"}
