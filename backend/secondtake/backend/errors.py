"""What can go wrong when the store is asked; part of the tree in `secondtake.runner.errors`.

UsageError
  NotFoundError      no run fits
  AmbiguousError     more than one run fits
  SqlRefusedError    a query is not one SELECT over our tables
SecondTakeError
  SqlFailedError     a query was allowed but DuckDB could not answer it
"""

from secondtake.runner.errors import SecondTakeError, UsageError


class NotFoundError(UsageError):
    """Nothing in the store fits what was asked for."""


class AmbiguousError(UsageError):
    """More than one thing in the store fits what was asked for."""


class SqlRefusedError(UsageError):
    """A query is not one SELECT over our tables and views."""


class SqlFailedError(SecondTakeError):
    """A query was allowed, but it has a mistake or took too long."""
