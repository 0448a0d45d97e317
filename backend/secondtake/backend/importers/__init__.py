"""Imports what other tools recorded: one small module a format, over the shared frame."""

from typing import Final

from secondtake.backend.importers import (
    chat_jsonl,
    inspect_log,
    langfuse,
    mini_swe_agent,
    openai_evals,
    promptfoo,
    span_dump,
    swe_agent,
    tau_bench,
)
from secondtake.backend.importers.frame import Importer

_MODULES: Final = (
    chat_jsonl,
    inspect_log,
    langfuse,
    mini_swe_agent,
    openai_evals,
    promptfoo,
    span_dump,
    swe_agent,
    tau_bench,
)
IMPORTERS: Final[dict[str, Importer]] = {module.FORMAT: module.IMPORTER for module in _MODULES}
"""Every format, by the name that it has on the command line."""
