"""Runs made of rows by hand, for tests of what shapes them. Nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from secondtake.backend.models.records import LlmCallRow, MessageRow, NodeTiming, ToolCallRow
from secondtake.backend.models.runs import RunDetail, RunFacts, SpanTree
from secondtake.studio.run_page.data import RunView

RUN = uuid4()


@dataclass(kw_only=True)
class Rows:
    """Takes the rows of a run in the order in which they happen."""

    messages: list[MessageRow] = field(default_factory=list[MessageRow])
    calls: list[LlmCallRow] = field(default_factory=list[LlmCallRow])
    tools: list[ToolCallRow] = field(default_factory=list[ToolCallRow])
    nodes: list[NodeTiming] = field(default_factory=list[NodeTiming])
    seq: int = 0

    def say(
        self, role: str, content: str | None, *, after: UUID | None = None, **more: Any
    ) -> UUID:
        """Add a message."""
        row = MessageRow(
            run_id=RUN, seq=self._next(), message_id=uuid4(), parent_id=after, role=role,
            content=content, **more,
        )  # fmt: skip
        self.messages.append(row)
        return row.message_id

    def call(self, sent: UUID | None, *answers: UUID, **more: Any) -> str:
        """Add an LLM call."""
        span_id: str = more.pop("span_id", f"call-{len(self.calls) + 1}")
        self.calls.append(
            LlmCallRow(
                run_id=RUN,
                seq=self._next(),
                span_id=span_id,
                input_message_id=sent,
                output_message_ids=list(answers),
                served_from="live",
                **more,
            )
        )
        return span_id

    def tool(self, name: str, **more: Any) -> str:
        """Add a tool call."""
        span_id = f"tool-{len(self.tools) + 1}"
        self.tools.append(
            ToolCallRow(run_id=RUN, seq=self._next(), span_id=span_id, tool=name, **more)
        )
        return span_id

    def node(self, path: str, **more: Any) -> str:
        """Add the execution of a node."""
        span_id = f"node-{len(self.nodes) + 1}"
        self.nodes.append(
            NodeTiming(
                run_id=RUN,
                seq=self._next(),
                span_id=span_id,
                node_path=path,
                node=path.partition("[")[0],
                span_kind="node",
                **more,
            )
        )
        return span_id

    def detail(self, **facts: Any) -> RunDetail:
        """Return the run."""
        unknown: dict[str, Any] = dict.fromkeys(RunFacts.model_fields)
        named = {"run_id": RUN, "short_id": str(RUN)[:13], "status": "ok"}
        return RunDetail(
            summary=RunFacts(**{**unknown, **named, **facts}),
            messages=self.messages,
            tool_calls=self.tools,
            llm_calls=self.calls,
            node_timings=self.nodes,
            memory=[],
            evaluations=[],
            tool_definitions=[],
        )

    def view(self, **facts: Any) -> RunView:
        """Return the run as the page has it."""
        return RunView(self.detail(**facts), SpanTree(run_id=RUN, spans=[]))

    def _next(self) -> int:
        self.seq += 1
        return self.seq


def asking(*calls: tuple[str, str | None]) -> Sequence[dict[str, Any]]:
    """Return what an assistant asks for: names of tools with the ids of the calls."""
    return [
        {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name, call_id in calls
    ]
