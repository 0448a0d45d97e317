"""Exports runs as OpenTelemetry traces: OTLP JSON, one ExportTraceServiceRequest a line.

A run is a trace: its id is the trace id, and a root span of its own holds the run. Names and
attributes are those of OpenTelemetry's semantic conventions for GenAI, 1.42; what these have no name
for is under `secondtake.`. Ids are hexadecimal, 64-bit integers are text, enums are numbers, as OTLP
JSON has them. A large run is several lines, spans that belong together may be on different ones.

Span ids that are 16 hexadecimal digits stay; of others a digest is taken, and the id itself is in
`secondtake.span_id`. A parent that the run does not have is in `secondtake.missing_parent`, and the
span then hangs from the root. A time that is not known is left out, which is how OTLP says unknown,
and `secondtake.time` says so in words. A price that is not known is not there.
"""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, Final

from secondtake.backend.exports.frame import Exporter, Writer, Written
from secondtake.backend.exports.otlp_spans import spans_of
from secondtake.backend.exports.otlp_values import attributes
from secondtake.backend.exports.rows import RunRows
from secondtake.backend.exports.target import new_file

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/gen-ai/1.42.0"
LINE_CHARS: Final = 4 << 20
"""A line is ended when it has so many characters; receivers take no requests of any size."""


class _Requests:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._spans = 0
        before, after = json.dumps(_request("SPANS"), separators=(",", ":")).split('"SPANS"')
        self._before, self._after = f"{before}[", f"]{after}\n"

    def add(self, line: str) -> None:
        """Write the spans of one run."""
        for group in _grouped(spans_of(RunRows(line))):
            self._file.write(f"{self._before}{','.join(group)}{self._after}".encode())
            self._spans += len(group)

    def written(self) -> Written:
        """Return how many spans there are."""
        return Written(items=self._spans)


def _request(spans: Any) -> Mapping[str, Any]:
    resource = {"service.name": "secondtake", "service.version": version("secondtake")}
    scope = {"name": "secondtake", "version": version("secondtake")}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(resource)},
                "scopeSpans": [{"scope": scope, "spans": spans, "schemaUrl": SCHEMA_URL}],
            }
        ]
    }


def _grouped(spans: Iterator[Mapping[str, Any]]) -> Iterator[list[str]]:
    group: list[str] = []
    chars = 0
    for span in spans:
        text = json.dumps(span, ensure_ascii=False, separators=(",", ":"))
        if group and chars + len(text) > LINE_CHARS:
            yield group
            group, chars = [], 0
        group.append(text)
        chars += len(text)
    yield group


@contextmanager
def _opened(target: Path, force: bool) -> Generator[Writer]:
    with new_file(target, force=force) as file:
        yield _Requests(file)


EXPORTER: Final = Exporter(
    format="otlp",
    help="OpenTelemetry traces with GenAI attributes: OTLP JSON, one request a line",
    item="span",
    is_folder=False,
    tables=("messages", "tool_definitions", "llm_calls", "tool_calls", "node_timings",
            "evaluations"),
    open=_opened,
)  # fmt: skip
"""What the registry holds."""
