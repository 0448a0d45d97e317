"""The error tree.

SecondTakeError          something the user can mend; the text ends with the cure
  UsageError             asked for in a wrong way (exit code 2)
    WorkflowError        a workflow file has problems, each with file, line and column
    SettingsError        a setting has no usable value
  StoreError             the database cannot be opened or is newer than this program
  ToolError              a tool refuses its arguments; the model reads the text
RunStopped               BaseException: ends a run; `except Exception` must not catch it
  BudgetExceeded         a limit of the run is used up
  RunCancelled           Ctrl-C, SIGTERM or a request to cancel
  ReplayDiverged         a replay has no answer to a call and may not ask anybody
"""


class SecondTakeError(Exception):
    """Something that the user can mend. The text is one sentence with the cure."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UsageError(SecondTakeError):
    """Something was asked for in a wrong way."""

    exit_code = 2


class WorkflowError(UsageError):
    """A workflow has problems.

    `problems` holds one text each, `file:line:column: what is wrong; how to mend it`.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SettingsError(UsageError):
    """A setting has no usable value."""


class StoreError(SecondTakeError):
    """The database cannot be opened, or is newer than this program."""


class ToolError(SecondTakeError):
    """A tool refuses its arguments or cannot do what they ask; the model reads the text."""


class RunStopped(BaseException):
    """Ends a run from inside a call.

    A `BaseException`, so that neither `except Exception` in an agent nor LangGraph's retry
    swallows it.
    """

    status = "cancelled"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BudgetExceeded(RunStopped):
    """A limit of the run (`usd`, `tokens`, `seconds` or `calls`) is used up."""

    status = "budget_exceeded"


class RunCancelled(RunStopped):
    """Somebody asked the run to end."""


class ReplayDiverged(RunStopped):
    """A replay needs an answer that its recording has not, and nobody else may be asked."""

    status = "error"
