"""Builds the events of a run in order, and stamps many runs out of one.

Validating an event costs more than writing it. Runs that a benchmark needs by the ten thousand are
therefore built once with stand-ins for ids and times, and stamped out by replacing these.
"""

import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from secondtake.runner.events import (
    BaseEvent,
    LlmCall,
    Message,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    Score,
    ToolCall,
)
from secondtake.runner.journal import SegmentWriter, encode

ORIGIN: Final = datetime(2001, 1, 1, tzinfo=UTC)
"""Stands for the moment at which a run begins."""
RUN_ID: Final = UUID("00000000-0000-4000-8000-000000000000")
"""Stands for the run's id."""
NUMBER: Final = "@number@"
"""Stands in a text for the number of the run."""

_STAND_IN: Final = re.compile(
    rb"00000000-0000-4000-8000-(?P<id>[0-9a-f]{12})"
    rb"|eeeeeeee(?P<span>[0-9a-f]{8})"
    rb'|"(?P<time>2001-01-\d\dT[0-9:.]+)Z"'
    rb"|(?P<number>@number@)"
)


class RunShape:
    """The events of one run, built in the order in which they would be recorded."""

    def __init__(self, **started: Any) -> None:
        self.events: list[BaseEvent] = []
        self._at_ms = 0.0
        self._spans = 0
        self._messages = 0
        self._last_message: UUID | None = None
        self._depth = 0
        self._add(RunStarted, started_at=ORIGIN, **{"name": "research", **started})

    @property
    def now(self) -> datetime:
        """The moment at which the next event happens."""
        return ORIGIN + timedelta(milliseconds=self._at_ms)

    @property
    def span_count(self) -> int:
        """How many spans there are so far."""
        return self._spans

    def pass_ms(self, milliseconds: float) -> None:
        """Let time pass."""
        self._at_ms += milliseconds

    def begin(self, node: str, parent: dict[str, Any] | None = None, **fields: Any) -> Any:
        """Begin a node; give what is returned to `end` and to what is inside of it."""
        path = f"{node}[{fields.get('visit', 1)}]"
        span = {
            "span_id": self._new_span(),
            "node": node,
            "node_path": path,
            "visit": 1,
            "started_at": self.now,
            "parent_span_id": parent["span_id"] if parent else None,
            **fields,
        }
        self._add(NodeStarted, **span)
        return span

    def end(self, span: dict[str, Any], **fields: Any) -> None:
        """End a node."""
        took_ms = (self.now - span["started_at"]) / timedelta(milliseconds=1)
        self._add(NodeFinished, **span, ended_at=self.now, duration_ms=took_ms, self_ms=3.2,
                  **fields)  # fmt: skip

    def say(
        self, role: str, content: str | None, *, span_id: str | None = None, **fields: Any
    ) -> UUID:
        """Add a turn to the conversation."""
        self._messages += 1
        message_id = UUID(int=RUN_ID.int + self._messages)
        self._add(Message, message_id=message_id, parent_id=self._last_message, depth=self._depth,
                  role=role, content=content, span_id=span_id, **fields)  # fmt: skip
        self._last_message, self._depth = message_id, self._depth + 1
        return message_id

    def ask(
        self, parent: dict[str, Any], answer: str | None, *, took_ms: float, **fields: Any
    ) -> None:
        """Call a model on the conversation so far, and add its answer."""
        span_id, asked, begun = self._new_span(), self._last_message, self.now
        tool_calls = fields.pop("tool_calls", None)
        self.pass_ms(took_ms)
        told = self.say("assistant", answer, span_id=span_id, tool_calls=tool_calls)
        self._add(LlmCall, **{
            **self._inside(parent, span_id, begun, took_ms), "provider": "sim",
            "model": "sim/strong", "served_model": "sim/strong", "finish_reason": "stop",
            "input_message_id": asked, "output_message_ids": [told], "simulated": True,
            "parameters": {"temperature": 0.2, "seed": 1}, "time_to_first_token_ms": took_ms / 4,
            "cost_basis": "price_book", "stream": False, **fields,
        })  # fmt: skip

    def use(self, parent: dict[str, Any], tool: str, *, took_ms: float, **fields: Any) -> None:
        """Call a tool."""
        span_id, begun = self._new_span(), self.now
        self.pass_ms(took_ms)
        self._add(ToolCall, **self._inside(parent, span_id, begun, took_ms), tool=tool, **fields)

    def score(self, name: str, value: float, **fields: Any) -> None:
        """Judge the run."""
        self._messages += 1
        self._add(Score, evaluation_id=UUID(int=RUN_ID.int + self._messages), name=name,
                  score_value=value, scorer="seed", scorer_kind="code", **fields)  # fmt: skip

    def add(self, kind: type[BaseEvent], **fields: Any) -> None:
        """Add any other event of this moment."""
        self._add(kind, **fields)

    def finish(self, **fields: Any) -> list[BaseEvent]:
        """End the run and return its events."""
        self._add(RunFinished, **{"status": "ok", "ended_at": self.now, "replayable": "full",
                                  "duration_ms": self._at_ms, **fields})  # fmt: skip
        return self.events

    def _new_span(self) -> str:
        self._spans += 1
        return f"eeeeeeee{self._spans:08x}"

    def _inside(
        self, parent: dict[str, Any], span_id: str, begun: datetime, took_ms: float
    ) -> dict[str, Any]:
        return {
            "span_id": span_id,
            "parent_span_id": parent["span_id"],
            "node_path": parent["node_path"],
            "started_at": begun,
            "ended_at": self.now,
            "duration_ms": took_ms,
        }

    def _add(self, kind: type[BaseEvent], **fields: Any) -> None:
        seq = len(self.events)
        self.events.append(kind(run_id=RUN_ID, seq=seq, recorded_at=self.now, **fields))


class Stamp:
    """Makes runs that are equal but for their ids, their times and their number."""

    def __init__(self, events: Sequence[BaseEvent]) -> None:
        self.event_count = len(events)
        data = b"".join(encode(event) for event in events)
        self._parts: list[bytes] = []
        self._places: list[tuple[str, str]] = []
        end = 0
        for match in _STAND_IN.finditer(data):
            self._parts.append(data[end : match.start()])
            kind = match.lastgroup or ""
            self._places.append((kind, match[kind].decode()))
            end = match.end()
        self._rest = data[end:]
        self._kinds = sorted(set(self._places))

    def lines(self, run_id: UUID, started_at: datetime, number: int) -> bytes:
        """Return the journal lines of one run."""
        text = str(run_id)
        own = {place: self._own(place, text, started_at, number) for place in self._kinds}
        pieces: list[bytes] = []
        for part, place in zip(self._parts, self._places, strict=True):
            pieces += (part, own[place])
        pieces.append(self._rest)
        return b"".join(pieces)

    @staticmethod
    def _own(place: tuple[str, str], run_id: str, started_at: datetime, number: int) -> bytes:
        kind, value = place
        if kind == "id":  # of the run itself, else of a message: its number in the last block
            is_run = int(value, 16) == 0
            return (run_id if is_run else f"{run_id[:24]}{number:08x}{value[-4:]}").encode()
        if kind == "span":
            return f"{number & 0xFFFFFFFF:08x}{value}".encode()
        if kind == "time":
            at = started_at + (datetime.fromisoformat(value + "+00:00") - ORIGIN)
            return b'"%sZ"' % at.isoformat(timespec="microseconds")[:26].encode()
        return str(number).encode()


def write_stamped(
    writer: SegmentWriter, stamp: Stamp, run_id: UUID, started_at: datetime, number: int
) -> None:
    """Write one run of a stamp."""
    lines = stamp.lines(run_id, started_at, number)
    # The writer counts what it is given, and the seal of a segment has that count.
    writer.write_lines([lines, *[b""] * (stamp.event_count - 1)])


def run_id_at(started_at: datetime, chance: random.Random) -> UUID:
    """Return a UUIDv7 of a given moment."""
    milliseconds = (started_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    value = milliseconds << 80 | chance.getrandbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    return UUID(int=value & ~(0x3 << 62) | 2 << 62)


def cost_of(input_tokens: int, output_tokens: int, *, usd_per_million: tuple[int, int]) -> Decimal:
    """Return what a call costs, in dollars."""
    rate_in, rate_out = usd_per_million
    return Decimal(input_tokens * rate_in + output_tokens * rate_out) / 1_000_000
