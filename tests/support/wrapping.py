"""Wrapped programs without a process: a run, an endpoint and a way to read what was recorded."""

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from secondtake.runner.description import RunDescription
from secondtake.runner.events import BaseEvent, LlmCall, Message, ToolCall, event_adapter
from secondtake.runner.journal import close_all
from secondtake.runner.limits import Limits
from secondtake.runner.replay.session import ReplaySession
from secondtake.runner.run import RunRecorder
from secondtake.runner.settings import load_settings
from secondtake.runner.sink import sink_for
from secondtake.runner.wrap.dialects import Upstream
from secondtake.runner.wrap.endpoint import Endpoint
from secondtake.runner.wrap.wrapped import Wrapped

Kind = TypeVar("Kind", bound=BaseEvent)


@dataclass(frozen=True, kw_only=True)
class Served:
    """A program that the endpoint serves."""

    run: RunRecorder
    wrapped: Wrapped
    openai: str
    """Base URL of OpenAI's API for it."""
    anthropic: str


@contextlib.contextmanager
def serving(
    home: Path, upstream: str, *, programs: int = 1, replay: ReplaySession | None = None
) -> Generator[list[Served]]:
    """Serve programs whose APIs are at `upstream`, and end their runs."""
    served: list[Served] = []
    with Endpoint() as endpoint:
        for number in range(programs):
            about = RunDescription(name=f"program {number}", source="wrap")
            run = RunRecorder(
                about,
                sink=sink_for(load_settings({"home": home})),
                limits=Limits(),
                replay=replay,
            )
            run.begin()
            wrapped = Wrapped(
                run,
                {
                    "openai": Upstream(api="openai", url=f"{upstream}/v1"),
                    "anthropic": Upstream(api="anthropic", url=upstream),
                },
            )
            urls = endpoint.add(wrapped)
            served.append(
                Served(run=run, wrapped=wrapped, openai=urls["openai"], anthropic=urls["anthropic"])
            )
        yield served
    for each in served:
        each.run.finish()


def recorded_events(home: Path) -> list[BaseEvent]:
    """Return every event in the journal of a home, in the order in which it was written."""
    import orjson

    close_all()
    found: list[BaseEvent] = []
    for path in sorted((home / "journal").glob("*.ndjson"), key=lambda p: p.stat().st_mtime_ns):
        for line in path.read_bytes().splitlines():
            if orjson.loads(line)["kind"] not in ("segment", "seal"):
                found.append(event_adapter().validate_json(line))
    return found


def of_kind(found: Sequence[BaseEvent], kind: type[Kind]) -> list[Kind]:
    """Return the events of one kind."""
    return [event for event in found if isinstance(event, kind)]


def llm_calls(home: Path) -> list[LlmCall]:
    """Return the LLM calls that were recorded in a home."""
    return of_kind(recorded_events(home), LlmCall)


def tool_calls(home: Path) -> list[ToolCall]:
    """Return the tool calls that were recorded in a home."""
    return of_kind(recorded_events(home), ToolCall)


def texts(home: Path) -> list[tuple[str, Any]]:
    """Return role and text of every message that was recorded in a home."""
    return [(event.role, event.content) for event in of_kind(recorded_events(home), Message)]
