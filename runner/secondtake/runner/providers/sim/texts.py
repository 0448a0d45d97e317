"""What to write into a field that wants words: titles, questions, summaries, quotations."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from secondtake.runner.providers.sim.arithmetic import find_expressions
from secondtake.runner.providers.sim.conversation import Conversation
from secondtake.runner.providers.sim.evidence import find_evidence, salient, search_phrases
from secondtake.runner.providers.sim.prompt import Passage, find_paths
from secondtake.runner.providers.sim.prose import (
    gaps,
    generate_questions,
    write_answer,
    write_report,
    write_summary,
    write_title,
)
from secondtake.runner.providers.sim.skill import Dice
from secondtake.runner.providers.sim.text import keywords, ranked, sentences
from secondtake.runner.providers.sim.values import EMAIL, PERSON, URL, Field, find_dates
from secondtake.runner.providers.sim.wishes import Wishes

QUOTED: Final = re.compile(r"[\"“]([^\"“”\n]{2,200})[\"”]|(?<!\w)'([^'\n]{3,200})'(?!\w)")


@dataclass(frozen=True, kw_only=True)
class Composer:
    """Writes the words of one structured answer."""

    conversation: Conversation
    wishes: Wishes
    dice: Dice

    def write(self, field: Field, passage: Passage | None) -> str | None:
        """Return words for a field that is to be written; None when its name asks for none.

        `passage` is what an item of a list is about; None for the answer as a whole.
        """
        for names, writer in self._writers():
            if field.speaks_of(*names):
                return writer(passage)
        return None

    def write_list(self, field: Field, *, count: int) -> list[str] | None:
        """Return up to `count` texts for a list of words; None when the name asks for none."""
        for names, writer in self._list_writers():
            if field.speaks_of(*names):
                return writer(count)[:count]
        return None

    def sentences(self, *, count: int) -> list[Passage]:
        """Return the sentences given that matter most for the question."""
        found = find_evidence(self.conversation, self.dice, limit=count)
        for passage in salient(self.conversation, self.dice, limit=count):
            if passage not in found and len(found) < count:
                found.append(passage)
        return found

    def _writers(
        self,
    ) -> tuple[tuple[tuple[str, ...], Callable[[Passage | None], str | None]], ...]:
        conversation, dice = self.conversation, self.dice
        return (
            (("title", "headline", "heading"), lambda _: write_title(conversation, dice)),
            (("topic", "subject", "theme"), lambda _: conversation.topic or None),
            (("question",), lambda _: self._question()),
            (("query", "search"), lambda _: next(iter(search_phrases(conversation, dice)), None)),
            (("source", "document", "citation", "reference"), self._source),
            (("report", "article", "body"), lambda _: write_report(conversation, self.wishes, dice)),
            (("summary", "abstract", "overview", "conclusion", "takeaway"), self._summary),
            (
                ("reason", "rationale", "justification", "reasoning", "explanation", "why",
                 "evidence", "quote", "excerpt", "claim", "fact", "finding", "statement", "point",
                 "insight"),
                self._sentence,
            ),
            (
                ("answer", "response", "reply", "result", "text", "content", "output", "message",
                 "description", "analysis", "comment", "feedback", "note"),
                self._answer,
            ),
            (("recommendation", "action", "step", "suggestion", "advice"), self._advice),
            (("language",), lambda _: "English"),
        )  # fmt: skip

    def _list_writers(self) -> tuple[tuple[tuple[str, ...], Callable[[int], list[str]]], ...]:
        facts = self.conversation.facts
        return (
            (("questions", "subquestions", "aspects"), self._questions),
            (("queries", "searches", "query"), lambda n: self._phrases(n)),
            (("keywords", "tags", "topics", "terms", "labels", "themes"), self._keywords),
            (("sources", "citations", "references", "files", "paths", "documents"), self._sources),
            (("urls", "links"), lambda _: list(dict.fromkeys(URL.findall(facts)))),
            (("emails",), lambda _: list(dict.fromkeys(EMAIL.findall(facts)))),
            (("dates", "deadlines"), lambda _: find_dates(facts)),
            (("names", "people", "persons", "authors"), self._people),
            (("gaps", "missing", "weaknesses", "issues", "problems"), self._gaps),
            (("steps", "plan", "tasks", "actions", "todo"), self._steps),
        )

    def _question(self) -> str | None:
        asked = [s for s in self.conversation.task.asked if s.endswith("?")]
        return asked[0] if asked else self._questions(1)[0]

    def _questions(self, count: int) -> list[str]:
        return generate_questions(self.conversation, self.dice, count=count)

    def _phrases(self, count: int) -> list[str]:
        return search_phrases(self.conversation, self.dice)[:count]

    def _keywords(self, count: int) -> list[str]:
        given = " ".join(p.text for p in self.conversation.passages)
        return [w.lower() for w in keywords(given or self.conversation.topic)][:count]

    def _sources(self, count: int) -> list[str]:
        named = [p.source for p in self.sentences(count=count * 2) if p.source]
        return list(dict.fromkeys([*named, *self.conversation.paths]))[:count]

    def _people(self, count: int) -> list[str]:
        found = PERSON.findall(" . ".join(sentences(self.conversation.facts)))
        return list(dict.fromkeys(found))[:count]

    def _gaps(self, count: int) -> list[str]:
        missing = gaps(self.conversation)[:count]
        return [f"It says nothing about {word}." for word in missing]

    def _steps(self, count: int) -> list[str]:
        topic = self.conversation.topic or "the question"
        steps = (
            f"Collect the sources on {topic}", "Compare what they say",
            "Check the figures", "Note what remains open", "Write up the findings",
        )  # fmt: skip
        return list(steps[:count])

    def _source(self, passage: Passage | None) -> str | None:
        if passage is not None:
            return passage.source
        return next(iter(self._sources(1)), None)

    def _summary(self, passage: Passage | None) -> str:
        if passage is not None:
            return passage.text
        return write_summary(self.conversation, self.wishes, self.dice)

    def _sentence(self, passage: Passage | None) -> str | None:
        if passage is not None:
            return passage.text
        found = self.sentences(count=1)
        return found[0].text if found else None

    def _answer(self, passage: Passage | None) -> str:
        if passage is not None:
            return passage.text
        return write_answer(self.conversation, self.wishes, self.dice)

    def _advice(self, passage: Passage | None) -> str:
        if passage is not None:
            return passage.text
        texts = [p.text for p in self.conversation.passages]
        order = ranked("should recommend advise must better choose", texts)
        return texts[order[0]] if order else f"Look further into {self.conversation.topic}."


def argument_text(field: Field, conversation: Conversation, dice: Dice) -> str | None:
    """Return the text that a tool's parameter asks for; None when its name does not tell."""
    task = conversation.task.text
    if field.speaks_of("expression", "formula", "equation", "calculation"):
        return next(iter(find_expressions(conversation.question)), None)
    if field.speaks_of("path", "file", "filename", "document"):
        return next(iter(find_paths(task) or conversation.paths), None)
    if field.speaks_of("query", "q", "search", "keyword", "keywords", "term", "phrase"):
        return next(iter(search_phrases(conversation, dice)), None)
    if field.speaks_of("topic", "subject", "theme", "title"):
        return conversation.topic or None
    match = QUOTED.search(task)
    if match:
        return match.group(1) or match.group(2)
    if field.speaks_of(
        "text", "message", "content", "body", "input", "prompt", "question", "thought", "note",
        "summary", "request", "description", "reason",
    ):  # fmt: skip
        given = " ".join(p.text for p in conversation.task.given)
        return (given if field.speaks_of("text", "content", "body") and given else task) or None
    return None
