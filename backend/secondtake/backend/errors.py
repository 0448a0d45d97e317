"""What can go wrong when a backend is asked; part of the tree in `secondtake.runner.errors`.

UsageError
  NotFoundError      no run fits
    NotBegunError    the run was accepted, and nothing of it is stored yet
  AmbiguousError     more than one run fits
  SqlRefusedError    a query is not one SELECT over our tables
  ConflictError      what was asked for does not fit how things stand now
  RefusedError       a server does not answer such a request: its Host, its Origin, its size
SecondTakeError
  SqlFailedError     a query was allowed but DuckDB could not answer it
  BusyError          a server has too much to do, or is about to end
  NoServerError      no server answers, or what answers is none of ours
  ServerFaultError   a server met something that it did not expect

`PROBLEMS` says how each travels over HTTP: the server writes it, the client turns it back.
"""

from dataclasses import dataclass
from typing import Final

from secondtake.runner.errors import (
    SecondTakeError as SecondTakeError,  # noqa: PLC0414 - the studio may not import the runner
)
from secondtake.runner.errors import SettingsError, StoreError, UsageError, WorkflowError

PROBLEM_PREFIX: Final = "urn:secondtake:problem:"
"""What the `type` of every problem of ours begins with."""
NAME_CHARS: Final = 100
"""Of what somebody wrote, in a sentence."""


class NotFoundError(UsageError):
    """Nothing in the store fits what was asked for."""


class NotBegunError(NotFoundError):
    """A run was accepted and has not begun yet: ask again in a moment."""


class AmbiguousError(UsageError):
    """More than one thing in the store fits what was asked for."""


class SqlRefusedError(UsageError):
    """A query is not one SELECT over our tables and views."""


class ConflictError(UsageError):
    """What was asked for does not fit how things stand now."""


class RefusedError(UsageError):
    """A server does not answer such a request."""


class SqlFailedError(SecondTakeError):
    """A query was allowed, but it has a mistake or took too long."""


class BusyError(SecondTakeError):
    """A server has too much to do, or is about to end."""


class NoServerError(SecondTakeError):
    """No server answers, or what answers is none of ours."""


class ServerFaultError(SecondTakeError):
    """A server met something that it did not expect; its log has the details."""


def no_comparison(name: str) -> NotFoundError:
    """Return what is raised where no comparison fits a name."""
    shown = name if len(name) <= NAME_CHARS else f"{name[:NAME_CHARS]}..."
    return NotFoundError(f"There is no comparison {shown!r}; write its whole id, or `last`.")


@dataclass(frozen=True, kw_only=True)
class ProblemKind:
    """How an error travels as RFC 9457 problem details."""

    name: str
    """What follows `PROBLEM_PREFIX` in the problem's `type`."""
    status: int
    title: str
    error: type[SecondTakeError]
    """What a client raises for it."""

    @property
    def uri(self) -> str:
        """The problem's `type`."""
        return PROBLEM_PREFIX + self.name


PROBLEMS: Final = (
    ProblemKind(name="not-begun", status=404, title="Not begun yet", error=NotBegunError),
    ProblemKind(name="not-found", status=404, title="Not found", error=NotFoundError),
    ProblemKind(name="ambiguous", status=409, title="More than one fits", error=AmbiguousError),
    ProblemKind(name="sql-refused", status=400, title="Query refused", error=SqlRefusedError),
    ProblemKind(name="sql-failed", status=422, title="Query failed", error=SqlFailedError),
    ProblemKind(name="conflict", status=409, title="Does not fit now", error=ConflictError),
    ProblemKind(name="refused", status=403, title="Request refused", error=RefusedError),
    ProblemKind(name="workflow", status=422, title="Workflow has problems", error=WorkflowError),
    ProblemKind(name="settings", status=500, title="Setting unusable", error=SettingsError),
    ProblemKind(name="usage", status=400, title="Asked in a wrong way", error=UsageError),
    ProblemKind(name="store", status=503, title="Store unavailable", error=StoreError),
    ProblemKind(name="busy", status=503, title="Busy", error=BusyError),
    ProblemKind(name="fault", status=500, title="Unexpected fault", error=ServerFaultError),
    ProblemKind(name="failed", status=500, title="Failed", error=SecondTakeError),
)
"""Of two that fit an error, the first one counts: the nearer class stands before its parent."""

REQUEST_PROBLEMS: Final = {
    kind.status: kind
    for kind in (
        ProblemKind(name="address", status=404, title="No such address", error=UsageError),
        ProblemKind(name="method", status=405, title="Method not allowed", error=UsageError),
        ProblemKind(name="too-large", status=413, title="Body too large", error=RefusedError),
        ProblemKind(name="media-type", status=415, title="Body is not JSON", error=RefusedError),
        ProblemKind(name="validation", status=422, title="Request not valid", error=UsageError),
    )
}
"""Those that a request has before any service is asked, by status."""


def problem_of(error: SecondTakeError) -> ProblemKind:
    """Return how an error travels: by its own class, else by the nearest one above it."""
    return next(kind for kind in PROBLEMS if isinstance(error, kind.error))
