"""What went wrong with a request, from the wire where it spoke and from the exception where not.

LiteLLM gives connection errors the status 500 and wraps what broke in the middle of a stream, so
the status and the headers that came over the wire are believed first.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from secondtake.runner.calls import LlmFailure, LlmResponse
from secondtake.runner.providers.answers import read_json
from secondtake.runner.providers.wire import WIRELESS_PROVIDERS, WireTap

STATUS_CLASSES: Final = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
    504: "timeout",
}
EXCEPTION_CLASSES: Final = {
    "ContextWindowExceededError": "context_length",
    "ContentPolicyViolationError": "content_filter",
    "Timeout": "timeout",
    "APITimeoutError": "timeout",
    "TimeoutError": "timeout",
    "RateLimitError": "rate_limit",
    "AuthenticationError": "auth",
    "PermissionDeniedError": "auth",
    "PaymentRequiredError": "quota",
    "NotFoundError": "not_found",
    "BadRequestError": "bad_request",
    "UnprocessableEntityError": "bad_request",
    "APIResponseValidationError": "protocol",
    "JSONDecodeError": "protocol",
    "APIConnectionError": "connection",
    "ConnectionError": "connection",
    "BadGatewayError": "server",
    "ServiceUnavailableError": "server",
    "InternalServerError": "server",
}
"""By the name of the exception's class or the nearest of its bases: naming LiteLLM's classes
themselves would import it."""
EVENT_CLASSES: Final = {
    "api_error": "server",
    "authentication_error": "auth",
    "insufficient_quota": "quota",
    "invalid_request_error": "bad_request",
    "not_found_error": "not_found",
    "overloaded_error": "server",
    "permission_error": "auth",
    "rate_limit_error": "rate_limit",
    "rate_limit_exceeded": "rate_limit",
    "server_error": "server",
    "timeout_error": "timeout",
}
"""By the type or code of an error event in the middle of a stream."""

_NO_KEY: Final = re.compile(
    r"missing credentials|api[_ ]key.{0,40}(?:missing|must be set|not set|required)"
    r"|(?:missing|no|set the).{0,40}api[_ ]key",
    re.IGNORECASE,
)


class IncompleteAnswer(ConnectionError):
    """A stream ended before its answer did."""


class StreamError(Exception):
    """The provider ended a stream with an error event."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        super().__init__(str(event.get("message") or dict(event)))
        self.event = event


def describe_failure(
    error: BaseException,
    tap: WireTap,
    *,
    provider: str | None,
    partial: LlmResponse | None = None,
) -> LlmFailure:
    """Return what is known about a failed attempt."""
    headers = tap.headers or _response_headers(error)
    status = tap.status
    if status is None and (headers or provider in WIRELESS_PROVIDERS):
        # Without an answer LiteLLM makes a status up, and a response without headers.
        claimed = getattr(error, "status_code", None)
        status = claimed if isinstance(claimed, int) else None
    return LlmFailure(
        error_class=_classify(error, tap),
        http_status=status,
        retry_after_s=retry_after_s(headers),
        partial=partial,
        provider=provider,
    )


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return how long the provider asks to wait, None when it does not say it legibly.

    It may say so as `retry-after-ms`, or as `Retry-After` in seconds or as an HTTP date.
    """
    values = {name.lower(): value for name, value in headers.items()}
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(values[name]) * unit_s
        except (KeyError, ValueError):
            continue
        # `nan` and `inf` are floats too.
        return seconds if 0 <= seconds < float("inf") else None
    try:
        at = parsedate_to_datetime(values["retry-after"])
    except (KeyError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - (now or datetime.now(UTC))).total_seconds(), 0.0)


def _classify(error: BaseException, tap: WireTap) -> str:
    if isinstance(error, StreamError):
        names = (str(error.event.get(name)) for name in ("code", "type"))
        return next((EVENT_CLASSES[name] for name in names if name in EVENT_CLASSES), "server")
    if tap.status is not None and tap.status >= 400:
        return _status_class(tap.status, error, tap)
    for cause in _causes(error):
        if isinstance(cause, httpx.TimeoutException):
            return "timeout"
        if isinstance(cause, httpx.TransportError):
            return "connection"
    if tap.status is None and _NO_KEY.search(str(error)):
        return "auth"  # the client refused to ask at all; LiteLLM calls that a fault of the server
    if tap.status is not None and not tap.is_stream and read_json(tap.body()) is None:
        return "protocol"
    named = _exception_class(error)
    if named == "connection" and _exception_class(list(_causes(error))[-1]) is None:
        return "unknown"  # LiteLLM calls every fault of its own a connection error
    return named or "unknown"


def _status_class(status: int, error: BaseException, tap: WireTap) -> str:
    body = tap.body()
    if status == 429 and b"insufficient_quota" in body:
        return "quota"  # it stays so, however long one waits
    if status in STATUS_CLASSES:
        return STATUS_CLASSES[status]
    if status >= 500:
        return "server"
    if b"context_length_exceeded" in body:
        return "context_length"
    named = _exception_class(error)
    return named if named in ("context_length", "content_filter") else "bad_request"


def _exception_class(error: BaseException) -> str | None:
    names = (kind.__name__ for kind in type(error).__mro__)
    return next((EXCEPTION_CLASSES[name] for name in names if name in EXCEPTION_CLASSES), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _response_headers(error: BaseException) -> Mapping[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return dict(headers) if headers else {}
