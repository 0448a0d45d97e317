"""What a replay is asked for, as the form and the address hold it. Pure: no page, no client."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, cast, get_args

from secondtake.backend.models.replays import ReplayRequest

Who = Literal["auto", "recorded", "live"]
WHO: Final[tuple[Who, ...]] = get_args(Who)
REPEATS_MAX: Final = 100
ADDRESS_CHARS_MAX: Final = 6_000
"""Of all changes; browsers and servers cut longer addresses. Longer ones are left out of it."""

Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A replay that is being put together."""

    run: str = ""
    """The source, as the address names it."""
    from_node: str | None = None
    changes: tuple[tuple[str, str], ...] = ()
    """Paths with their new values as text, in the order in which they were made."""
    llm: Who = "auto"
    tools: Who = "auto"
    stepwise: bool = False
    repeat: int = 1

    def value(self, path: str) -> str | None:
        """Return what a path is to be; None when it is not to be different."""
        return dict(self.changes).get(path)

    def with_change(self, path: str, value: str) -> "Wanted":
        """Return the same with one thing different; its place in the list stays."""
        if self.value(path) is None:
            return replace(self, changes=(*self.changes, (path, value)))
        changed = tuple((each, value if each == path else old) for each, old in self.changes)
        return replace(self, changes=changed)

    def without(self, path: str) -> "Wanted":
        """Return the same with one thing as it was."""
        return replace(self, changes=tuple(each for each in self.changes if each[0] != path))

    def request(self) -> ReplayRequest:
        """Return it as the backend takes it."""
        return ReplayRequest(
            run_id=self.run,
            override_params=tuple(f"{path}={_sent(value)}" for path, value in self.changes),
            from_node=self.from_node,
            llm=self.llm,
            tools=self.tools,
            stepwise=self.stepwise,
            repeat=self.repeat if self.repeat > 1 else None,
        )

    def command(self, run: str) -> str:
        """Return what to type where the program of a run is."""
        words = ["secondtake", "replay", run]
        for path, value in self.changes:
            # On the command line a text that begins with @ names a file; a second @ says text.
            words += ["--set", f"{path}={'@' if value.startswith('@') else ''}{_sent(value)}"]
        words += ["--llm", self.llm] if self.llm != "auto" else []
        words += ["--tools", self.tools] if self.tools != "auto" else []
        return f"{shlex.join(words)} -- COMMAND"

    @property
    def is_whole_in_address(self) -> bool:
        """Whether an address can hold all changes."""
        return sum(len(path) + len(value) for path, value in self.changes) <= ADDRESS_CHARS_MAX

    def query(self) -> dict[str, list[str]]:
        """Return the address of it; what is as usual is left out."""
        query = {"run": [self.run]}
        if self.from_node is not None:
            query["from"] = [self.from_node]
        if self.changes and self.is_whole_in_address:
            query["set"] = [f"{path}={value}" for path, value in self.changes]
        for name, who in (("llm", self.llm), ("tools", self.tools)):
            if who != "auto":
                query[name] = [who]
        if self.stepwise:
            query["stepwise"] = ["1"]
        if self.repeat > 1:
            query["repeat"] = [str(self.repeat)]
        return query


def read_query(query: Query) -> Wanted:
    """Return what an address asks for, as far as it can be read."""

    def first(name: str) -> str:
        values = query.get(name, ())
        return values[0] if values else ""

    parted = (text.partition("=") for text in query.get("set", ()))
    changes = {path.strip(): value for path, sign, value in parted if sign and path.strip()}
    repeat = first("repeat")
    times = int(repeat) if repeat.isascii() and repeat.isdigit() and len(repeat) <= 4 else 1
    return Wanted(
        run=first("run").strip(),
        from_node=first("from") or None,
        changes=tuple(changes.items()),
        llm=_who(first("llm")),
        tools=_who(first("tools")),
        stepwise=first("stepwise") == "1",
        repeat=min(max(times, 1), REPEATS_MAX),
    )


def _who(word: str) -> Who:
    return cast("Who", word) if word in WHO else "auto"


def _sent(value: str) -> str:
    """Return JSON in one line, as a value in YAML has to be; any other text as it is."""
    if value.lstrip()[:1] not in ("{", "[") or "\n" not in value:
        return value
    try:
        return json.dumps(json.loads(value), ensure_ascii=False)
    except (ValueError, RecursionError):
        return value
