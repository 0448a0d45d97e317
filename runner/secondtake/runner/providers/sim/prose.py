"""Writing the free-text answer: extractive, in the form that the prompt asks for."""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

from secondtake.runner.providers.sim.arithmetic import number_text
from secondtake.runner.providers.sim.conversation import Conversation
from secondtake.runner.providers.sim.evidence import (
    cited,
    find_evidence,
    focus,
    quoted,
    salient,
)
from secondtake.runner.providers.sim.lexicon import QUESTION_ASPECTS
from secondtake.runner.providers.sim.results import ToolResult
from secondtake.runner.providers.sim.skill import Dice
from secondtake.runner.providers.sim.tasks import classify, compute, put_in_order
from secondtake.runner.providers.sim.text import capitalised, keywords, stem, words
from secondtake.runner.providers.sim.values import Field, find_typed
from secondtake.runner.providers.sim.wishes import Form, Wishes

GREETING: Final = re.compile(
    r"^\W*(?:hi|hello|hey|good (?:morning|evening|afternoon))\b", re.IGNORECASE
)
THANKS: Final = re.compile(r"^\W*(?:thanks|thank you|great|perfect|that is all)\b", re.IGNORECASE)
QUOTE: Final = re.compile(r"\b(?:quote|quotes|quoting|verbatim|word for word)\b", re.IGNORECASE)
OPENERS: Final = ("", "In short: ", "From what is given: ", "As far as the sources go: ")


def write_answer(conversation: Conversation, wishes: Wishes, dice: Dice) -> str:
    """Return the answer in the form that is wished for, within its limits."""
    writers: dict[Form, Callable[[Conversation, Wishes, Dice], str]] = {
        "classify": _label, "order": _ordering, "questions": _questions, "list": _listing,
        "report": write_report, "reply": _reply, "review": _review, "summary": write_summary,
        "answer": write_finding, "json": write_finding,
    }  # fmt: skip
    return _within_limits(writers[wishes.form](conversation, wishes, dice), wishes)


def write_title(conversation: Conversation, dice: Dice) -> str:
    """Return a title for what the conversation is about."""
    topic = capitalised(conversation.topic.strip()) or "Notes"
    return dice.pick(
        "title", (topic, f"{topic}: what is known", f"A short look at {topic.lower()}")
    )


def generate_questions(conversation: Conversation, dice: Dice, *, count: int) -> list[str]:
    """Return different questions about the topic of the conversation."""
    topic = conversation.topic or "this"
    last = words(topic)[-1:] or ["this"]
    plural = last[0].endswith("s") and not last[0].endswith(("ss", "us", "is", "ics"))
    forms = {
        "topic": topic if topic.isupper() or not topic.istitle() else topic.lower(),
        "be": "are" if plural else "is",
        "do": "do" if plural else "does",
        "they": "they" if plural else "it",
        "s": "" if plural else "s",
    }
    aspects = list(QUESTION_ASPECTS)
    if dice.temperature > 0:
        reach = count + round(min(dice.temperature, 1.0) * max(0, len(aspects) - count))
        aspects[:reach] = sorted(aspects[:reach], key=lambda a: dice.share(f"aspect/{a}"))
    found = [aspect.format(**forms) for aspect in aspects]
    if dice.lapses("questions") and count > 2:
        found[1] = f"What about {topic}?"
    while len(found) < count:
        found.append(f"What else is worth knowing about {topic}, part {len(found)}?")
    return found[:count]


def write_finding(conversation: Conversation, wishes: Wishes, dice: Dice) -> str:
    """Answer the question from results of sums, from tool results, from what was given."""
    polite = _courtesy(conversation.task.text.strip())
    if polite and not conversation.results:
        return polite
    parts = _computed(conversation.results) + [f"{c}." for c in compute(conversation, dice)]
    limit = wishes.sentence_limit or wishes.count or dice.skill.evidence_limit - 1
    calculated = {r.text.strip() for r in conversation.results if r.is_number}
    found = [
        p
        for p in find_evidence(conversation, dice, limit=limit)
        if p.text.strip() not in calculated
    ]
    if parts and not _asks_for_more(conversation):
        return " ".join(parts)
    if found:
        style = quoted if QUOTE.search(conversation.instructions) else cited
        text = " ".join(style(passage) for passage in found)
        return " ".join([*parts, dice.pick("opener", OPENERS) + text])
    return " ".join(parts) if parts else _without_evidence(conversation, dice)


def write_summary(conversation: Conversation, wishes: Wishes, dice: Dice) -> str:
    """Return the sentences that say most of what was given."""
    limit = wishes.sentence_limit or wishes.count or min(3, dice.skill.evidence_limit)
    found = salient(conversation, dice, limit=limit)
    if not found:
        return write_finding(conversation, wishes, dice)
    return " ".join(_sentence(passage.text) for passage in found)


def write_report(conversation: Conversation, wishes: Wishes, dice: Dice) -> str:
    """Return a report with headings, made of the sentences given and their sources."""
    sections = wishes.sections or ("Summary", "Findings", "Sources")
    limit = max(3, dice.skill.evidence_limit)
    while True:
        lines = [f"# {write_title(conversation, dice)}"]
        for section in sections:
            body = _section(section, conversation, dice, limit=limit)
            if body:
                lines += ["", f"## {section}", "", body]
        report = "\n".join(lines)
        fits = not wishes.word_limit or len(report.split()) <= wishes.word_limit
        if fits or limit == 1:
            return report
        limit -= 1


def gaps(conversation: Conversation) -> list[str]:
    """Return the words of the question that nothing given speaks of."""
    known = {stem(w) for passage in conversation.passages for w in words(passage.text)}
    return [w for w in keywords(focus(conversation)) if stem(w.lower()) not in known]


def _section(name: str, conversation: Conversation, dice: Dice, *, limit: int) -> str:
    heading = set(words(name))
    lead = salient(conversation, dice, limit=min(2, limit))
    facts = salient(conversation, dice, limit=limit, but=lead)
    if heading & {"sources", "references", "source"}:
        sources = dict.fromkeys(p.source for p in [*lead, *facts] if p.source)
        return "\n".join(f"- {source}" for source in sources)
    if heading & {"summary", "overview", "introduction", "abstract", "answer", "conclusion"}:
        best = lead or facts[:2]
        return " ".join(_sentence(p.text) for p in best) or _without_evidence(conversation, dice)
    if heading & {"open", "gaps", "limits", "limitations", "unknown", "questions"}:
        missing = gaps(conversation)
        if missing:
            return f"Nothing given says anything about: {', '.join(missing[:5])}."
        return f"How far these findings on {conversation.topic} hold elsewhere remains open."
    if heading & {"recommendation", "recommendations", "advice", "next"}:
        about = f"should recommend choose best {conversation.topic}"
        found = find_evidence(conversation, dice, limit=2, about=about) or facts[:1]
        return "\n".join(f"- {cited(p)}" for p in found)
    if not facts and not lead:
        return _without_evidence(conversation, dice)
    return "\n".join(f"- {cited(p)}" for p in facts)


def _label(conversation: Conversation, wishes: Wishes, dice: Dice) -> str:
    label = classify(conversation, wishes, dice)
    if label is None:
        return write_finding(conversation, wishes, dice)
    if re.search(r"\b(?:only|just|single word|one word)\b", conversation.instructions):
        return label
    reason = find_evidence(conversation, dice, limit=1, about=label)
    return f"{label}\n\nReason: {cited(reason[0])}" if reason else label


def _ordering(conversation: Conversation, wishes: Wishes, dice: Dice) -> str:
    items = put_in_order(conversation, dice)
    if items is None:
        return write_finding(conversation, wishes, dice)
    if "\n" in conversation.task.text.strip() and "comma" not in conversation.question:
        return "\n".join(f"{i}. {item}" for i, item in enumerate(items, start=1))
    return ", ".join(items)


def _questions(conversation: Conversation, wishes: Wishes, dice: Dice) -> str:
    found = generate_questions(conversation, dice, count=wishes.count or 3)
    return _as_list(found, conversation.instructions)


def _listing(conversation: Conversation, wishes: Wishes, dice: Dice) -> str:
    count = wishes.count or dice.skill.evidence_limit
    if re.search(r"\b(?:keywords|topics|tags|terms)\b", conversation.instructions):
        items = keywords(" ".join(p.text for p in conversation.passages))[:count]
    else:
        found = find_evidence(conversation, dice, limit=count)
        for passage in salient(conversation, dice, limit=count):
            if passage not in found and len(found) < count:
                found.append(passage)
        items = [cited(passage) for passage in found]
    return _as_list(items, conversation.instructions) or _without_evidence(conversation, dice)


def _reply(conversation: Conversation, wishes: Wishes, dice: Dice) -> str:
    name = conversation.labels.get("name") or conversation.labels.get("customer")
    name = name or find_typed(Field(name="customer_name"), conversation.task.text) or "there"
    limit = wishes.sentence_limit or min(3, dice.skill.evidence_limit)
    facts = [
        p
        for p in find_evidence(conversation, dice, limit=limit)
        if not re.search(r"\b(?:I|my|me)\b", p.text)
    ]
    body = " ".join(cited(p) for p in facts) or "We are looking into it and will come back to you."
    about = f" about {conversation.topic}" if conversation.topic else ""
    return f"Hello {name},\n\nThank you for your message{about}. {body}\n\nKind regards"


def _review(conversation: Conversation, wishes: Wishes, dice: Dice) -> str:
    given = conversation.task.given or conversation.passages
    if not given:
        return write_finding(conversation, wishes, dice)
    figures = sum(bool(re.search(r"\d", p.text)) for p in given)
    sources = len({p.source for p in given if p.source})
    missing = gaps(conversation)
    counted = f"{sources or 'no named'} source{'' if sources == 1 else 's'}"
    lines = [f"It makes {len(given)} statements, {figures} of them with figures, from {counted}."]
    if missing and not dice.lapses("review"):
        lines.append(f"It says nothing about {', '.join(missing[:3])}.")
    best = find_evidence(conversation, dice, limit=1)
    if best:
        lines.append(f"Its strongest point: {cited(best[0])}")
    return " ".join(lines)


def _computed(results: tuple[ToolResult, ...]) -> list[str]:
    parts: list[str] = []
    for result in results:
        asked = [v for v in result.arguments.values() if isinstance(v, str)]
        if result.is_number and asked:
            parts.append(f"{asked[0]} = {_plain_number(result.text)}.")
        elif not result.arguments and re.search(r"\d{4}-\d\d-\d\d", result.text):
            value = next(iter(result.labels().values()), result.text.strip())
            parts.append(f"It is {value.strip().strip(chr(34))}.")
    return parts


def _plain_number(text: str) -> str:
    """Return `99.0` as `99`, and what is no plain number as it is."""
    try:
        return number_text(Decimal(text.strip()))
    except InvalidOperation:
        return text.strip()


def _asks_for_more(conversation: Conversation) -> bool:
    """Whether something was looked up besides sums and the time."""
    return any(not r.is_number and r.arguments and not r.is_empty for r in conversation.results)


def _courtesy(text: str) -> str | None:
    if GREETING.match(text) and len(text) < 30:
        return "Hello! What can I do for you?"
    return "You are welcome." if THANKS.match(text) and len(text) < 40 else None


def _without_evidence(conversation: Conversation, dice: Dice) -> str:
    topic = conversation.topic or "that"
    failed = [r for r in conversation.results if r.is_error]
    if failed:
        return f"I could not find out: {failed[-1].tool} failed ({failed[-1].text.strip()[:160]})."
    if conversation.results or conversation.task.given:
        return f"The material given does not say anything about {topic}."
    options = (
        f"I have no source on {topic} at hand, so I cannot say anything certain about it.",
        f"Nothing that I was given speaks about {topic}.",
        f"Without a source I would only be guessing about {topic}.",
    )
    return dice.pick("nothing", options)


def _as_list(items: list[str], instructions: str) -> str:
    if re.search(r"\bone (?:per|on each) line\b|\beach on (?:its own|a new) line\b", instructions):
        return "\n".join(items)
    if re.search(r"\bbullets?\b", instructions):
        return "\n".join(f"- {item}" for item in items)
    return "\n".join(f"{i}. {item}" for i, item in enumerate(items, start=1))


def _within_limits(text: str, wishes: Wishes) -> str:
    ends = [match.end() for match in re.finditer(r"\S+", text)]
    if not wishes.word_limit or len(ends) <= wishes.word_limit:
        return text
    kept = text[: ends[wishes.word_limit - 1]].rstrip(" ,;:")
    stops = [m.end() for m in re.finditer(r"[.!?](?=\s|$)", kept)]
    return kept[: stops[-1]] if stops and stops[-1] > len(kept) / 3 else f"{kept}."


def _sentence(text: str) -> str:
    return text if re.search(r"[.!?)]$", text) else f"{text}."
