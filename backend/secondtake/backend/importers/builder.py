"""Builds the events of one recorded run, in order, with ids that are the same each time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from secondtake.runner import events
from secondtake.runner.conversation import Conversation, NewTurn, Turn
from secondtake.runner.events import BaseEvent, RunStatus, SpanKind
from secondtake.runner.hashing import derived_uuid, digest, tool_request_hash, value_hash
from secondtake.runner.sink import Sink

SPAN_ID_DIGITS: Final = 16
NO_CODE: Final = "it was imported: there is no code to run again"
NO_CONTENT: Final = "it was imported without content"
MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class Error:
    """How something failed, as far as the source says."""

    type: str | None = None
    message: str | None = None
    traceback: str | None = None


@dataclass(frozen=True, kw_only=True)
class Span:
    """Place and time of something in a recording, as far as the source says."""

    span_id: str | None = None
    """As the source calls it; None: one is made."""
    parent_span_id: str | None = None
    started_at: datetime | None = None
    """Aware, as is `ended_at`."""
    ended_at: datetime | None = None
    duration_ms: float | None = None
    """As the source says it; None: what lies between the two times, when both are known."""
    error: Error | None = None


UNKNOWN_SPAN: Final = Span()


class RunBuilder:
    """Collects one run's events; what a source does not say stays None.

    Secrets are taken out as in a run of our own, and in content-off mode only structure is kept.
    The ids of messages and spans follow from the run's id, so a second import gives the same rows.
    """

    def __init__(self, run_id: UUID, *, sink: Sink, writer_id: str | None = None) -> None:
        """Begin with no events; `sink` says how values are cleaned, and is not written to."""
        self.run_id = run_id
        self.events: list[BaseEvent] = []
        self._sink = sink
        self._writer_id = writer_id
        self._conversation = Conversation(run_id, sink.clean_message)
        self._recorded_at = datetime.now(UTC)
        self._last: Turn | None = None
        self._waiting: list[NewTurn] = []
        self._declared: set[str] = set()
        self._spans = 0

    def learn(self, record: Any) -> None:
        """Look at everything that the source says first.

        A secret that is found by its name at the end is then taken out at the beginning as well.
        """
        self._sink.structure(record)

    def start(
        self,
        *,
        name: str,
        source: str,
        config: Any,
        inputs: Any,
        provenance: Mapping[str, Any],
        rest: Mapping[str, Any],
        labels: Mapping[str, str | None],
        tags: Mapping[str, str],
        started_at: datetime | None = None,
    ) -> None:
        """Add the run's first event.

        Args:
            name: what runs of this kind are called.
            source: `import:<format>`.
            config: what was asked for, as far as the source says.
            inputs: what the run was given.
            provenance: file, place in it, and the like; kept in content-off mode too.
            rest: what the source says and there is no column for.
            labels: `agent`, `user_id`, `session_id`, `case_id`, `workflow`.
            tags: what runs are found by.
            started_at: aware; None when the source does not say.
        """
        sink = self._sink
        extra = {"import": sink.structure(provenance)}
        if sink.content:
            extra |= {key: sink.clean(item) for key, item in rest.items()}
        self._add(
            events.RunStarted,
            name=sink.label(name),
            source=source,
            writer_id=self._writer_id,
            config=sink.clean(config),
            inputs=sink.clean(inputs),
            tags={key: sink.label(value) for key, value in tags.items()} or None,
            extra=extra,
            started_at=started_at,
            **{key: sink.label(value) for key, value in labels.items() if value is not None},
        )

    def message(self, message: Mapping[str, Any]) -> None:
        """Add a message that the next LLM call is sent; its row names that call."""
        self._last, new = self._conversation.add([message], after=self._last)
        self._waiting += new

    def node(
        self, name: str, *, span: Span, span_kind: SpanKind = "node", extra: Any = None
    ) -> str:
        """Add a step that holds others: an agent, a chain, a function; return its id."""
        span_id = self._span_id_of(span)
        self._add(
            events.NodeFinished,
            **self._span_fields(span, span_id),
            span_kind=span_kind,
            node=self._sink.label(name),
            extra=self._kept_extra(extra),
        )
        return span_id

    def llm_call(
        self,
        *answers: Mapping[str, Any],
        model: str | None,
        sent: Sequence[Mapping[str, Any]] | None = None,
        tools: Sequence[Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        span: Span = UNKNOWN_SPAN,
        extra: Any = None,
        **columns: Any,
    ) -> str:
        """Add an LLM call, its answers, one a choice, and what it was sent; return its id.

        Args:
            answers: assistant messages in OpenAI's chat form; none when it failed.
            model: that was asked for; None when the source does not say.
            sent: the whole conversation that it was sent, in OpenAI's chat form; None: the messages
                that were added one after the other so far.
            tools: definitions that it was offered, in OpenAI's form; None when unknown.
            parameters: temperature and the like, by OpenAI's names; None when unknown.
            span: its place and time.
            extra: what the source says and there is no column for.
            columns: of `events.LlmCall` as they are: tokens, `usage`, `cost_usd`, `finish_reason`.
        """
        span_id, keeps = self._span_id_of(span), self._sink.content
        asked = self._asked_with(sent)
        ids: list[UUID] = []
        for answer in answers:
            turn, new = self._conversation.add([answer], after=asked)
            self._waiting += new
            ids += [turn.message_id] if turn else []
            self._last = turn if sent is None else self._last
        self._add_messages(span_id)
        self._add(
            events.LlmCall,
            **self._span_fields(span, span_id),
            model=self._sink.label(model) if model else None,
            input_message_id=asked.message_id if asked else None,
            output_message_ids=ids or None,
            # Only what the source says has a hash; a request as a whole hardly ever does.
            messages_hash=(asked.chain.hex() if asked else "") if keeps else None,
            model_hash=digest(self._sink.label(model).encode()) if model and keeps else None,
            tools_hash=self._declare(tools) if tools is not None and keeps else None,
            parameters=self._sink.structure(dict(parameters)) if parameters else None,
            extra=self._kept_extra(extra),
            **columns,
        )
        return span_id

    def tool_call(
        self,
        *,
        tool: str,
        call_id: str | None,
        arguments: Any,
        result: Any,
        error: str | None = None,
        span: Span = UNKNOWN_SPAN,
        span_kind: SpanKind = "tool",
        extra: Any = None,
    ) -> str:
        """Add a tool call; `error` is the message of a failed one whose type is unknown."""
        sink = self._sink
        tool, plain = sink.label(tool), sink.clean(arguments)
        span_id = self._span_id_of(span)
        fields = self._span_fields(span, span_id)
        if error is not None:
            fields |= self._error_fields(Error(type="Error", message=error))
        self._add(
            events.ToolCall,
            **fields,
            span_kind=span_kind,
            tool=tool,
            tool_call_id=call_id,
            arguments=plain,
            result=sink.clean(result),
            request_hash=tool_request_hash(tool, plain) if sink.content else None,
            extra=self._kept_extra(extra),
        )
        return span_id

    def score(
        self,
        *,
        name: str,
        value: float | None,
        scorer: str,
        raw: Any = None,
        label: str | None = None,
        reason: str | None = None,
        span_id: str | None = None,
        source_id: str | None = None,
    ) -> None:
        """Add a verdict that came with the recording; `raw` is one that is not a number.

        `source_id` is how the source tells it from another one of the same name and scorer.
        """
        sink = self._sink
        parts = [str(self.run_id), name, scorer, *([] if source_id is None else [source_id])]
        self._add(
            events.Score,
            evaluation_id=derived_uuid(*parts),
            span_id=span_id,
            name=sink.label(name),
            score_value=value,
            label=sink.label(label) if label is not None else None,
            reason=sink.label(reason) if reason is not None and sink.content else None,
            scorer=scorer,
            scorer_kind="recorded",
            extra=None if raw is None else {name: self._sink.structure(raw)},
        )

    def finish(
        self,
        *,
        status: RunStatus,
        output: Any,
        error: Error | None = None,
        ended_at: datetime | None = None,
        duration_ms: float | None = None,
    ) -> None:
        """Add what is left: messages that no call was sent, and how the run ended."""
        self._add_messages(None)
        keeps = self._sink.content
        self._add(
            events.RunFinished,
            status=status,
            output=self._sink.clean(output),
            replayable="stepwise" if keeps else "no",
            replayable_reason=NO_CODE if keeps else NO_CONTENT,
            ended_at=ended_at,
            duration_ms=duration_ms,
            **self._error_fields(error),
        )

    def _asked_with(self, sent: Sequence[Mapping[str, Any]] | None) -> Turn | None:
        """Return the last message that a call was sent; news of it wait to be added."""
        if sent is None:
            return self._last
        turn, new = self._conversation.add(sent)
        self._waiting += new
        return turn

    def _declare(self, tools: Sequence[Any]) -> str:
        """Add definitions of tools unless they are known; return their hash."""
        definitions = self._sink.clean(list(tools))
        tools_hash = value_hash(definitions)
        if tools_hash not in self._declared:
            self._declared.add(tools_hash)
            self._add(events.ToolDefinitions, tools_hash=tools_hash, definitions=definitions)
        return tools_hash

    def _span_fields(self, span: Span, span_id: str) -> dict[str, Any]:
        took_ms = span.duration_ms
        if took_ms is None and span.started_at is not None and span.ended_at is not None:
            # A clock that was set back between the two says nothing about the duration.
            took_ms = max((span.ended_at - span.started_at) / MILLISECOND, 0.0)
        return {
            "span_id": span_id,
            "parent_span_id": span.parent_span_id,
            "started_at": span.started_at,
            "ended_at": span.ended_at,
            "duration_ms": took_ms,
            **self._error_fields(span.error),
        }

    def _error_fields(self, error: Error | None) -> dict[str, Any]:
        """Return the columns of a failure; in content-off mode its type alone."""
        if error is None:
            return {}
        told = {"error_type": error.type}
        if self._sink.content:
            told |= {"error_message": error.message, "error_traceback": error.traceback}
        return {key: self._sink.label(text) for key, text in told.items() if text is not None}

    def _kept_extra(self, extra: Any) -> Any:
        return self._sink.clean(extra) if extra and self._sink.content else None

    def _span_id_of(self, span: Span) -> str:
        return span.span_id if span.span_id is not None else self._next_span_id()

    def _add(self, kind: type[BaseEvent], **fields: Any) -> None:
        place = {"run_id": self.run_id, "seq": len(self.events), "recorded_at": self._recorded_at}
        self.events.append(kind(**place, **fields))

    def _add_messages(self, span_id: str | None) -> None:
        for turn in self._waiting:
            self._add(events.Message, span_id=span_id, **turn.fields)
        self._waiting = []

    def _next_span_id(self) -> str:
        self._spans += 1
        return digest(self.run_id.bytes + self._spans.to_bytes(8, "big"))[:SPAN_ID_DIGITS]
