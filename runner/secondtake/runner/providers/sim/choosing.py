"""Choosing tools: which of those offered the question calls for, and when to stop.

A call that was made since the question is never repeated, so a tool loop always ends. Searches
and readings are limited by skill; a forced call (`tool_choice` required or named) is made
whatever was made before.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, cast

from secondtake.runner.narrow import is_mapping
from secondtake.runner.providers.sim.arithmetic import muddled
from secondtake.runner.providers.sim.conversation import Conversation, call_key
from secondtake.runner.providers.sim.evidence import (
    TIME_QUESTION,
    focus,
    search_phrases,
    wanted_sums,
)
from secondtake.runner.providers.sim.fill import fill_arguments
from secondtake.runner.providers.sim.lexicon import IMPERATIVES, word_set
from secondtake.runner.providers.sim.prose import GREETING, THANKS
from secondtake.runner.providers.sim.skill import Dice
from secondtake.runner.providers.sim.text import relevance, stem, stems, words
from secondtake.runner.providers.sim.values import Field

ToolKind = Literal["calculator", "clock", "search", "read", "list", "other"]

CALCULATOR: Final = word_set("calculator calc calculate compute math arithmetic evaluate")
CLOCK: Final = word_set("time date clock now today datetime")
SEARCH: Final = word_set("search find lookup query retrieve grep google web")
READ: Final = word_set("read open load fetch view cat show get")
LIST: Final = word_set("list ls dir tree")
FILES: Final = word_set("file files dir directory folder folders documents paths")
QUERY_PARAMETERS: Final = ("query", "q", "text", "pattern", "term", "keyword", "search", "phrase")
PATH_PARAMETERS: Final = ("path", "file", "filename", "filepath", "document")
LOOK_UP: Final = re.compile(
    r"\b(?:search|find|look up|according to|documents?|files?|sources?|read|notes|research|"
    r"investigate)\b",
    re.IGNORECASE,
)
FILES_QUESTION: Final = re.compile(
    r"\b(?:which|what|list|how many|show)\b.{0,20}\b(?:files|documents|folders?)\b", re.IGNORECASE
)
PATH_WEIGHT: Final = 2
"""What a file's name counts beside the lines found in it."""
MATCH_LEAST: Final = 2.0
"""A tool of no known kind is called when its name and description match the question this well."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A tool call that the model makes."""

    name: str
    arguments: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Equal for equal calls."""
        return call_key(self.name, self.arguments)


@dataclass(frozen=True)
class Tool:
    """A tool definition as the request gives it, in OpenAI's form."""

    definition: Mapping[str, Any]

    @cached_property
    def function(self) -> Mapping[str, Any]:
        """Its name, description and parameters."""
        inner = self.definition.get("function", self.definition)
        return inner if is_mapping(inner) else {}

    @property
    def name(self) -> str:
        """What it is called by."""
        return str(self.function.get("name") or "")

    @cached_property
    def name_words(self) -> frozenset[str]:
        """The words of its name."""
        return frozenset(Field(name=self.name).name_words)

    @property
    def description(self) -> str:
        """What it says about itself."""
        return str(self.function.get("description") or "")

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON Schema of its arguments."""
        schema: Any = self.function.get("parameters") or {}
        return schema if is_mapping(schema) else {}

    @cached_property
    def kind(self) -> ToolKind:
        """What it is good for, by its name and its parameters."""
        if self.name_words & CALCULATOR or self.parameter("expression", "formula"):
            return "calculator"
        if self.name_words & CLOCK and not self.parameters.get("required"):
            return "clock"
        if self.name_words & SEARCH and self.parameter(*QUERY_PARAMETERS):
            return "search"
        if self.name_words & LIST and FILES & (self.name_words | set(words(self.description))):
            return "list"
        if self.name_words & READ and self.parameter(*PATH_PARAMETERS):
            return "read"
        return "other"

    def parameter(self, *names: str) -> str | None:
        """Return the first parameter whose name speaks of one of `names`."""
        properties = cast(Mapping[str, Any], self.parameters.get("properties") or {})
        return next((p for p in properties if Field(name=p).speaks_of(*names)), None)


def choose_calls(
    conversation: Conversation,
    definitions: Sequence[Mapping[str, Any]],
    dice: Dice,
    *,
    tool_choice: Any = None,
    parallel: bool = True,
) -> list[Call]:
    """Return the calls to make now; an empty list when it is time to answer.

    Args:
        conversation: What was said and done.
        definitions: The tools offered, in OpenAI's form.
        dice: The model's chance to slip.
        tool_choice: `auto`, `none`, `required`, or `{"function": {"name": ...}}`.
        parallel: Whether more than one call may be made at once.
    """
    tools = [Tool(definition) for definition in definitions]
    named = _named(tool_choice)
    if not tools or tool_choice == "none":
        return []
    if named:
        tools = [tool for tool in tools if tool.name == named] or [
            Tool({"function": {"name": named}})
        ]
    chooser = _Chooser(conversation, tools, dice)
    calls = chooser.wanted()
    if not calls and (named or tool_choice in {"required", "any"}):
        calls = [chooser.forced()]
    return calls if parallel else calls[:1]


class _Chooser:
    """Goes through the kinds of tools and collects what is still worth doing."""

    def __init__(self, conversation: Conversation, tools: list[Tool], dice: Dice) -> None:
        self.conversation = conversation
        self.tools = tools
        self.dice = dice

    def wanted(self) -> list[Call]:
        """Return the calls that help and were not made yet, each once."""
        text = self.conversation.task.text.strip()
        if not text or (len(text) < 60 and (GREETING.match(text) or THANKS.match(text))):
            return []
        calls = [*self._sums(), *self._clock()]
        if not calls and focus(self.conversation):
            steps: tuple[Callable[[], list[Call]], ...] = (
                self._other, self._named_files, self._files, self._search, self._read_hits,
            )  # fmt: skip
            found = (self._new(step()) for step in steps)
            calls = next((new for new in found if new), calls)
        return self._new(calls)

    def forced(self) -> Call:
        """Return a call although nothing calls for one: the best matching tool."""
        scores = [self._match(tool) for tool in self.tools]
        order = sorted(range(len(self.tools)), key=lambda i: (-scores[i], i))
        filled = [self._fill(self.tools[i])[0] for i in order]
        return next((c for c in filled if c.key not in self.conversation.done), filled[0])

    def _new(self, calls: list[Call]) -> list[Call]:
        unique = {call.key: call for call in calls}
        return [call for key, call in unique.items() if key not in self.conversation.done]

    def _of(self, kind: ToolKind) -> Tool | None:
        return next((tool for tool in self.tools if tool.kind == kind), None)

    def _used(self, tool: Tool) -> int:
        return sum(result.tool == tool.name for result in self.conversation.results)

    def _sums(self) -> list[Call]:
        tool = self._of("calculator")
        name = tool and (tool.parameter("expression", "formula", "query", "input", "text"))
        expressions = wanted_sums(self.conversation)
        if not tool or not name or self._used(tool) >= len(expressions):
            return []
        if self.dice.lapses("calculator", weight=0.5):
            return []
        calls = [Call(name=tool.name, arguments={name: e}) for e in expressions]
        if self.dice.lapses("expression", weight=0.4):
            return [Call(name=tool.name, arguments={name: muddled(expressions[0])})]
        return calls

    def _clock(self) -> list[Call]:
        tool = self._of("clock")
        if not tool or self._used(tool) or not TIME_QUESTION.search(self.conversation.question):
            return []
        return [self._fill(tool)[0]]

    def _other(self) -> list[Call]:
        scored = [
            (self._match(tool), -i, tool)
            for i, tool in enumerate(self.tools)
            if tool.kind == "other"
        ]
        ranked = sorted(
            (s for s in scored if s[0] >= MATCH_LEAST), reverse=True, key=lambda s: s[:2]
        )
        if len(ranked) > 1 and self.dice.lapses("tool"):
            ranked = ranked[1:]
        for _, _, tool in ranked:
            call, invented = self._fill(tool)
            if invented or self._used(tool) >= 2:
                continue
            if call.key not in self.conversation.done:
                return [call]
            return []
        return []

    def _named_files(self) -> list[Call]:
        tool = self._of("read")
        name = tool and tool.parameter(*PATH_PARAMETERS)
        if not tool or not name:
            return []
        named = self.conversation.task.text
        paths = [path for path in self.conversation.paths if path in named]
        return [Call(name=tool.name, arguments={name: path}) for path in paths[:4]]

    def _files(self) -> list[Call]:
        tool = self._of("list")
        if not tool or self._used(tool):
            return []
        helpless = self._of("search") is None and not self.conversation.paths
        searched = self._of("search") is not None and self._search_is_over() and not self._hits()
        asked = FILES_QUESTION.search(self.conversation.question)
        if not asked and not searched and not (helpless and self._of("read")):
            return []
        return [self._fill(tool)[0]]

    def _search(self) -> list[Call]:
        tool = self._of("search")
        name = tool and tool.parameter(*QUERY_PARAMETERS)
        if not tool or not name or self._search_is_over() or not self._needs_search():
            return []
        tried = {str(r.arguments.get(name)) for r in self.conversation.results}
        fresh = [p for p in search_phrases(self.conversation, self.dice) if p not in tried]
        return [Call(name=tool.name, arguments={name: fresh[0]})] if fresh else []

    def _needs_search(self) -> bool:
        """Whether the prompt itself does not answer the question yet."""
        given = [passage.text for passage in self.conversation.task.given]
        if not given or LOOK_UP.search(self.conversation.instructions):
            return True
        known = {s for text in given for s in stems(text)}
        wanted = set(stems(focus(self.conversation)))
        return len(wanted & known) < 0.5 * len(wanted)

    def _search_is_over(self) -> bool:
        tool = self._of("search")
        if tool is None:
            return True
        used = self._used(tool)
        wasteful = self.dice.lapses("search/more", weight=1.5)
        reader = self._of("read")
        enough = bool(self._hits()) and not (wasteful and used < 2)
        enough = enough or (reader is not None and self._used(reader) > 0)
        return enough or used >= self.dice.skill.search_limit

    def _hits(self) -> list[str]:
        """Return the files that searches and lists named, the most relevant first."""
        finders = {t.name for t in self.tools if t.kind in {"search", "list", "other"}}
        found: dict[str, str] = {}
        for result in self.conversation.results:
            if result.tool not in finders or result.is_error:
                continue
            for path in result.paths:
                found.setdefault(path, "")
            for passage in result.passages():
                if passage.source:
                    found[passage.source] = f"{found.get(passage.source, '')} {passage.text}"
        wanted = f"{self.conversation.topic} {focus(self.conversation)}"
        names = [re.sub(r"[/_.-]", " ", path) for path in found]
        pairs = zip(relevance(wanted, names), relevance(wanted, list(found.values())), strict=True)
        scores = [PATH_WEIGHT * name + text for name, text in pairs]
        order = sorted(range(len(found)), key=lambda i: (-round(scores[i], 9), i))
        return [list(found)[i] for i in order]

    def _read_hits(self) -> list[Call]:
        tool = self._of("read")
        name = tool and tool.parameter(*PATH_PARAMETERS)
        hits = self._hits()
        if not tool or not name or self._used(tool) >= self.dice.skill.read_limit:
            return []
        if self.dice.lapses("read", weight=0.8):
            hits = hits[::-1]
        chosen = hits[: self.dice.skill.read_limit]
        return [Call(name=tool.name, arguments={name: path}) for path in chosen]

    def _match(self, tool: Tool) -> float:
        """Score a tool by the words that its name and description share with the question."""
        wanted = set(stems(self.conversation.task.text))
        name = {stem(word) for word in tool.name_words if word not in IMPERATIVES | READ}
        about = set(stems(tool.description)) - name
        verbs = {stem(w) for w in tool.name_words if w in IMPERATIVES | READ}
        asked = set(words(self.conversation.question))
        verb_score = 1.0 if verbs & {stem(word) for word in asked} else 0.0
        return 2.0 * len(name & wanted) + 0.5 * len(about & wanted) + verb_score

    def _fill(self, tool: Tool) -> tuple[Call, int]:
        arguments, invented = fill_arguments(tool.parameters, self.conversation, self.dice)
        return Call(name=tool.name, arguments=arguments), invented


def _named(tool_choice: Any) -> str | None:
    """Return the name of the tool that the request insists on."""
    if not is_mapping(tool_choice):
        return None
    choice = tool_choice
    function = choice.get("function")
    inner = function if is_mapping(function) else choice
    return str(inner["name"]) if inner.get("name") else None
