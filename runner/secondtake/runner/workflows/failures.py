"""How a node fails."""

from secondtake.runner.errors import RunStopped, SecondTakeError


class NodeError(SecondTakeError):
    """A node cannot give what it should; the text ends with the cure."""


class NodeTimeout(NodeError):
    """A node or tool took longer than it may."""


class BranchAbandoned(RunStopped):
    """A parallel branch ends at its next call, because another branch failed."""

    status = "cancelled"
