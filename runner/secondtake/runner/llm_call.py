"""An LLM call on its way through the boundary: its messages, hashes, tokens and price."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from uuid import UUID

from secondtake.runner import events
from secondtake.runner.calls import LlmFailure, LlmRequest, LlmResponse
from secondtake.runner.context import RunContext
from secondtake.runner.conversation import NewTurn, Turn
from secondtake.runner.events import BaseEvent
from secondtake.runner.hashing import request_hashes, value_hash
from secondtake.runner.open_call import OpenCall, answered_fields
from secondtake.runner.pricing import price

if TYPE_CHECKING:
    from secondtake.runner.replay.session import Asked

TOKEN_FIELDS: Final = tuple(events.TokenFields.model_fields)
_token_values: Final = attrgetter(*TOKEN_FIELDS)
NO_TOOLS_HASH: Final = value_hash([])


class OpenLlmCall(OpenCall):
    """One attempt to ask a model, between its beginning and its end.

    What it sends is written at once, so a killed run shows what was asked.
    """

    kind: ClassVar[Literal["llm", "tool"]] = "llm"

    def __init__(self, here: RunContext, request: LlmRequest) -> None:
        super().__init__(here)
        self._request = request
        self._last_sent: Turn | None = None
        self._fields: dict[str, Any] = {"model": request.model}
        try:
            self._last_sent = self._write_messages(request.messages, after=None)
            self._fields = self._request_fields()
        except Exception as fault:  # noqa: BLE001 - recording must not break the run
            self.run.fault("an LLM request", fault)

    def asked(self) -> "Asked":
        """Return what a replay needs to know to answer it."""
        from secondtake.runner.replay.session import FIELDS, Asked

        return Asked(
            kind="llm_call",
            span_id=self.span_id,
            node_path=self.parent.node_path,
            request_hash=self._fields.get("request_hash"),
            model=self._request.model,
            hashes={name: self._fields.get(f"{name}_hash") for name in FIELDS},
            is_sampled=self._request.parameters.get("temperature") != 0,
        )

    def _request_fields(self) -> dict[str, Any]:
        request, run, sent = self._request, self.run, self._last_sent
        model = run.label(request.model)
        parameters: dict[str, Any] = {}
        if request.parameters:
            parameters = run.structure(_kept_parameters(request.parameters, run.keeps_content))
        fields: dict[str, Any] = {
            "model": model or None,
            "parameters": parameters or None,
            "input_message_id": sent.message_id if sent else None,
            "stream": request.stream,
            "attempt": request.attempt,
        }
        if run.keeps_content:
            tools_hash = NO_TOOLS_HASH
            if request.tools:
                tools = run.clean(list(request.tools))
                tools_hash = value_hash(tools)
                run.declare_tools(tools_hash, tools)
            hashes = request_hashes(
                model=model,
                messages_hash=sent.chain.hex() if sent else "",
                tools_hash=tools_hash,
                parameters=parameters,
            )
            fields |= {
                "request_hash": hashes.request,
                "model_hash": hashes.model,
                "messages_hash": hashes.messages,
                "tools_hash": hashes.tools,
                "parameters_hash": hashes.parameters,
            }
        return fields

    def write(self, response: Any, error: BaseException | None, duration_ms: float) -> None:
        """Write the answer's messages and the `llm_call` event in one piece."""
        failure: LlmFailure | None = getattr(error, "llm_failure", None)
        answer: LlmResponse | None = failure.partial if failure else response
        items: list[tuple[type[BaseEvent], Mapping[str, Any]]] = []
        new: list[NewTurn] = []
        fields: dict[str, Any] = {
            **self._fields,
            **self.span_fields(duration_ms),
            **self.run.error_fields(error),
            **_failure_fields(failure),
        }
        self._compare(answer, error)
        if answer is not None:
            fields |= self._answer_fields(answer)
            ids: list[UUID] = []
            for message in answer.messages:
                turn, added = self.run.conversation.add([message], after=self._last_sent)
                ids += [turn.message_id] if turn else []
                new += added
            fields["output_message_ids"] = ids or None
        items += [(events.Message, self._message_fields(turn)) for turn in new]
        items.append((events.LlmCall, fields))
        if self.answered is not None:
            fields |= answered_fields(self.answered)
        if not self.run.emit_all(items):
            self.run.conversation.forget(new)
        self.run.meter.end_llm_call(
            input_tokens=fields.get("input_tokens"),
            output_tokens=fields.get("output_tokens"),
            cost_usd=fields.get("cost_usd"),
            avoided_cost_usd=fields.get("avoided_cost_usd"),
            failed=error is not None,
            simulated=bool(fields.get("simulated")),
        )

    def _compare(self, answer: LlmResponse | None, error: BaseException | None) -> None:
        """Tell a replay what an executed call came to."""
        replay = self.run.replay
        if replay is None or self.answered is not None:
            return
        if answer is not None:
            messages = [self.run.sink.clean_message(message) for message in answer.messages]
            answer = replace(answer, messages=messages)
        replay.note_answer(self.span_id, answer, error)

    def _answer_fields(self, answer: LlmResponse) -> dict[str, Any]:
        run, tokens = self.run, answer.tokens
        priced = price(
            tokens,
            model=self._request.model,
            served_model=answer.served_model,
            provider=answer.provider,
            service_tier=answer.service_tier,
            snapshot=run.prices,
            at=self.started_at,
        )
        fields: dict[str, Any] = dict(zip(TOKEN_FIELDS, _token_values(tokens), strict=True))
        return fields | {
            "provider": answer.provider,
            "served_model": answer.served_model,
            "finish_reason": answer.finish_reason,
            "response_id": answer.response_id,
            "service_tier": answer.service_tier,
            "time_to_first_token_ms": answer.time_to_first_token_ms,
            "usage": run.structure(answer.usage),
            "usage_convention": tokens.convention,
            "usage_note": tokens.note,
            "cost_usd": priced.cost_usd,
            "cost_basis": priced.basis,
            "cost_details": priced.details,
            "price_snapshot": priced.snapshot_id,
            "reported_cost_usd": answer.reported_cost_usd,
            "simulated": answer.simulated,
            "extra": run.clean(answer.extra) if answer.extra else None,
        }

    def _write_messages(self, messages: Sequence[Any], *, after: Turn | None) -> Turn | None:
        last, new = self.run.conversation.add(messages, after=after)
        if new and not self.run.emit_all(
            [(events.Message, self._message_fields(turn)) for turn in new]
        ):
            self.run.conversation.forget(new)
        return last

    def _message_fields(self, turn: NewTurn) -> dict[str, Any]:
        return {**turn.fields, "span_id": self.span_id, "node_path": self.parent.node_path}


def _kept_parameters(parameters: Mapping[str, Any], keeps_content: bool) -> dict[str, Any]:
    """Return the parameters to record.

    In content-off mode these are the numbers: schemas, stop sequences and predictions are text.
    """
    if keeps_content:
        return dict(parameters)
    return {key: value for key, value in parameters.items() if isinstance(value, int | float)}


def _failure_fields(failure: LlmFailure | None) -> dict[str, Any]:
    if failure is None:
        return {}
    return {
        "error_class": failure.error_class,
        "http_status": failure.http_status,
        "retry_after_s": failure.retry_after_s,
        "provider": failure.provider,
    }
