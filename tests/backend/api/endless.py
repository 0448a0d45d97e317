"""A query that would compute for years."""

from pathlib import Path
from typing import Final

from tests.support.stored import write_research_run

from secondtake.backend.models.system import SqlQuery

ENDLESS: Final = SqlQuery(
    text="select sum(a.seq * b.seq * c.seq * d.seq * e.seq) from messages a, messages b, "
    "messages c, messages d, messages e, messages f, messages g, messages h",
    timeout_s=60,
)


def fill(home: Path) -> None:
    """Write enough messages that their product is endless."""
    for _ in range(40):
        write_research_run(home)
