"""Exports runs for other programs: one small module a format, over the shared frame."""

from typing import Final

from secondtake.backend.exports import finetune, jsonl, otlp, parquet
from secondtake.backend.exports.frame import Exporter

EXPORTERS: Final[dict[str, Exporter]] = {
    exporter.format: exporter
    for exporter in (jsonl.EXPORTER, parquet.EXPORTER, otlp.EXPORTER, finetune.EXPORTER)
}
"""Every format, by the name that it has on the command line."""
