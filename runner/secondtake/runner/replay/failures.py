"""The errors of recorded calls, raised again."""

import builtins
from typing import Any

from secondtake.runner.calls import LlmFailure
from secondtake.runner.errors import ToolError
from secondtake.runner.events import LlmCall
from secondtake.runner.replay.matching import Recorded
from secondtake.runner.replay.recording import Recording


class RecordedFailure(Exception):
    """An error of a library that is not here to raise it; named as it was."""


def is_recorded(error: BaseException) -> bool:
    """Tell whether an error came out of a recording: nobody needs to wait before a retry then."""
    return bool(getattr(error, "is_recorded", False))


def recorded_call_of(error: BaseException) -> Recorded | None:
    """Return the recorded call that an error comes from; None for an error of this run's own."""
    return getattr(error, "recorded_call", None)


def failure_of(recording: Recording, call: Recorded) -> Exception:
    """Return the error that a recorded call ended with, to be raised where it was."""
    made = _made_again(call.error_type or "Exception", call.error_message or "")
    marked: Any = made
    marked.is_recorded = True
    marked.recorded_call = call
    if isinstance(call, LlmCall):
        marked.llm_failure = LlmFailure(
            error_class=call.error_class or "unknown",
            http_status=call.http_status,
            retry_after_s=call.retry_after_s,
            provider=call.provider,
            partial=recording.response_of(call) if call.output_message_ids else None,
        )
    return made


def _made_again(name: str, message: str) -> Exception:
    """Return an error of this class where it is Python's or ours, else one of the same name."""
    known: Any = ToolError if name == "ToolError" else getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, Exception):
        try:
            error: Exception | None = known(message)
        except TypeError:  # as UnicodeDecodeError, which wants more than a text
            error = None
        if error is not None and str(error) == message:
            return error
    named: type[RecordedFailure] = type(name, (RecordedFailure,), {})
    return named(message)
