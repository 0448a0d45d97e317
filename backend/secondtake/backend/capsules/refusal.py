"""Why a file is not opened as a capsule."""

from secondtake.runner.errors import UsageError


class CapsuleRefused(UsageError):
    """A capsule is not what it should be; the text says what is wrong with it."""
