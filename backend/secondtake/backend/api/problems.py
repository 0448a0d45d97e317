"""Every error as problem details (RFC 9457), with the cure."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import duckdb
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from secondtake.backend.api.headers import SECURITY_HEADERS
from secondtake.backend.errors import (
    PROBLEMS,
    REQUEST_PROBLEMS,
    BusyError,
    NotBegunError,
    ProblemKind,
    RefusedError,
    SecondTakeError,
    ServerFaultError,
    problem_of,
)
from secondtake.backend.models.base import Model
from secondtake.runner.errors import StoreError, WorkflowError

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
WHERE: Final = "GET /openapi.json has what there is"
RETRY_AFTER_S: Final = 1
SHOWN_CHARACTERS: Final = 200
"""Of what a request said, in a message."""
DETAIL_CHARACTERS: Final = 4_000
"""Of a message, and of each problem of a workflow."""
PROBLEMS_SHOWN: Final = 100

_log: Final = logging.getLogger("secondtake.api")


class FieldProblem(Model):
    """What is wrong with one field of a request."""

    field: str
    """Where it is: `query.limit`, `body.max_rows`."""
    detail: str


class Problem(Model):
    """Why a request was not answered as it asked, as in RFC 9457."""

    type: str
    """A URN that names the kind of problem; it never changes."""
    title: str
    status: int
    detail: str
    """What is wrong and what to do about it, in one sentence."""
    instance: str
    """The address that was asked."""
    errors: list[FieldProblem] | None = None
    """Of a request that is not valid: each field that is not."""
    problems: list[str] | None = None
    """Of a workflow: one sentence for each problem."""


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the app with problem details."""
    app.add_exception_handler(SecondTakeError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(duckdb.Error, _on_duckdb)
    app.add_exception_handler(Exception, _on_fault)


def problem_response(
    kind: ProblemKind,
    detail: str,
    *,
    instance: str,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """Return an answer that says what is wrong."""
    problem = Problem(
        type=kind.uri,
        title=kind.title,
        status=kind.status,
        detail=_clipped(detail),
        instance=instance[:SHOWN_CHARACTERS],
        **more,
    )
    is_passing = kind.status == HTTPStatus.SERVICE_UNAVAILABLE or kind.error is NotBegunError
    retry = {"Retry-After": str(RETRY_AFTER_S)} if is_passing else {}
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=kind.status,
        headers={**SECURITY_HEADERS, **retry, **(headers or {})},
        media_type=PROBLEM_MEDIA_TYPE,
    )


def _clipped(detail: str) -> str:
    """Return a message that may repeat what somebody wrote, and that may be long."""
    return detail if len(detail) <= DETAIL_CHARACTERS else f"{detail[:DETAIL_CHARACTERS]}..."


def refused(detail: str, *, instance: str) -> JSONResponse:
    """Return the answer to a request that comes from where it should not."""
    return problem_response(problem_of(RefusedError(detail)), detail, instance=instance)


def request_problem(
    status: int, detail: str, *, instance: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the answer to a request that no service is asked with."""
    return problem_response(REQUEST_PROBLEMS[status], detail, instance=instance, headers=headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these answers; each may have one of several kinds."""
    kinds = (*PROBLEMS, *REQUEST_PROBLEMS.values())
    return {
        status: {
            "model": Problem,
            "description": "; ".join(kind.title for kind in kinds if kind.status == status),
            "content": {
                PROBLEM_MEDIA_TYPE: {
                    "example": _example(next(kind for kind in kinds if kind.status == status))
                }
            },
        }
        for status in statuses
    }


def _example(kind: ProblemKind) -> dict[str, Any]:
    return Problem(
        type=kind.uri,
        title=kind.title,
        status=kind.status,
        detail="What is wrong, and what to do about it.",
        instance="/runs/last",
    ).model_dump(mode="json", exclude_none=True)


def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SecondTakeError)
    more: dict[str, Any] = {}
    if isinstance(error, WorkflowError):
        more["problems"] = [_clipped(text) for text in error.problems[:PROBLEMS_SHOWN]]
    return problem_response(problem_of(error), error.message, instance=request.url.path, **more)


def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = _field_problems(error.errors())
    told = "; ".join(f"{field.field}: {field.detail}" for field in fields)
    return problem_response(
        REQUEST_PROBLEMS[422],
        f"The request is not valid: {told}. Correct that; {WHERE}.",
        instance=request.url.path,
        errors=fields,
    )


def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"There is no {path[:SHOWN_CHARACTERS]}; {WHERE}."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{path[:SHOWN_CHARACTERS]} takes {allowed}, not {request.method}; {WHERE}."
    else:
        detail = str(error.detail)
    kind = REQUEST_PROBLEMS.get(error.status_code, REQUEST_PROBLEMS[422])
    if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI could not read the body
        detail = "The body cannot be read as JSON; send one JSON object."
    return problem_response(kind, detail, instance=path, headers=error.headers)


def _on_duckdb(request: Request, error: Exception) -> Response:
    """Answer for a query of ours that was interrupted, or met a disk that refuses."""
    if isinstance(error, duckdb.InterruptException):
        busy = BusyError("The server is about to end; try again when it is back.")
        return _on_error(request, busy)
    if isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException):
        reason = str(error).splitlines()[0].rstrip(".!")
        store = StoreError(f"The database cannot answer: {reason}. Look at `secondtake doctor`.")
        return _on_error(request, store)
    return _on_fault(request, error)


def _on_fault(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = (
        f"The server met something unexpected ({type(error).__name__}); its log says more. "
        "Please report it."
    )
    return problem_response(problem_of(ServerFaultError(detail)), detail, instance=request.url.path)


def _field_problems(errors: Sequence[Mapping[str, Any]]) -> list[FieldProblem]:
    fields: list[FieldProblem] = []
    for error in errors[:PROBLEMS_SHOWN]:
        if error["type"] == "json_invalid":
            reason = error.get("ctx", {}).get("error", "")
            at = error["loc"][-1]
            detail = f"it is not JSON ({reason} at character {at})"
            fields.append(FieldProblem(field="body", detail=detail))
        else:
            place = ".".join(str(part) for part in error["loc"])[:SHOWN_CHARACTERS]
            message = str(error["msg"])[:SHOWN_CHARACTERS]
            fields.append(FieldProblem(field=place, detail=message[:1].lower() + message[1:]))
    return fields
