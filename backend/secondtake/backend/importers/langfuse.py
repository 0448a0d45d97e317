"""Imports traces that Langfuse exported: `{"trace": {...}, "observations": [...]}`, each a run.

Read are such an object, a list of them, one a line, and a trace as the public API answers it (its
observations within it). Times without a zone are taken as UTC. Each GENERATION is an LLM call with
the conversation that it was sent, whatever framework worded it, see `langfuse_messages`; what is no
conversation stays in the call's `extra.input`. Each TOOL is a tool call, each other observation a
step; an EMBEDDING too, see `span_rows`. Scores are kept as recorded, those of an observation
at its span.

The cost is what Langfuse computed, whatever the price was. The column holds billionths of a dollar;
the exact figures stand in `extra.langfuse.costDetails`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from secondtake.backend.dialects import leaves
from secondtake.backend.dialects.attributes import number_of, text_of
from secondtake.backend.dialects.shapes import ReadSpan
from secondtake.backend.importers.builder import Error, RunBuilder
from secondtake.backend.importers.files import SourceFile, shape_of, stem_of
from secondtake.backend.importers.frame import Importer, Origin
from secondtake.backend.importers.json_lines import BrokenLine, read_json_or_lines
from secondtake.backend.importers.langfuse_messages import unpacked
from secondtake.backend.importers.langfuse_observations import extra_of, read_observation
from secondtake.backend.importers.recognising import hint_at
from secondtake.backend.importers.scalars import time_of
from secondtake.backend.importers.span_places import PlacedSpan, placed
from secondtake.backend.importers.span_rows import (
    add_spans,
    error_of,
    import_notes,
    run_duration_ms,
    run_times,
)
from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.wrap.fields import Json, objects

FORMAT: Final = "langfuse"

_TRACE_READ: Final = frozenset({
    "id", "projectId", "name", "timestamp", "input", "output", "userId", "sessionId", "tags",
    "observations", "scores", "latency", "totalCost", "createdAt", "updatedAt", "htmlPath",
})  # fmt: skip
_TAGS: Final = ("environment", "release", "version")


def read_file(path: Path) -> SourceFile:
    """Read exported traces, plain or gzipped.

    Raises:
        UsageError: the file is missing, broken, or holds no trace of Langfuse.
    """
    text = read_json_or_lines(path)
    records = text.values
    if text.is_whole:
        value = records[0]
        data = value.get("data") if is_object(value) else None
        records = value if is_list(value) else data if is_list(data) else [value]
    problems = [problem_of(record) for record in records]
    if all(problems):
        raise UsageError(f"{path} is no trace of Langfuse: {_instead(records, problems)}")
    return SourceFile(path=path, stem=stem_of(path), sha256=text.sha256, records=records)


def problem_of(record: Any) -> str | None:
    """Say why a record cannot be taken; None when it can."""
    if isinstance(record, BrokenLine):
        return record.problem
    if not is_object(record):
        return f"it is {shape_of(record)}, not an object"
    if not is_list(record.get("observations")):
        return "it has no list of observations"
    if not is_object(record.get("trace", {})):
        return f"its trace is {shape_of(record['trace'])}, not an object"
    if "trace" not in record and "id" not in record:
        return "it has no trace"
    for place, observation in enumerate(record["observations"]):
        if not is_object(observation):
            return f"observation {place} is {shape_of(observation)}, not an object"
        if not isinstance(observation.get("type"), str):
            return f"observation {place} has no type"
    return None


def is_empty(record: Mapping[str, Any]) -> bool:
    """Tell whether nothing was observed."""
    return not record["observations"]


def build(record: Mapping[str, Any], origin: Origin, builder: RunBuilder) -> None:
    """Add the events of one trace."""
    trace: Json = record.get("trace") or record
    observations = objects(record["observations"])
    read = [read_observation(observation) for observation in observations]
    settled = leaves(read)  # changes spans, but neither their number nor their order
    said = {id(span): item for span, item in zip(settled, observations, strict=True)}
    spans = placed(settled)
    _, ended_at = run_times(spans)
    _start(trace, origin, builder, spans)
    add_spans(spans, builder, extra=lambda span: extra_of(span, said[id(span)]))
    span_ids = {span.span_id for span in spans}
    for score in objects(trace.get("scores")):
        judged = score.get("observationId")
        _add_score(score, builder, span_id=judged if judged in span_ids else None)
    error = _failure(spans)
    builder.finish(
        status="ok" if error is None else "error",
        output=_output(trace, spans),
        error=error,
        ended_at=ended_at,
        duration_ms=run_duration_ms(spans),
    )


def _start(trace: Json, origin: Origin, builder: RunBuilder, spans: Sequence[PlacedSpan]) -> None:
    started_at, _ = run_times(spans)
    root = _root(spans)
    agents = [span.read for span in spans if span.read.kind == "agent"]
    given_tags = trace.get("tags")
    tags = (
        {tag: "" for tag in given_tags if isinstance(tag, str) and tag}
        if is_list(given_tags)
        else {}
    )
    tags |= {key: text for key in _TAGS if (text := text_of(trace.get(key)))}
    provenance = {
        "format": FORMAT,
        "file": origin.file.path.name,
        "sha256": origin.file.sha256,
        "index": origin.index,
        "trace_id": trace.get("id"),
        **import_notes(spans),
    }
    given = unpacked(trace.get("input"))
    builder.start(
        name=text_of(trace.get("name")) or (root.name if root else FORMAT),
        source=IMPORTER.source,
        config=None,
        inputs=given if given is not None else root.input if root else None,
        provenance=provenance,
        rest=_rest(trace),
        labels={
            "user_id": text_of(trace.get("userId")),
            "session_id": text_of(trace.get("sessionId")),
            "agent": _agent(agents),
        },
        tags=tags,
        started_at=started_at or time_of(trace.get("timestamp")),
    )


def _agent(agents: Sequence[ReadSpan]) -> str | None:
    """Return the agent of a trace; None when there is none or several."""
    names = {read.agent or read.name for read in agents}
    return names.pop() if len(names) == 1 else None


def _rest(trace: Json) -> dict[str, Any]:
    found = {
        key: value
        for key, value in trace.items()
        if key not in (*_TRACE_READ, *_TAGS) and value not in (None, "", [], {}, False)
    }
    if "metadata" in found:
        found["metadata"] = unpacked(found["metadata"])
    return {"langfuse": found} if found else {}


def _root(spans: Sequence[PlacedSpan]) -> ReadSpan | None:
    """Return the only span without a parent; None when there are several."""
    roots = [span.read for span in spans if span.parent_span_id is None]
    return roots[0] if len(roots) == 1 else None


def _output(trace: Json, spans: Sequence[PlacedSpan]) -> Any:
    gave = unpacked(trace.get("output"))
    if gave is not None:
        return gave
    root = _root(spans)
    return root.output if root is not None else None


def _failure(spans: Sequence[PlacedSpan]) -> Error | None:
    """Return how the run failed: as one of the spans did that nothing holds."""
    failed = [span.read for span in spans if span.parent_span_id is None and span.read.error_type]
    return error_of(failed[0]) if failed else None


def _add_score(score: Json, builder: RunBuilder, *, span_id: str | None) -> None:
    value = score.get("value")
    number = number_of(value) if not isinstance(value, str) else None
    label = text_of(score.get("stringValue")) or (value if isinstance(value, str) else None)
    named = ("id", "observationId", "dataType", "source", "timestamp", "configId")
    kept = {key: score[key] for key in named if score.get(key) is not None}
    builder.score(
        name=text_of(score.get("name")) or "score",
        value=number,
        scorer=f"{FORMAT} {str(score.get('source') or 'score').lower()}",
        raw=kept | ({"value": value} if number is None and value is not None else {}),
        label=label,
        reason=text_of(score.get("comment")),
        span_id=span_id,
        source_id=text_of(score.get("id")),
    )


def _instead(records: Sequence[Any], problems: Sequence[str | None]) -> str:
    """Say what a file holds that is no trace, and what to name instead."""
    first = records[0] if records else None
    if is_object(first) and first and all(_is_normalised(item) for item in first.values()):
        return (
            "it holds messages that were normalised from one, without times, models or counts. "
            "Name the .trace.json that they were made from."
        )
    reason = f" (of the first: {problems[0]})" if problems else ""
    found = shape_of(records[0] if len(records) == 1 else list(records))
    return (
        f"it holds {found}{reason}, and an export has a trace and its observations. Export the "
        f"trace as JSON from Langfuse.{hint_at(records, but=FORMAT)}"
    )


def _is_normalised(item: Any) -> bool:
    return (
        is_object(item)
        and bool(item)
        and set(item) <= {"input", "output"}
        and all(is_object(side) and "success" in side for side in item.values())
    )


IMPORTER: Final = Importer(
    format=FORMAT,
    help="traces that Langfuse exported (.json, .jsonl, also .gz)",
    read_file=read_file,
    problem_of=problem_of,
    is_empty=is_empty,
    build=build,
)
"""What the registry holds."""
