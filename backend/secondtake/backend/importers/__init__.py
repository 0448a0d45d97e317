"""Imports what other tools recorded: one small module a format, over the shared frame."""

from typing import Final

from secondtake.backend.importers import (
    inspect_log,
    langfuse,
    mini_swe_agent,
    span_dump,
    swe_agent,
    tau_bench,
)
from secondtake.backend.importers.frame import Importer

IMPORTERS: Final[dict[str, Importer]] = {
    module.FORMAT: module.IMPORTER
    for module in (inspect_log, langfuse, mini_swe_agent, span_dump, swe_agent, tau_bench)
}
"""Every format, by the name that it has on the command line."""
