"""From problem details back to the errors that they were."""

import json
from typing import Any, Final, cast

import httpx2

from secondtake.backend.errors import (
    PROBLEMS,
    REQUEST_PROBLEMS,
    NoServerError,
    RefusedError,
    SecondTakeError,
    ServerFaultError,
)
from secondtake.runner.errors import UsageError, WorkflowError

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

_ERRORS: Final = {kind.uri: kind.error for kind in (*PROBLEMS, *REQUEST_PROBLEMS.values())}


def raise_for_problem(response: httpx2.Response) -> None:
    """Raise what the response says went wrong, if anything did. Its body must have been read.

    Raises:
        SecondTakeError: the class that the server met, with the same message.
        NoServerError: something else than our server answered.
    """
    if response.is_success:
        return
    problem = _problem(response)
    if problem is None:
        raise not_ours(response)
    message = str(problem.get("detail") or problem.get("title"))
    error = _ERRORS.get(str(problem.get("type"))) or _by_status(response.status_code)
    if issubclass(error, WorkflowError):
        problems = problem.get("problems")
        listed = cast("list[Any]", problems) if isinstance(problems, list) else [message]
        raise WorkflowError([str(text) for text in listed])
    raise error(message)


def not_ours(response: httpx2.Response) -> NoServerError:
    """Return the error for an answer that our server would not give."""
    url = str(response.request.url.copy_with(raw_path=b"/")).rstrip("/")
    return NoServerError(
        f"What answers at {url} is no server of Second Take (status {response.status_code}); "
        "start one with `secondtake up`, or correct the address."
    )


def _by_status(status: int) -> type[SecondTakeError]:
    """Return the class for a problem whose type is unknown, as that of a newer server."""
    if status in (401, 403, 413, 415):
        return RefusedError
    return UsageError if status < 500 else ServerFaultError


def _problem(response: httpx2.Response) -> dict[str, Any] | None:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip()
    if media_type != PROBLEM_MEDIA_TYPE:
        return None
    try:
        problem = json.loads(response.content)
    except ValueError:
        return None
    return cast("dict[str, Any]", problem) if isinstance(problem, dict) else None
