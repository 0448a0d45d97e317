"""Reading a conversation: what is asked now, what is known, what was already done."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

from secondtake.runner.jsonable import canonical_bytes, to_json_value
from secondtake.runner.narrow import is_mapping
from secondtake.runner.providers.sim.lexicon import word_set
from secondtake.runner.providers.sim.prompt import (
    TOPIC_LABELS,
    Passage,
    Prompt,
    find_paths,
    read_prompt,
)
from secondtake.runner.providers.sim.results import ToolResult
from secondtake.runner.providers.sim.text import keywords
from secondtake.runner.providers.sim.tokens import text_of

REPAIR: Final = re.compile(
    r"\b(?:not valid|invalid|validation|does not match|do not match|not match|is required|"
    r"required property|missing|not (?:a )?(?:valid )?json|could not be parsed|schema|try again|"
    r"expecting)\b",
    re.IGNORECASE,
)
ABOUT: Final = tuple(
    re.compile(rf"\b(?:{words})\s+(?:the topic\s+)?[\"'“]?([^\"'”.,;:?!\n]+)", re.IGNORECASE)
    for words in (
        "about|regarding|concerning|topic of",
        r"(?:report|article|brief|briefing|memo|overview|notes|information|essay) (?:on|of)",
        r"(?:research|study|summary|investigation) (?:on|into|of)",
        "investigate|research|understand",
    )
)
READ_MOST: Final = 200_000
"""How many characters of one message are read; all are counted as tokens."""
TOPIC_END: Final = re.compile(
    r"\s{1,3}(?:from|using|with|based|that|which|in (?:at most|no more|exactly|\w+ (?:sentences|words|"
    r"points|bullets|paragraphs))|for (?:a|an|the|our)|and (?:then|write|return|give|quote|cite|"
    r"list|answer))\b.*",
    re.IGNORECASE,
)
NO_TOPIC: Final = word_set("it this that them these those the following notes text you")


def call_key(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a text that is equal for calls of the same tool with the same arguments."""
    return name + canonical_bytes(to_json_value(arguments)).decode()


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """The messages of one request, read once."""

    system: Prompt
    task: Prompt
    """The user message that is to be answered; not a note that an answer was invalid."""
    earlier: tuple[Prompt, ...]
    """The user messages before it."""
    results: tuple[ToolResult, ...]
    """What tools returned since that message."""
    past_results: tuple[ToolResult, ...]
    """What tools returned before it."""
    is_repair: bool
    """Whether the last message says that the answer before it was not valid."""

    @cached_property
    def question(self) -> str:
        """What is asked: of the task, else of the system message."""
        asked = self.task.question
        if asked:
            return asked
        return self.system.question if self.task.given and self.system.asked else self.task.text

    @cached_property
    def instructions(self) -> str:
        """All that is asked, the system message included."""
        return f"{self.system.question} {self.task.question}".strip() or self.task.text

    @cached_property
    def passages(self) -> list[Passage]:
        """All that is known, the freshest first: tool results, the task, what came before."""
        read = {str(v) for r in self.results for v in r.arguments.values() if not r.is_error}
        # A search hit is one line of a file; once the file was read, its sentences are better.
        found = [
            passage
            for result in self.results
            for passage in result.passages()
            if passage.source not in read or passage.source in map(str, result.arguments.values())
        ]
        found += self.task.given
        found += [p for result in self.past_results for p in result.passages()]
        found += [p for prompt in reversed(self.earlier) for p in prompt.given]
        found += self.system.given
        unique: dict[str, Passage] = {}
        for passage in found:
            unique.setdefault(passage.text, passage)
        return list(unique.values())

    @cached_property
    def labels(self) -> dict[str, str]:
        """Every `label: value`, the freshest winning."""
        merged: dict[str, str] = {}
        for prompt in (self.system, *self.earlier):
            merged.update(prompt.labels)
        for result in self.past_results:
            merged.update(result.labels())
        merged.update(self.task.labels)
        for result in self.results:
            merged.update(result.labels())
        return merged

    @cached_property
    def facts(self) -> str:
        """The text to take values from: the task, then what tools returned, then the past."""
        # An example of the JSON that is wanted is no source of values.
        task = self.task.text
        task = re.sub(r"\{[^{}]*\}", " ", task) if "JSON" in task else task
        parts = [task, *(r.text for r in self.results)]
        parts += [r.text for r in self.past_results]
        parts += [prompt.text for prompt in reversed(self.earlier)]
        return "\n".join(part for part in parts if part)

    @cached_property
    def paths(self) -> list[str]:
        """The files that the conversation names, those of the task first."""
        found = find_paths(self.task.text)
        for result in (*self.results, *self.past_results):
            found += result.paths
        return list(dict.fromkeys(found))

    @cached_property
    def done(self) -> frozenset[str]:
        """The calls made since the task, as `call_key` writes them."""
        return frozenset(call_key(r.tool, r.arguments) for r in self.results)

    @cached_property
    def stated_topic(self) -> str | None:
        """What the task is about where it says so; None when it does not."""
        return self._topic_of(self.task)

    @staticmethod
    def _topic_of(prompt: Prompt) -> str | None:
        for label in TOPIC_LABELS:
            value = prompt.labels.get(label)
            if value and (label not in {"question", "query"} or len(value.split()) <= 4):
                return value.strip(" .\"'")
        texts = (prompt.question, prompt.text)
        for pattern, text in ((p, t) for t in texts for p in ABOUT):
            for match in pattern.finditer(text):
                topic = TOPIC_END.sub("", match.group(1)).strip(" .\"'")
                if topic and topic.split()[0].lower() not in NO_TOPIC and len(topic) < 80:
                    return topic
        return None

    @cached_property
    def topic(self) -> str:
        """What the conversation is about, in a few words."""
        asked = self.task.labels.get("question") or self.question
        words = keywords(asked)[:4]
        of_system = self._topic_of(self.system) if len(words) < 2 else None
        return self.stated_topic or of_system or " ".join(words)


def _read(text: str) -> Prompt:
    """Take one text apart; of a very long one the beginning and the end."""
    if len(text) > READ_MOST:
        text = f"{text[: READ_MOST * 3 // 4]}\n{text[-READ_MOST // 4 :]}"
    return read_prompt(text)


def read_conversation(messages: Sequence[Mapping[str, Any]]) -> Conversation:
    """Take a list of chat messages in OpenAI's form apart."""
    system = "\n\n".join(
        text_of(m.get("content")) for m in messages if m.get("role") in {"system", "developer"}
    )
    users = [i for i, m in enumerate(messages) if m.get("role") == "user"]
    is_repair = bool(users) and _is_repair(messages, users)
    start = users[-2] if is_repair and len(users) > 1 else (users[-1] if users else -1)
    prompts = [_read(text_of(messages[i].get("content"))) for i in users if i < start]
    task = _read(text_of(messages[start].get("content")) if users else "")
    return Conversation(
        system=_read(system),
        task=task,
        earlier=tuple(prompts),
        results=tuple(_results(messages, first=start + 1)),
        past_results=tuple(_results(messages[: start + 1] if users else (), first=0)),
        is_repair=is_repair or (bool(users) and _repairs_itself(task.text)),
    )


def _is_repair(messages: Sequence[Mapping[str, Any]], users: list[int]) -> bool:
    last = users[-1]
    answered = last > 0 and messages[last - 1].get("role") == "assistant"
    text = text_of(messages[last].get("content"))
    return answered and len(users) > 1 and bool(REPAIR.search(text))


def _repairs_itself(text: str) -> bool:
    return bool(
        re.search(r"(?:previous|last|earlier|your) (?:answer|reply|output|response)", text)
        and re.search(r"not valid|invalid|does not match|not json|validation", text, re.IGNORECASE)
    )


def _results(messages: Sequence[Mapping[str, Any]], *, first: int) -> list[ToolResult]:
    calls: dict[str, tuple[str, Mapping[str, Any]]] = {}
    found: list[ToolResult] = []
    for message in messages[first:]:
        for call in message.get("tool_calls") or ():
            function = _plain(_plain(call).get("function"))
            calls[str(_plain(call).get("id"))] = (
                str(function.get("name")),
                _arguments(function.get("arguments")),
            )
        if message.get("role") in {"tool", "function"}:
            known = calls.get(str(message.get("tool_call_id")))
            name, arguments = known or (str(message.get("name") or "tool"), {})
            text = text_of(message.get("content"))[:READ_MOST]
            found.append(ToolResult(tool=name, arguments=arguments, text=text))
    return found


def _plain(value: Any) -> Mapping[str, Any]:
    if is_mapping(value):
        return value
    dump = getattr(value, "model_dump", None)
    return cast(Mapping[str, Any], dump()) if callable(dump) else {}


def _arguments(raw: Any) -> Mapping[str, Any]:
    if is_mapping(raw):
        return raw
    try:
        value = json.loads(str(raw or "{}"))
    except ValueError:
        return {}
    return value if is_mapping(value) else {}
