"""Questions about the store itself, and their answers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from secondtake.backend.models.base import Model
from secondtake.runner.events import Json

MAX_SQL_ROWS = 100_000
"""The most rows that one query may return."""


class SqlQuery(Model):
    """One SELECT over the tables."""

    text: str
    max_rows: Annotated[int, Field(ge=1, le=MAX_SQL_ROWS)] = 1000
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 30.0


class SqlColumn(Model):
    """A column of a result."""

    name: str
    type: str
    """As DuckDB names it."""


class SqlResult(Model):
    """What a SELECT returned."""

    columns: list[SqlColumn]
    rows: list[list[Json]]
    """JSON values: decimals and times as strings, JSON columns as the value that they hold."""
    truncated: bool
    """True when the query had more rows than were asked for."""
    duration_ms: float


class LoadResult(Model):
    """What a load did. `lines` = `rows` + `rejected` + `duplicates`."""

    segments: int
    lines: int
    rows: int
    """Events that became a row or completed one."""
    rejected: int
    """Lines that could not become rows; they are in `<home>/rejected` now."""
    duplicates: int
    torn_bytes: int
    """Of last lines that a killed writer never finished."""
    interrupted_runs: int
    """Runs whose writer is gone without an end."""
    problems: list[str]
    """One sentence for each file of the journal that is not as it should be."""


class Check(Model):
    """One thing that `doctor` looked at."""

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    """What is so, in one sentence."""
    cure: str | None = None
    """What to do about it, in one line; None when nothing has to be done."""


class Health(Model):
    """What `doctor` found."""

    checks: list[Check]

    @property
    def healthy(self) -> bool:
        """True when no check failed."""
        return all(check.status != "fail" for check in self.checks)


class SettingValue(Model):
    """One setting as it is now."""

    name: str
    value: Json
    origin: str
    """`flag`, `environment NAME`, `.env NAME`, a toml file, or `default`."""
    variable: str
    """The environment variable that sets it."""
    help: str


class Configuration(Model):
    """Every setting: what it is and where that came from."""

    settings: list[SettingValue]
    toml_path: str | None


class WorkerCounts(Model):
    """What the processes that execute runs for the API are doing."""

    starting: int
    idle: int
    busy: int
    waiting: int
    """Of the busy ones: those whose run waits for a person."""
    queued: int
    """Runs that no worker has taken yet."""


class ServerHealth(Model):
    """What a server says of itself."""

    status: Literal["ok", "degraded"]
    detail: str | None = None
    """Why it is not ok, with the cure."""
    version: str
    pid: int
    started_at: datetime
    runs: int
    """In the store."""
    schema_version: int
    pending_segments: int
    """In the journal and not loaded yet, those still written included."""
    workers: WorkerCounts


class Blob(Model):
    """A binary part of a message."""

    media_type: str
    """By its first bytes; `application/octet-stream` when it is no image or sound we show."""
    content: bytes
