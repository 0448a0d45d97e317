"""Imports dumps of spans in which OpenTelemetry GenAI, OpenInference, Traceloop or Vercel speak.

Read are

    a list of spans, or one a line, as the exporters of OpenTelemetry print them: in JavaScript
    with `spanContext` and [seconds, nanoseconds], in Python with `context` and ISO 8601 times
    OTLP JSON, `{"resourceSpans": [...]}`
    one flat object of attributes, a single span without ids and times

Each trace is a run; spans without a trace id are each a run of their own. An LLM span is an LLM
call, a tool span a tool call, every other one a step, see `span_rows`. A call that a wrapper and
the vendor's client both report is one call, see `dialects.doubles`; the wrapper of a call that the
dump holds in another trace is a step all the same. Times without a zone are taken as UTC. Finer
parts of a second than microseconds are cut. Attributes that no column holds are in `extra`; those
that repeat the messages of a call are not.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from secondtake.backend.dialects import leaves, read_span
from secondtake.backend.dialects.shapes import ReadSpan
from secondtake.backend.importers.builder import RunBuilder
from secondtake.backend.importers.files import SourceFile, shape_of, stem_of
from secondtake.backend.importers.frame import Importer, Origin
from secondtake.backend.importers.json_lines import BrokenLine, read_json_or_lines
from secondtake.backend.importers.recognising import hint_at
from secondtake.backend.importers.span_places import PlacedSpan, placed
from secondtake.backend.importers.span_rows import (
    add_spans,
    error_of,
    import_notes,
    run_duration_ms,
    run_times,
)
from secondtake.backend.importers.span_words import (
    is_flat,
    is_span,
    problem_of_span,
    raw_spans,
    spans_in,
    trace_id_of,
)
from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object

FORMAT: Final = "spans"


def read_file(path: Path) -> SourceFile:
    """Read a dump of spans, plain or gzipped.

    Raises:
        UsageError: the file is missing, broken, or holds no span.
    """
    text = read_json_or_lines(path)
    values = text.values
    if text.is_whole and is_list(values[0]):
        values = values[0]
    records = traces_in(values)
    problems = [problem_of(record) for record in records]
    if all(problems):
        first = f" (of the first: {problems[0]})" if len(problems) > 1 else ""
        raise UsageError(f"{path} is no dump of spans: {_instead(values)}{first}.{_hint(values)}")
    return SourceFile(path=path, stem=stem_of(path), sha256=text.sha256, records=records)


def traces_in(values: Sequence[Any]) -> list[Any]:
    """Return a record `{"trace_id", "spans"}` a trace, in the order of their first spans.

    What is no span is a record as it is, so that it is said that it is skipped.
    """
    records: list[Any] = []
    by_id: dict[str, list[Any]] = {}
    for value in [span for each in values for span in spans_in(each)]:
        if not is_object(value) or not (is_span(value) or is_flat(value)):
            records.append(value)
            continue
        trace_id = trace_id_of(value)
        if trace_id is not None and trace_id in by_id:
            by_id[trace_id].append(value)
            continue
        spans: list[Any] = [value]
        records.append({"trace_id": trace_id, "spans": spans})
        if trace_id is not None:
            by_id[trace_id] = spans
    return records


def problem_of(record: Any) -> str | None:
    """Say why a record cannot be taken; None when it can."""
    if isinstance(record, BrokenLine):
        return record.problem
    if not is_object(record) or not is_list(record.get("spans")):
        return f"it is {shape_of(record)}, not a span"
    for place, span in enumerate(record["spans"]):
        problem = problem_of_span(span)
        if problem is not None:
            return f"span {place} of its trace {problem}"
    return None


def is_empty(record: Mapping[str, Any]) -> bool:
    """Tell whether nothing was said."""
    return not record["spans"]


def build(record: Mapping[str, Any], origin: Origin, builder: RunBuilder) -> None:
    """Add the events of one trace."""
    raw = raw_spans(record["spans"])
    spans = placed(leaves([read_span(span) for span in raw]))
    _, ended_at = run_times(spans)
    roots = [span.read for span in spans if span.parent_span_id is None]
    _start(record, origin, builder, spans, roots)
    add_spans(spans, builder, extra=_extra)
    failed = [read for read in roots if read.error_type is not None]
    builder.finish(
        status="error" if failed else "ok",
        output=_output(roots[0]) if len(roots) == 1 else None,
        error=error_of(failed[0]) if failed else None,
        ended_at=ended_at,
        duration_ms=run_duration_ms(spans),
    )


def _start(
    record: Mapping[str, Any],
    origin: Origin,
    builder: RunBuilder,
    spans: Sequence[PlacedSpan],
    roots: Sequence[ReadSpan],
) -> None:
    started_at, _ = run_times(spans)
    reads = [span.read for span in spans]
    root = roots[0] if roots else None
    given = root.input if root is not None else None
    if given is None and root is not None:
        asked = [message for message in root.sent or [] if message["role"] == "user"]
        given = asked[-1].get("content") if asked else None
    provenance = {
        "format": FORMAT,
        "file": origin.file.path.name,
        "sha256": origin.file.sha256,
        "index": origin.index,
        "trace_id": record["trace_id"],
        **import_notes(spans),
    }
    dialects = sorted({read.dialect for read in reads if read.dialect is not None})
    builder.start(
        name=root.name if root is not None else FORMAT,
        source=IMPORTER.source,
        config=None,
        inputs=given,
        provenance=provenance,
        rest={},
        labels={
            "session_id": _only(read.session_id for read in reads),
            "user_id": _only(read.user_id for read in reads),
            "agent": _only(read.name for read in reads if read.kind == "agent"),
        },
        tags={"dialect": ", ".join(dialects)} if dialects else {},
        started_at=started_at,
    )


def _only(values: Any) -> str | None:
    """Return what all spans say that say anything; None when they differ."""
    found: set[str] = {value for value in values if value is not None}
    return found.pop() if len(found) == 1 else None


def _output(root: ReadSpan) -> Any:
    if root.output is None and root.answers:
        return root.answers[0].get("content")
    return root.output


def _extra(read: ReadSpan) -> dict[str, Any]:
    raw = read.raw
    return {
        "attributes": read.rest or None,
        "scope": raw.scope,
        "status_message": raw.status_message if not raw.has_failed else None,
        "events": [{"name": e.name, "attributes": dict(e.attributes)} for e in raw.events] or None,
    }


def _instead(values: Sequence[Any]) -> str:
    first = values[0] if values else None
    if is_object(first) and ("$defs" in first or "$schema" in first):
        return "it holds a JSON schema, which describes spans and is none"
    found = shape_of(first if len(values) == 1 else list(values))
    return f"it holds {found}, and a span has a name and attributes"


def _hint(values: Sequence[Any]) -> str:
    return hint_at(list(values), but=FORMAT)


IMPORTER: Final = Importer(
    format=FORMAT,
    help="dumps of spans: OpenTelemetry GenAI, OpenInference, Traceloop, Vercel AI SDK",
    read_file=read_file,
    problem_of=problem_of,
    is_empty=is_empty,
    build=build,
)
"""What the registry holds."""
