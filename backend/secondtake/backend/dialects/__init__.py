"""Reads spans of language models in the four dialects that telemetry speaks.

Each dialect is a module with `speaks` and `read`. `read_span` gives one shape for all, `leaves`
counts each call of a trace once. Who reads a dump or receives OTLP needs nothing else of these.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from secondtake.backend.dialects import genai, openinference, traceloop, vercel
from secondtake.backend.dialects.attributes import Attributes
from secondtake.backend.dialects.doubles import leaves
from secondtake.backend.dialects.failures import failure_of
from secondtake.backend.dialects.shapes import RawSpan, ReadSpan

__all__ = ["leaves", "read_span"]

Speaks = Callable[[Attributes], bool]
Read = Callable[[RawSpan, Attributes], ReadSpan]

# The Vercel AI SDK adds `gen_ai.*` to its spans, and so does Traceloop: the most special is first.
_DIALECTS: Final[tuple[tuple[Speaks, Read], ...]] = (
    (vercel.speaks, vercel.read),
    (openinference.speaks, openinference.read),
    (traceloop.speaks, traceloop.read),
    (genai.speaks, genai.read),
)


def read_span(raw: RawSpan) -> ReadSpan:
    """Return what a span says, whatever dialect it is in; `other` when it is in none."""
    attributes = Attributes(raw.attributes)
    reader = next((read for speaks, read in _DIALECTS if speaks(attributes)), _read_unknown)
    return replace(reader(raw, attributes), rest=attributes.rest())


def _read_unknown(raw: RawSpan, attributes: Attributes) -> ReadSpan:
    return ReadSpan(raw=raw, name=raw.name, **failure_of(raw, attributes))
