"""Finding what is known about a question, as well as a model's skill allows."""

import re
from collections.abc import Sequence
from typing import Final

from secondtake.runner.providers.sim.arithmetic import find_expressions, muddled
from secondtake.runner.providers.sim.conversation import Conversation
from secondtake.runner.providers.sim.lexicon import IMPERATIVES, RELATED, STOPWORDS, word_set
from secondtake.runner.providers.sim.prompt import Passage
from secondtake.runner.providers.sim.skill import Dice
from secondtake.runner.providers.sim.text import keywords, relevance, stem, stems, words

DIRECT_SHARE: Final = 0.7
RELATED_WEIGHT: Final = 0.3
"""What a word counts that is only related to the question."""
OPEN_SHARE: Final = 0.35
"""Sentences less relevant than this share of the best one are left out; a question for one
number, date or name is answered more narrowly than an open one."""

FITTING_BONUS: Final = 1.6
"""What a sentence gains that has the kind of thing that is asked for: a number, a date, a name."""

TOPIC_BONUS: Final = 0.6
"""What a sentence gains that names the subject itself."""

SAYS_NOTHING: Final = re.compile(
    r"\b(?:does not say anything|nothing (?:given|that I)|no source on|could not find out)\b",
    re.IGNORECASE,
)
"""What a model writes that found nothing; it is no evidence."""

KINDS: Final = (
    (re.compile(r"\bhow (?:much|many|tall|long|old|far|high|big|large|often|fast|heavy|deep)\b|"
                r"\b(?:percentage|price|number|amount|cost|share|rate) of\b", re.IGNORECASE),
     re.compile(r"(?<![\d-])(?!(?:1[89]|20)\d\d\b)\d")),
    (re.compile(r"\b(?:when|which year|what year|what date|how soon|deadline)\b", re.IGNORECASE),
     re.compile(r"\b(?:1\d|20)\d\d\b|\b\d{1,2}[:.]\d\d\b|\b(?:days?|hours?|weeks?|months?)\b", re.IGNORECASE)),
    (re.compile(r"\b(?:who|whose|whom)\b", re.IGNORECASE), re.compile(r"(?<!^)\b[A-Z][a-z]+\b")),
    (re.compile(r"\b(?:where|which (?:city|country|place))\b", re.IGNORECASE),
     re.compile(r"\b(?:in|at|near|to)\s+(?:the\s+)?[A-Z]")),
    (
        re.compile(r"\bwhat (?:is|are) .*\bworks?\b|\bhow do(?:es)? .*\bwork\b", re.IGNORECASE),
        re.compile(
            r"^(?:An?\s+|The\s+)?[\w-]+(?:\s[\w-]+)?\s+(?:is|are|moves?|delivers?|means|consists?|"
            r"works?|uses?|turns?)\b"
        ),
    ),
    (re.compile(r"\bwhy\b", re.IGNORECASE), re.compile(r"\b(?:because|since|due to|so that|reason)\b", re.IGNORECASE)),
)  # fmt: skip
"""What a question word asks for, and what a sentence must have to give it."""

META: Final = frozenset(
    stem(word)
    for word in word_set("""
    above answer answers assistant analyst based below brief bullet bullets certain clear clearly
    concise context customer detail details different document documents evidence exactly file
    files finding findings following format general heading headings helpful important json kind
    line lines list main likely name names next note notes point points possible practice question
    questions quote quotes read reader reply report research researcher result results search
    section sections sentence sentences short source sources steps summary text tool tools topic
    well whole word words writer""")
)
"""Words about the work itself, not about its subject."""


PROBLEM_MOST: Final = 300
"""A text of at most so many characters may be a sum put in words."""
AMOUNT_QUESTION: Final = re.compile(
    r"\b(?:how much|how many|total|what (?:is|are|do|does|did|would) .{0,40}\b(?:cost|pay|sum))",
    re.IGNORECASE,
)
CLAUSE: Final = re.compile(
    r",?\s{1,3}and\s{1,3}(?=(?:what|how|which|who|when|where|is|are|do|does|compute|calculate|multiply|"
    r"add|divide|tell)\b)|[;?]",
    re.IGNORECASE,
)
TIME_QUESTION: Final = re.compile(
    r"\b(?:what (?:time|day|date)|what'?s the (?:time|date)|(?:current|today'?s) (?:time|date|day)|"
    r"time (?:is it|now)|(?:date|day) (?:is it )?today|which day|what is the (?:current )?"
    r"(?:time|date)|which (?:year|month) is it)\b",
    re.IGNORECASE,
)


def wanted_sums(conversation: Conversation) -> list[str]:
    """Return the sums to do: those of the question, else of a short problem put in words."""
    asked = find_expressions(conversation.question)
    told = conversation.task.text
    if asked or len(told) > PROBLEM_MOST or not AMOUNT_QUESTION.search(conversation.question):
        return asked
    return find_expressions(told)


def open_question(conversation: Conversation) -> str:
    """Return the question without the clauses that a calculator or a clock answers."""
    if wanted_sums(conversation) and not find_expressions(conversation.question):
        return ""
    clauses = CLAUSE.split(conversation.question)
    kept = [c for c in clauses if not find_expressions(c) and not TIME_QUESTION.search(c)]
    return " ".join(clause.strip() for clause in kept if clause.strip())


def focus(conversation: Conversation) -> str:
    """Return the words to look for: the questions asked, else the subject of the task."""
    questions = [s for s in conversation.task.asked if s.endswith("?")]
    text = open_question(conversation)
    if not text:
        return ""
    if not questions:
        text = f"{conversation.topic} {text}"
    kept = [
        w for w in keywords(text) if w.lower() not in IMPERATIVES and stem(w.lower()) not in META
    ]
    return " ".join(kept) or conversation.topic


def search_phrases(conversation: Conversation, dice: Dice) -> list[str]:
    """Return what to search for, the best first: the subject, pairs of words, single words.

    The last word is put in the singular, so that a literal search finds both forms.
    """
    runs = _word_runs(open_question(conversation))
    singles = sorted(keywords(focus(conversation)), key=lambda w: (-len(w), w))
    phrases = [conversation.stated_topic] if conversation.stated_topic else []
    pairs = [" ".join(run[i : i + 2]) for run in runs for i in range(len(run) - 1)]
    # A pair with a number in it, such as an invoice's, finds the right file at once.
    phrases += sorted(pairs, key=lambda pair: not any(c.isdigit() for c in pair))
    unique = list(dict.fromkeys(_singular(phrase) for phrase in [*phrases, *singles] if phrase))
    if dice.lapses("search"):
        unique = unique[1:] + unique[:1]
    return unique


def related_words(text: str) -> str:
    """Return words that often stand in an answer to a question with these words."""
    own = set(stems(text))
    found = [group for asked, group in RELATED if own & {stem(word) for word in asked}]
    return " ".join(word for group in found for word in sorted(group))


def _word_runs(text: str) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for word in re.findall(r"[^\W_][\w'-]*|[^\w\s]", text):
        plain = word.lower()
        skip = plain in STOPWORDS | IMPERATIVES or stem(plain) in META or not plain[0].isalnum()
        if skip:
            runs.append([])
        else:
            runs[-1].append(word)
    return [run for run in runs if run]


def _singular(phrase: str) -> str:
    return re.sub(r"(?<=[a-z]{2}[^su])s$", "", phrase)


def find_evidence(
    conversation: Conversation, dice: Dice, *, limit: int, about: str | None = None
) -> list[Passage]:
    """Return the sentences that speak most clearly about the question, in reading order.

    A lapse takes the runner-up for the best sentence, or swaps two digits in it.
    """
    passages = conversation.passages
    wanted = about or focus(conversation)
    wider = related_words(wanted)
    texts = [passage.text for passage in passages]
    headed = [f"{passage.heading} {passage.text}" for passage in passages]
    asked = open_question(conversation)
    topic = frozenset(stems(conversation.stated_topic or ""))
    pairs = zip(relevance(wanted, headed), relevance(wider, texts), texts, strict=True)
    scores = [
        (own + RELATED_WEIGHT * near) * _fitness(asked, text, topic=topic)
        for own, near, text in pairs
    ]
    order = [i for i in _descending(scores) if scores[i] > 0]
    if not order:
        return []
    single = len(CLAUSE.split(conversation.question.rstrip("?. "))) == 1
    direct = single and any(kind.search(asked) for kind, _ in KINDS)
    least = (DIRECT_SHARE if direct else OPEN_SHARE) * scores[order[0]]
    kept = [i for i in order if scores[i] >= least][:limit]
    label = f"evidence/{wanted}"
    if dice.lapses(label):
        if len(order) > 1 and dice.happens(f"{label}/how", 0.6):
            kept = [order[1], *[i for i in kept if i not in order[:2]]]
        else:
            first = passages[kept[0]]
            rest = [passages[i] for i in kept[1:]]
            return [Passage(text=muddled(first.text), source=first.source), *rest]
    return [passages[i] for i in sorted(kept, key=lambda i: (i != kept[0], i))]


def salient(
    conversation: Conversation, dice: Dice, *, limit: int, but: Sequence[Passage] = ()
) -> list[Passage]:
    """Return the sentences that say most of what was given, in reading order, without `but`.

    Salience is the mean frequency of a sentence's words in the whole, with a bonus for the
    subject of the task.
    """
    passages = [
        p
        for p in conversation.passages
        if len(words(p.text)) > 3 and not SAYS_NOTHING.search(p.text) and p not in but
    ]
    subject = {stem(w.lower()) for w in keywords(conversation.topic)}
    bags = [{stem(w.lower()) for w in keywords(f"{p.heading} {p.text}")} for p in passages]
    counts: dict[str, int] = {}
    for bag in bags:
        for token in bag:
            counts[token] = counts.get(token, 0) + 1

    def weight(index: int) -> tuple[float, int]:
        bag = bags[index]
        mean = sum(sorted(counts[t] for t in bag)) / (3 + len(bag))
        return (-round(mean + len(subject & bag), 9), index)

    order = sorted(range(len(passages)), key=weight)
    if dice.lapses("salient") and len(order) > 1:
        order = order[1:]
    return [passages[i] for i in sorted(order[:limit])]


def _fitness(question: str, text: str, *, topic: frozenset[str]) -> float:
    on_topic = len(topic & set(stems(text))) / len(topic) if topic else 0.0
    fits = any(asks.search(question) and gives.search(text) for asks, gives in KINDS)
    fragment = text[:1].islower() or bool(re.search(r"[,a-z]$", text))
    says_nothing = SAYS_NOTHING.search(text)
    factor = (FITTING_BONUS if fits else 1.0) * (1 + TOPIC_BONUS * on_topic)
    short = len(words(text)) < 4
    return 0.0 if says_nothing else factor * (0.5 if fragment or short else 1.0)


def _descending(scores: list[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda i: (-round(scores[i], 9), i))


def cited(passage: Passage) -> str:
    """Return a sentence with its source in brackets after it."""
    text = passage.text.strip()
    if not passage.source or passage.source in text:
        return text if re.search(r"[.!?)]$", text) else f"{text}."
    return f"{text.rstrip('.')} ({passage.source})."


def quoted(passage: Passage) -> str:
    """Return a sentence as a quotation with its source."""
    text = f'"{passage.text.strip()}"'
    return f"{text} ({passage.source})" if passage.source else text
