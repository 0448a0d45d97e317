"""A tool call on its way through the boundary."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from secondtake.runner import events
from secondtake.runner.calls import ToolRequest
from secondtake.runner.context import RunContext
from secondtake.runner.hashing import tool_request_hash
from secondtake.runner.open_call import OpenCall, answered_fields

if TYPE_CHECKING:
    from secondtake.runner.replay.session import Asked


class OpenToolCall(OpenCall):
    """A tool call between its beginning and its end."""

    kind: ClassVar[Literal["llm", "tool"]] = "tool"

    def __init__(self, here: RunContext, request: ToolRequest) -> None:
        super().__init__(here)
        self._request = request
        self._fields: dict[str, Any] = {}
        try:
            self._fields = self._request_fields()
        except Exception as fault:  # noqa: BLE001 - recording must not break the run
            self.run.fault("a tool's arguments", fault)
            self._fields = {"tool": str(request.tool)}

    def _request_fields(self) -> dict[str, Any]:
        request, run = self._request, self.run
        tool = run.label(request.tool)
        arguments = run.clean(request.arguments)
        return {
            "tool": tool,
            "span_kind": request.span_kind,
            "tool_call_id": request.tool_call_id,
            "arguments": arguments,
            "request_hash": tool_request_hash(tool, arguments) if run.keeps_content else None,
            "attempt": request.attempt,
            "simulated": request.simulated,
        }

    def asked(self) -> "Asked":
        """Return what a replay needs to know to answer it."""
        from secondtake.runner.replay.session import Asked

        return Asked(
            kind="tool_call",
            span_id=self.span_id,
            node_path=self.parent.node_path,
            request_hash=self._fields.get("request_hash"),
            tool=self._fields.get("tool"),
            tool_call_id=self._request.tool_call_id,
            may_execute=self._request.read_only,
        )

    def write(self, response: Any, error: BaseException | None, duration_ms: float) -> None:
        """Write the `tool_call` event."""
        fields = {
            **self._fields,
            **self.span_fields(duration_ms),
            "result": self.run.clean(response) if error is None else None,
            "extra": self.run.structure(self._request.extra) if self._request.extra else None,
            **self.run.error_fields(error),
        }
        if self.answered is not None:
            fields |= answered_fields(self.answered)
        elif self.run.replay is not None:
            self.run.replay.note_answer(self.span_id, fields["result"], error)
        if self._request.span_kind != "other":  # a person's answer is no tool call
            self.run.meter.end_tool_call()
        self.run.emit(events.ToolCall, fields)
