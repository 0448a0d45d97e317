"""An answer in LiteLLM's response types, whole or in chunks.

Used by the simulated models and by `ScriptedModel`: both count tokens the same way.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from secondtake.runner.providers.sim.brain import Answer, Choice
from secondtake.runner.providers.sim.tokens import split_tokens

if TYPE_CHECKING:
    from litellm.types.utils import ModelResponse  # pyright: ignore[reportMissingTypeStubs]


class Chunk(dict[str, Any]):
    """A generic chunk with an id: LiteLLM takes the response's id from this attribute."""

    id: str


def usage_of(answer: Answer) -> dict[str, Any]:
    """Return the usage object of an answer, in OpenAI's form."""
    reasoning = answer.reasoning_tokens
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "text_tokens": answer.completion_tokens - reasoning,
        },
    }


def fill_response(response: "ModelResponse", answer: Answer, *, model: str) -> "ModelResponse":
    """Write an answer into the response object that LiteLLM hands to a provider."""
    from litellm.types.utils import Choices, Message, Usage  # pyright: ignore[reportMissingTypeStubs]

    response.id = answer.response_id
    response.model = model
    response.choices = [
        Choices(
            index=index,
            finish_reason=choice.finish_reason,
            message=Message(
                role="assistant", content=choice.text, tool_calls=_calls(choice) or None
            ),
        )
        for index, choice in enumerate(answer.choices)
    ]
    response.usage = Usage(**usage_of(answer))  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    return response


def chunks_of(answer: Answer) -> Iterator[tuple[Chunk, int]]:
    """Yield the first choice in chunks, each with its number of tokens.

    Text comes token by token; a tool call as its name, then its arguments in pieces of some
    tokens; the last chunk has the finish reason and the usage. LiteLLM shows the usage to the
    caller only when `stream_options.include_usage` asks for it.
    """
    choice = answer.choices[0]
    new = partial(_chunk, answer.response_id)
    for token in split_tokens(choice.text or ""):
        yield new(text=token), 1
    for index, call in enumerate(choice.calls):
        yield new(tool=_call_delta(index, id=call.id, name=call.name)), 1
        pieces = split_tokens(call.arguments)
        for at in range(0, len(pieces), 8):
            group = pieces[at : at + 8]
            yield new(tool=_call_delta(index, arguments="".join(group))), len(group)
    yield new(finish_reason=choice.finish_reason, usage=usage_of(answer)), 0


def _calls(choice: Choice) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in choice.calls
    ]


def _call_delta(
    index: int, *, id: str | None = None, name: str | None = None, arguments: str = ""
) -> dict[str, Any]:
    return {
        "index": index,
        "id": id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _chunk(
    response_id: str,
    *,
    text: str = "",
    tool: Mapping[str, Any] | None = None,
    finish_reason: str = "",
    usage: Mapping[str, Any] | None = None,
) -> Chunk:
    chunk = Chunk(
        text=text,
        tool_use=tool,
        is_finished=bool(finish_reason),
        finish_reason=finish_reason,
        usage=usage,
        index=0,
    )
    chunk.id = response_id
    return chunk
