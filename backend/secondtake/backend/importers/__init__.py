"""Imports what other tools recorded: one small module a format, over the shared frame."""

from typing import Final

from secondtake.backend.importers import tau_bench
from secondtake.backend.importers.frame import Importer

IMPORTERS: Final[dict[str, Importer]] = {tau_bench.FORMAT: tau_bench.IMPORTER}
"""Every format, by the name that it has on the command line."""
