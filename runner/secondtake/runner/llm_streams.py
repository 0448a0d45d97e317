"""Streams of a user's own LLM functions, made again of what was recorded: texts, or chunks."""

import importlib
from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import Any, Final

from secondtake.runner.calls import LlmResponse
from secondtake.runner.errors import UsageError
from secondtake.runner.llm_functions import CHUNKS, OTHER, PIECES, USAGE_ALONE, form_of
from secondtake.runner.narrow import is_list

CLASSES: Final = {
    "litellm_chunks": ("litellm", "ModelResponseStream"),
    "openai_chunks": ("openai.types.chat", "ChatCompletionChunk"),
}
"""By form: where the class of its chunks is."""


def rebuilt_pieces(response: LlmResponse) -> Iterable[Any]:
    """Return the pieces of a stream: one text, or what a model says at once in one chunk.

    Of a stream that was closed early each text is a piece as it was, and nothing ends it.

    Raises:
        UsageError: they cannot be made.
    """
    form = form_of(response)
    if form == OTHER:
        raise UsageError("A stream of this form cannot be given again; use --stepwise.")
    if form in CHUNKS.values():
        return _chunks(response, str(form))
    text = response.message.get("content")
    return pieces_of(response, text) if text else []


def pieces_of(response: LlmResponse, text: str) -> list[str]:
    """Return the pieces in which a text came that was closed early; any other is one piece."""
    sizes: Any = (response.extra or {}).get(PIECES)
    if not is_list(sizes):
        return [text]
    return [text[start:end] for start, end in pairwise([0, *accumulate(sizes)])]


def _chunks(response: LlmResponse, form: str) -> list[Any]:
    from secondtake.runner.wrap.chat import is_content, stream_events

    module, name = CLASSES[form]
    library: Any = importlib.import_module(module)
    make: Any = getattr(library, name)
    is_alone = bool((response.extra or {}).get(USAGE_ALONE))
    events = stream_events(response, {"stream_options": {"include_usage": is_alone}})
    if PIECES in (response.extra or {}):
        events = [each for event in events if is_content(event) for each in _parts(event, response)]
    return [make(**event) for event in events]


def _parts(event: dict[str, Any], response: LlmResponse) -> list[dict[str, Any]]:
    """Return the chunks that a chunk with the whole text stands for."""
    choice: dict[str, Any] = event["choices"][0]
    text = choice["delta"].get("content")
    if not text:
        return [event]
    return [
        {**event, "choices": [{**choice, "delta": {**choice["delta"], "content": piece}}]}
        for piece in pieces_of(response, text)
    ]
