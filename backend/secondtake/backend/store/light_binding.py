"""Keeps duckdb from importing pandas, numpy and pyarrow when a query has a parameter.

To tell `pandas.NaT` from other parameters, duckdb imports pandas at the first one, when it is
installed: over a second and 100 MB in every command, for a value that we never bind. It asks once
a process and remembers the two objects; so it is shown a stand-in that has them, while no
real pandas is loaded. Anything else that duckdb may want of pandas later (`.df()` in somebody's
own code in this process) the stand-in takes from the real one.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

from duckdb import DuckDBPyConnection


class _StandIn(ModuleType):
    """Looks like pandas as far as duckdb looks; the rest is the real one's."""

    NaT = object()
    NA = object()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module("pandas"), name)


def bind_without_pandas(con: DuckDBPyConnection) -> None:
    """Bind one parameter with the stand-in in the place of pandas, unless that is loaded."""
    if "pandas" in sys.modules:
        return
    stand_in = _StandIn("pandas")
    sys.modules["pandas"] = stand_in
    try:
        con.execute("SELECT ?", [1])
    finally:
        if sys.modules.get("pandas") is stand_in:
            del sys.modules["pandas"]
