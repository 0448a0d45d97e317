"""Builds the events of one recorded run, in order, with ids that are the same each time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from secondtake.runner import events
from secondtake.runner.conversation import Conversation, NewTurn, Turn
from secondtake.runner.events import BaseEvent, RunStatus
from secondtake.runner.hashing import derived_uuid, digest, tool_request_hash
from secondtake.runner.sink import Sink

SPAN_ID_DIGITS: Final = 16
NO_CODE: Final = "it was imported: there is no code to run again"
NO_CONTENT: Final = "it was imported without content"


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
    ) -> None:
        """Add the run's first event.

        Args:
            name: what runs of this kind are called.
            source: `import:<format>`.
            config: what was asked for, as far as the source says.
            inputs: what the run was given.
            provenance: file, place in it, and the like; kept in content-off mode too.
            rest: what the source says and there is no column for.
            labels: `agent`, `user_id`, `session_id`, `case_id`.
            tags: what runs are found by.
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
            **{key: sink.label(value) for key, value in labels.items() if value is not None},
        )

    def message(self, message: Mapping[str, Any]) -> None:
        """Add a message that the next LLM call is sent; its row names that call."""
        self._last, new = self._conversation.add([message], after=self._last)
        self._waiting += new

    def llm_call(self, answer: Mapping[str, Any], *, model: str | None) -> None:
        """Add an LLM call that was sent all messages so far and answered with one."""
        span_id, sent = self._next_span_id(), self._last
        self.message(answer)
        self._add_messages(span_id)
        assert self._last is not None
        keeps = self._sink.content
        self._add(
            events.LlmCall,
            span_id=span_id,
            model=self._sink.label(model) if model else None,
            input_message_id=sent.message_id if sent else None,
            output_message_ids=[self._last.message_id],
            # Tools and parameters are unknown, so the request as a whole has no hash.
            messages_hash=(sent.chain.hex() if sent else "") if keeps else None,
            model_hash=digest(self._sink.label(model).encode()) if model and keeps else None,
        )

    def tool_call(
        self, *, tool: str, call_id: str | None, arguments: Any, result: Any, error: str | None
    ) -> None:
        """Add a tool call; `error` is the message of a failed one, whose type is unknown."""
        sink = self._sink
        tool, plain = sink.label(tool), sink.clean(arguments)
        failed = error is not None
        self._add(
            events.ToolCall,
            span_id=self._next_span_id(),
            tool=tool,
            tool_call_id=call_id,
            arguments=plain,
            result=sink.clean(result),
            request_hash=tool_request_hash(tool, plain) if sink.content else None,
            error_type="Error" if failed else None,
            error_message=sink.label(error) if error is not None and sink.content else None,
        )

    def score(self, *, name: str, value: float | None, scorer: str, raw: Any = None) -> None:
        """Add a verdict that came with the recording; `raw` is one that is not a number."""
        self._add(
            events.Score,
            evaluation_id=derived_uuid(str(self.run_id), name),
            name=name,
            score_value=value,
            scorer=scorer,
            scorer_kind="recorded",
            extra=None if raw is None else {name: self._sink.structure(raw)},
        )

    def finish(self, *, status: RunStatus, output: Any, error: Sequence[str | None] = ()) -> None:
        """Add what is left; `error` is the type, message and traceback of a failed run."""
        self._add_messages(None)
        keeps = self._sink.content
        names = ("error_type", "error_message", "error_traceback")
        told = {
            key: self._sink.label(text)
            for key, text in zip(names, error, strict=False)
            if text is not None and (keeps or key == "error_type")
        }
        self._add(
            events.RunFinished,
            status=status,
            output=self._sink.clean(output),
            replayable="stepwise" if keeps else "no",
            replayable_reason=NO_CODE if keeps else NO_CONTENT,
            **told,
        )

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
