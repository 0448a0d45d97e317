"""One wrapped program: its run, its way to the real APIs, and what was seen of it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from secondtake.runner.errors import RunStopped
from secondtake.runner.run import RunRecorder
from secondtake.runner.wrap.dialects import Api, Upstream
from secondtake.runner.wrap.fields import Json
from secondtake.runner.wrap.responses import KnownResponses
from secondtake.runner.wrap.tool_results import ToolResults

PATHS_MAX: Final = 50
"""How many different other requests are told apart; the rest is counted as one."""
HARMLESS: Final = ("/count_tokens", "/input_tokens")
"""Ends of paths that ask an API something without a model's answer."""

KEY_HEADERS: Final = (b"authorization", b"x-api-key", b"api-key")


@dataclass(eq=False)
class Wrapped:
    """A program whose requests come in below one path. Safe for use by many threads."""

    run: RunRecorder
    upstreams: Mapping[Api, Upstream]
    on_first: Callable[[str | None], None] = lambda _: None
    """Called once, before the first LLM call, with the first text of the user's."""
    known: KnownResponses = field(default_factory=KnownResponses)
    stopped: RunStopped | None = None
    """Why the run may not go on: a limit, a request to cancel, a replay without an answer."""
    unreadable: int = 0
    """LLM requests whose body could not be read; they were passed on unrecorded."""

    def __post_init__(self) -> None:
        self.tools = ToolResults(self.run)
        self._lock = threading.Lock()
        self._others: Counter[str] = Counter()
        self._is_begun = False

    def begin(self, messages: Sequence[Json]) -> None:
        """Note that the program asks a model; the first time this begins the run."""
        with self._lock:
            if not self._is_begun:
                self._is_begun = True
                self.on_first(first_prompt(messages))

    @property
    def is_begun(self) -> bool:
        """Whether the program has asked a model."""
        return self._is_begun

    def hide_keys(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Let the program's keys be found, should one turn up in what is said."""
        for name, value in headers:
            if name in KEY_HEADERS:
                self.run.sink.redactor.remember(
                    value.decode("latin-1").rpartition(" ")[2], kind="header"
                )

    def count(self, method: str, path: str) -> None:
        """Count a request that is passed on unrecorded."""
        name = f"{method} /{path.strip('/').removeprefix('v1/').split('/')[0]}"
        with self._lock:
            if name not in self._others and len(self._others) >= PATHS_MAX:
                name = "other"
            self._others[name] += 1
        if method == "POST" and not path.endswith(HARMLESS):
            self.watch_only(f"{name} passed the endpoint and is not recorded")

    def count_unreadable(self) -> None:
        """Count an LLM request whose body could not be read."""
        with self._lock:
            self.unreadable += 1
        self.watch_only("a request could not be read and is not recorded")

    def watch_only(self, reason: str) -> None:
        """Note that something was not recorded, so that only its LLM calls can be replayed."""
        self.run.observed_only = self.run.observed_only or reason

    def summary(self) -> dict[str, Any]:
        """Return what the run's end is to say beside its calls."""
        found: dict[str, Any] = {}
        if self._others:
            found["other_requests"] = dict(self._others)
        if self.unreadable:
            found["unreadable_requests"] = self.unreadable
        return found


def first_prompt(messages: Sequence[Json]) -> str | None:
    """Return the first text that a user said, None where there is none."""
    for message in messages:
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return content
        texts = [part["text"] for part in content or () if isinstance(part.get("text"), str)]
        if texts:
            return "\n".join(texts)
    return None
